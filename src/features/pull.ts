/** Pull: workers elsewhere, in any language, that claim jobs and end them by calls to this process. */
import type { AnyJob } from '../domain/define-job.ts';
import { unstuckError } from '../domain/errors.ts';
import {
  type PullBeat,
  type PulledFence,
  type PulledJob,
  type PullFailure,
  type PullOptions,
  parseFence,
  parsePull,
  parseWorkerId,
} from '../domain/pull.ts';
import { LONGEST_MS } from '../domain/retry-policy.ts';
import type { Fleet } from '../engine/fleet.ts';
import type { PullClaims, PullEnding } from '../engine/pull-claims.ts';
import type { PullEnds, PulledState } from '../engine/pull-ends.ts';
import { parseDuration } from '../std/duration.ts';
import { shown } from '../std/shown.ts';
import { settlesWithin } from '../std/timer.ts';

const CLOSE_MS = 10_000;

/**
 * What workers elsewhere call, over HTTP or through a door of your own. A worker is a UUID that it makes when it starts; every call of it renews its
 * lease, and after a lease of silence its jobs run elsewhere, like those of a process that died. Calls may come to any process of an installation.
 */
export class Pull {
  #fleet: Fleet;
  #claims: PullClaims;
  #ends: PullEnds;
  #calls = new Set<Promise<unknown>>();

  constructor(fleet: Fleet, claims: PullClaims, ends: PullEnds) {
    this.#fleet = fleet;
    this.#claims = claims;
    this.#ends = ends;
  }

  /**
   * Claims jobs for a worker; waits for a first one as long as it is told to, and resolves to none when none came, or the wait was ended. From the first
   * call on this process takes part in the sweep. Throws REQUEST_INVALID, OPTION_UNKNOWN, JOB_TYPE_INVALID or JOB_ID_INVALID.
   */
  async claim(
    workerId: string,
    options: PullOptions,
    ending: PullEnding = {},
  ): Promise<PulledJob[]> {
    const id = parseWorkerId(workerId);
    const config = parsePull(id, options);
    this.#fleet.handOut();
    return this.#counted(this.#claims.claim(id, config, ending));
  }

  /** Says that a worker still runs a job; tells it whether it shall go on. Throws JOB_NOT_FOUND, JOB_ID_INVALID or REQUEST_INVALID. */
  async heartbeat(fence: PulledFence): Promise<PullBeat> {
    return this.#counted(this.#ends.beat(parseFence(fence)));
  }

  /** A heartbeat that notes how far the work is (0 to 1), and what is being done (at most 500 characters are kept). Throws what `heartbeat` throws. */
  async progress(fence: PulledFence, fraction: number, note?: string): Promise<PullBeat> {
    if (typeof fraction !== 'number' || !(fraction >= 0 && fraction <= 1))
      throw unstuckError(
        'REQUEST_INVALID',
        `Expected progress to be from 0 to 1, got ${shown(fraction)}. Nothing was changed.`,
      );
    return this.#counted(this.#ends.beat(parseFence(fence), { fraction, note }));
  }

  /**
   * Ends a job as completed, or as failed when its result cannot be stored; says which. A repeat is answered alike. Throws STALE_ATTEMPT,
   * JOB_NOT_FOUND, JOB_ID_INVALID or REQUEST_INVALID.
   */
  async complete(fence: PulledFence, result: unknown = null): Promise<PulledState> {
    return this.#counted(this.#ends.complete(parseFence(fence), result));
  }

  /**
   * An attempt failed: the job is tried again (`pending`) as its type says, or has `failed`. `definitions` know backoffs that are not stored: fixed ones and
   * functions. Throws what `complete` throws, and TIME_INVALID.
   */
  async fail(
    fence: PulledFence,
    failure: PullFailure,
    definitions: ReadonlyMap<string, AnyJob> = new Map(),
  ): Promise<PulledState> {
    const { retryAfter } = failure;
    const ms = retryAfter === undefined ? 0 : parseDuration(retryAfter);
    if (ms === undefined || ms > LONGEST_MS)
      throw unstuckError(
        'TIME_INVALID',
        `Expected retryAfter to be a duration from 0 to 10 years such as '30s', got ${shown(retryAfter)}. Nothing was changed.`,
      );
    return this.#counted(this.#ends.fail(parseFence(fence), failure, definitions));
  }

  /** Gives a job back into the queue, uncharged. Throws what `complete` throws. */
  async release(fence: PulledFence): Promise<PulledState> {
    return this.#counted(this.#ends.release(parseFence(fence)));
  }

  /** Signs a worker off: what it still holds goes back uncharged; returns how many jobs. Throws REQUEST_INVALID. */
  async stop(workerId: string): Promise<number> {
    return this.#counted(this.#claims.stop(parseWorkerId(workerId)));
  }

  /** Resolves when the calls that are on their way have ended, and whoever they let on is let on; after 10 s in any case. The waits end with the fleet. */
  async close(): Promise<void> {
    const over = Promise.allSettled(this.#calls).then(() => this.#ends.drain());
    await settlesWithin(over, CLOSE_MS);
  }

  #counted<T>(call: Promise<T>): Promise<T> {
    const gone = (): void => void this.#calls.delete(call);
    this.#calls.add(call);
    call.then(gone, gone);
    return call;
  }
}
