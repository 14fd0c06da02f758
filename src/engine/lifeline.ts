/** Lifeline: the worker's side of the thread that keeps its lease alive. */
import { Worker as Thread } from 'node:worker_threads';
import type { Log } from '../domain/log.ts';
import { type Deferred, deferred } from '../std/deferred.ts';
import { monotonicMs, settlesWithin } from '../std/timer.ts';
import type { AttemptRef, FromLifeline, LifelineSetup, ToLifeline } from './lifeline-messages.ts';

/** What the lifeline asks its worker and tells it. */
export interface LifelineHooks {
  held(): readonly AttemptRef[];
  /** The ids of claims that are on their way. */
  claiming(): readonly string[];
  running(): number;
  ghosts(): number;
  /** The names of loops that have no pulse. */
  stalled(): readonly string[];
  /** These attempts are no longer this worker's. */
  foreign(attempts: readonly (AttemptRef & { readonly cancelled: boolean })[]): void;
  /** These jobs are this worker's in the database, but it does not know them. */
  unknown(attempts: readonly AttemptRef[]): void;
  /** The worker has been declared dead: everything it holds is lost. */
  dead(): void;
}

const LAG_WARN_MS = 1_000;

/** One lease under one worker id; a worker that was declared dead needs a new one. */
export class Lifeline {
  readonly workerId: string;
  #thread: Thread;
  #hooks: LifelineHooks;
  #log: Log;
  #leaseMs: number;
  #registered: Deferred<void> = deferred();
  #exited: Deferred<void> = deferred();
  #confirmedAt = Number.NEGATIVE_INFINITY;
  #ended = false;

  constructor(setup: LifelineSetup, hooks: LifelineHooks, log: Log) {
    this.workerId = setup.workerId;
    this.#hooks = hooks;
    this.#log = log;
    this.#leaseMs = setup.config.lease;
    this.#thread = new Thread(threadUrl(), {
      workerData: setup,
      name: 'unstuck lifeline',
      stderr: false,
    });
    this.#thread.on('message', (message: FromLifeline) => this.#hear(message));
    this.#thread.on('error', (error) => this.#died(error));
    this.#thread.on('exit', () => this.#died(new Error('the lifeline thread exited')));
    this.#registered.promise.catch(() => undefined);
  }

  /** Resolves when the worker is registered and may claim. */
  get registered(): Promise<void> {
    return this.#registered.promise;
  }

  /** How fresh the lease is. */
  get heartbeat(): { readonly confirmedMsAgo: number; readonly held: boolean } {
    const confirmedMsAgo = monotonicMs() - this.#confirmedAt;
    return {
      confirmedMsAgo: Math.round(confirmedMsAgo),
      held: !this.#ended && confirmedMsAgo < this.#leaseMs,
    };
  }

  /** Beats and reconciles at once: a cancel was announced. */
  beatNow(): void {
    this.#post({ kind: 'beat-now' });
  }

  /** Tells the database that this worker takes no more jobs. */
  stopping(): void {
    this.#post({ kind: 'state', state: 'stopping' });
  }

  /** Signs the worker off and ends the thread, within a bound. */
  async end(boundMs: number): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    this.#post({ kind: 'end' });
    if (!(await settlesWithin(this.#exited.promise, boundMs))) await this.#thread.terminate();
  }

  #hear(message: FromLifeline): void {
    switch (message.kind) {
      case 'ask':
        return this.#answer(message.question);
      case 'registered':
        return this.#registered.resolve();
      case 'beat':
        return this.#confirmed(message.lagMs);
      case 'foreign':
        return this.#hooks.foreign(message.attempts);
      case 'unknown':
        return this.#hooks.unknown(message.attempts);
      case 'dead':
        return this.#dead();
      case 'trouble':
        return this.#log.warn('lifeline_trouble', {
          worker: this.workerId,
          error: message.message,
        });
    }
  }

  #answer(question: number): void {
    const hooks = this.#hooks;
    const counts = { running: hooks.running(), ghosts: hooks.ghosts(), stalled: hooks.stalled() };
    this.#post({
      kind: 'answer',
      question,
      held: hooks.held(),
      claiming: hooks.claiming(),
      ...counts,
    });
  }

  #confirmed(lagMs: number): void {
    this.#confirmedAt = monotonicMs();
    if (lagMs > LAG_WARN_MS)
      this.#log.warn('event_loop_blocked', { worker: this.workerId, ms: lagMs });
  }

  #dead(): void {
    if (this.#ended) return;
    this.#ended = true;
    void this.#thread.terminate();
    this.#hooks.dead();
  }

  /** A thread that dies takes the lease with it: the worker goes on under a new identity. */
  #died(error: Error): void {
    this.#exited.resolve();
    if (this.#ended) return;
    this.#log.error('lifeline_died', { worker: this.workerId, error });
    this.#registered.reject(error);
    this.#dead();
  }

  #post(message: ToLifeline): void {
    this.#thread.postMessage(message);
  }
}

/** Thread URLs are not rewritten by the compiler: from source it is .ts, from dist .js. */
function threadUrl(): URL {
  const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
  return new URL(`./lifeline-thread${extension}`, import.meta.url);
}
