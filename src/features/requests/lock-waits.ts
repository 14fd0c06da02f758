/** Lock waits: how long the requests of one flush wait, all together, for what open transactions of others hold. */
import type { UnstuckError } from '../../domain/errors.ts';
import type { NewJob } from '../../domain/new-job.ts';

/** The first wait, in ms. */
const PATIENT_MS = 1_500;
const SHORT_MS = 100;
/** By now it is many that wait: whoever is to blame is held by a transaction that will not end soon. */
const SHORTEST_MS = 10;
const SHORT_WAITS = 10;

/**
 * What a flush has learned of locks. Each wait is shorter than the one before, and a pool that is held is waited for once: else a batch of 1,000 jobs that
 * want it, or as many requests, would keep all others waiting for most of an hour.
 */
export class LockWaits {
  #waits = 0;
  #held = new Map<string, UnstuckError>();

  /** How long the next lock is waited for. */
  get ms(): number {
    if (this.#waits === 0) return PATIENT_MS;
    return this.#waits < SHORT_WAITS ? SHORT_MS : SHORTEST_MS;
  }

  /** A lock could not be had. */
  note(): void {
    this.#waits += 1;
  }

  /** It was this job that could not have it. When it has a key too, that may have been what was held. */
  noteHeld(job: NewJob | undefined, refusal: UnstuckError): void {
    if (job?.pool !== undefined && job.key === undefined) this.#held.set(job.pool, refusal);
  }

  /** Why a job need not be tried; undefined when it must be. */
  refusalOf({ pool }: NewJob): UnstuckError | undefined {
    return pool === undefined ? undefined : this.#held.get(pool);
  }
}
