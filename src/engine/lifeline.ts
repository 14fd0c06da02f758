/** Lifeline: the worker's side of what keeps its lease alive: in this thread while it holds nothing, in one of its own from its first job on. */
import type { Worker as Thread } from 'node:worker_threads';
import type { Log } from '../domain/log.ts';
import { type Deferred, deferred } from '../std/deferred.ts';
import { late } from '../std/late.ts';
import { monotonicMs, settlesWithin } from '../std/timer.ts';
import { LifelineKeeper } from './lifeline-keeper.ts';
import type { AttemptRef, FromLifeline, LifelineSetup, ToLifeline } from './lifeline-messages.ts';

/** What the lifeline asks its worker and tells it. */
export interface LifelineHooks {
  held(): readonly AttemptRef[];
  /** The ids of claims that are on their way. */
  claiming(): readonly string[];
  /** The ids of claims none of whose jobs is held any more; each is given once. */
  over(): readonly string[];
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

type Answer = Extract<ToLifeline, { kind: 'answer' }>;

const LAG_WARN_MS = 1_000;

/**
 * One lease under one worker id; a worker that was declared dead needs a new one. A handler may block this thread for longer than a lease, so
 * jobs need a keeper in a thread of its own; a worker that has not had any does without (it takes 20 MB).
 */
export class Lifeline {
  readonly workerId: string;
  #setup: LifelineSetup;
  /** Keeps the lease until the thread does. */
  #keeper: LifelineKeeper | undefined;
  #thread: Thread | undefined;
  #hooks: LifelineHooks;
  #log: Log;
  #registered: Deferred<void> = deferred();
  #exited: Deferred<void> = deferred();
  #confirmedAt = Number.NEGATIVE_INFINITY;
  #ended = false;

  constructor(setup: Omit<LifelineSetup, 'lockKey'>, hooks: LifelineHooks, log: Log) {
    this.workerId = setup.workerId;
    this.#setup = { ...setup, lockKey: null };
    this.#hooks = hooks;
    this.#log = log;
    const keeper = new LifelineKeeper(this.#setup, (message) =>
      this.#hear(message, (answer) => keeper.hear(answer)),
    );
    this.#keeper = keeper;
    this.#registered.promise.catch(() => undefined);
  }

  /** The worker holds a job: its lease is kept in a thread of its own from now on. */
  guard(): void {
    if (this.#thread !== undefined || this.#ended) return;
    const workerData = { ...this.#setup, lockKey: this.#keeper?.lockKey ?? null };
    const { Worker } = late.workerThreads;
    const thread = new Worker(threadUrl(), { workerData, name: 'unstuck lifeline', stderr: false });
    thread.on('message', (message: FromLifeline) => {
      if (message.kind === 'registered') this.#retireKeeper();
      else this.#hear(message, (answer) => thread.postMessage(answer));
    });
    thread.on('error', (error) => this.#died(error));
    thread.on('exit', () => this.#died(new Error('the lifeline thread exited')));
    this.#thread = thread;
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
      held: !this.#ended && confirmedMsAgo < this.#setup.config.lease,
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

  /** Signs the worker off and ends what keeps its lease, within a bound. */
  async end(boundMs: number): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    const thread = this.#thread;
    thread?.postMessage({ kind: 'end' } satisfies ToLifeline);
    const over = Promise.all([this.#keeper?.end(), thread && this.#exited.promise]);
    if (!(await settlesWithin(over, boundMs))) await thread?.terminate();
  }

  #hear(message: FromLifeline, reply: (answer: Answer) => void): void {
    switch (message.kind) {
      case 'ask':
        return reply(this.#answer(message.question));
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

  #answer(question: number): Answer {
    const hooks = this.#hooks;
    const counts = { running: hooks.running(), ghosts: hooks.ghosts(), stalled: hooks.stalled() };
    const claims = { claiming: hooks.claiming(), over: hooks.over() };
    return { kind: 'answer', question, held: hooks.held(), ...claims, ...counts };
  }

  #retireKeeper(): void {
    void this.#keeper?.retire();
    this.#keeper = undefined;
  }

  #confirmed(lagMs: number): void {
    this.#confirmedAt = monotonicMs();
    if (lagMs > LAG_WARN_MS)
      this.#log.warn('event_loop_blocked', { worker: this.workerId, ms: lagMs });
  }

  #dead(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#retireKeeper();
    void this.#thread?.terminate();
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

  #post(message: Exclude<ToLifeline, { kind: 'end' | 'answer' }>): void {
    this.#keeper?.hear(message);
    this.#thread?.postMessage(message);
  }
}

/** Thread URLs are not rewritten by the compiler: from source it is .ts, from dist .js. */
function threadUrl(): URL {
  const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
  return new URL(`./lifeline-thread${extension}`, import.meta.url);
}
