/** Waiter: resolves when jobs have finished, at once for those that end in this process, by polling for the others. */
import { unstuckError } from '../domain/errors.ts';
import type { Job } from '../domain/job.ts';
import { type Duration, parseDuration } from '../std/duration.ts';
import { monotonicMs, sleep } from '../std/timer.ts';
import { isTransient } from '../storage/postgres-errors.ts';

/** How long a caller is ready to wait. */
export interface WaitOptions {
  /** Default: for ever. */
  readonly timeout?: Duration;
  readonly signal?: AbortSignal;
}

/** What one look found: the job, nothing, or that the database could not be asked. */
interface Look {
  readonly job?: Job | undefined;
  readonly lost?: unknown;
}

const POLL_FIRST_MS = 25;
const POLL_MAX_MS = 500;

/** Waits for ends of jobs. */
export class Waiter {
  #read: (id: string) => Promise<Job | undefined>;
  #waiting = new Map<string, Set<() => void>>();
  #stop = new AbortController();

  constructor(read: (id: string) => Promise<Job | undefined>) {
    this.#read = read;
  }

  /** A job ended in this process. */
  ended(id: string): void {
    for (const wake of this.#waiting.get(id) ?? []) wake();
  }

  /** Ends all waits with WORKER_STOPPED. */
  stop(): void {
    this.#stop.abort();
  }

  /** Resolves with the finished job. */
  async wait(id: string, options: WaitOptions): Promise<Job> {
    const timeoutMs =
      options.timeout === undefined ? Number.POSITIVE_INFINITY : parseDuration(options.timeout);
    if (timeoutMs === undefined)
      throw unstuckError(
        'TIME_INVALID',
        `Expected timeout to be a duration such as '30s', got ${String(options.timeout)}.`,
      );
    const until = monotonicMs() + timeoutMs;
    for (let pauseMs = POLL_FIRST_MS; ; pauseMs = Math.min(POLL_MAX_MS, pauseMs * 1.5)) {
      this.#check(options.signal);
      const { job, lost } = await this.#look(id);
      if (job === undefined && lost === undefined)
        throw unstuckError(
          'JOB_NOT_FOUND',
          `There is no job ${id}. It never existed, or its retention has ended.`,
          { detail: { id } },
        );
      if (job !== undefined && job.finishedAt !== null) return job;
      const leftMs = until - monotonicMs();
      if (leftMs <= 0) throw timedOut(id, options.timeout, { job, lost });
      await this.#pause(id, Math.min(pauseMs, leftMs), options.signal);
    }
  }

  /** A lost connection says nothing about the job: the next look may find it. */
  async #look(id: string): Promise<Look> {
    try {
      return { job: await this.#read(id) };
    } catch (lost) {
      if (!isTransient(lost)) throw lost;
      return { lost };
    }
  }

  #check(signal: AbortSignal | undefined): void {
    signal?.throwIfAborted();
    if (this.#stop.signal.aborted)
      throw unstuckError(
        'WORKER_STOPPED',
        'This connection has been closed while it waited for a job.',
      );
  }

  async #pause(id: string, ms: number, signal: AbortSignal | undefined): Promise<void> {
    const wake = new AbortController();
    const onWake = (): void => wake.abort();
    const set = this.#waiting.get(id) ?? new Set();
    this.#waiting.set(id, set.add(onWake));
    signal?.addEventListener('abort', onWake, { once: true });
    this.#stop.signal.addEventListener('abort', onWake, { once: true });
    await sleep(ms, wake.signal);
    signal?.removeEventListener('abort', onWake);
    this.#stop.signal.removeEventListener('abort', onWake);
    set.delete(onWake);
    if (set.size === 0) this.#waiting.delete(id);
  }
}

function timedOut(id: string, timeout: Duration | undefined, { job, lost }: Look): Error {
  const found =
    job === undefined
      ? `could not be read: ${(lost as Error).message}`
      : `is still ${job.state} after ${String(timeout)}; it goes on. Next: ${job.next}`;
  return unstuckError('WAIT_TIMEOUT', `Job ${id} ${found}.`, {
    detail: { id, state: job?.state },
    cause: lost,
  });
}
