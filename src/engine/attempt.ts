/** Attempt: one run of one handler under one token, from its start to the decision of what is written. */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { ClientBase } from 'pg';
import type { AnyJob, RunningJob } from '../domain/define-job.ts';
import { StaleAttemptError, unstuckError } from '../domain/errors.ts';
import { type Log, withFacts } from '../domain/log.ts';
import { inputRefused } from '../domain/new-job.ts';
import { toJobError } from '../domain/outcome.ts';
import { toStorableText } from '../domain/payload.ts';
import type { ClaimRow } from '../sql/claim.ts';
import { deferred } from '../std/deferred.ts';
import { after, monotonicMs, type Timer } from '../std/timer.ts';
import { type Decision, onReturn, onThrow, onTimeout, RELEASED } from './decide.ts';

/** Why an attempt's signal was aborted. */
export type AbortCause = 'cancelled' | 'lost' | 'timed-out' | 'stopping' | 'crashed';

/** What an attempt needs from its worker. */
export interface AttemptContext {
  readonly log: Log;
  readonly abortGraceMs: number;
  readonly limits: { readonly bytesMax: number; readonly depthMax: number };
  heartbeat(): { readonly confirmedMsAgo: number; readonly held: boolean };
  /** Notes progress; called at most when it changes. */
  progress(attempt: Attempt): void;
  /** Runs `fn` and the completion of the attempt in one transaction. */
  transaction<T>(attempt: Attempt, fn: (tx: ClientBase) => Promise<T>): Promise<T>;
  /** Runs the handler somewhere else (a child process). */
  isolated(attempt: Attempt, job: RunningJob): Promise<unknown>;
}

/** How an attempt ended. `settled`: its end was written already, in its own transaction. `dropped`: it is not ours to write. */
export type AttemptEnd = {
  readonly decision: Decision | 'settled' | 'dropped';
  /** What a handler that was left behind decides when it returns after all; undefined when it has returned. */
  readonly handler: Promise<Decision | 'settled' | 'dropped'> | undefined;
};

/** The attempt in whose asynchronous context the caller runs, so that a stray rejection finds its job. */
export const currentAttempt: AsyncLocalStorage<Attempt> = new AsyncLocalStorage();

/** One attempt. `run` resolves when something can be written about it, which may be before a stubborn handler returns. */
export class Attempt {
  readonly row: ClaimRow;
  readonly definition: AnyJob;
  /** The identity of the worker under which it was claimed. */
  readonly workerId: string;
  /** When its time began: at its claim, or, for a job that waited to run alone, at its start. */
  claimedAt: number = monotonicMs();
  /** Set while the handler runs. */
  startedAt: number | undefined;
  /** Set once the end was written in the handler's own transaction. */
  settled = false;
  /** Its end is on its way: that statement tells whether the attempt is still ours, and no reconciliation that overtakes it. */
  ending = false;
  /** The latest progress that was reported. */
  progress: { fraction: number; note: string | undefined } | undefined;
  cause: AbortCause | undefined;
  #context: AttemptContext;
  #abort = new AbortController();
  #timer: Timer | undefined;
  #grace: Timer | undefined;
  #givenUp = deferred<Decision | 'dropped'>();

  constructor(workerId: string, row: ClaimRow, definition: AnyJob, context: AttemptContext) {
    this.workerId = workerId;
    this.row = row;
    this.definition = definition;
    this.#context = context;
  }

  /** The signal that the handler sees. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Runs the handler until it ends, or until it is given up after its timeout and grace. Never rejects. */
  async run(): Promise<AttemptEnd> {
    this.startedAt = monotonicMs();
    this.#timer = after(this.row.timeout_ms - (this.startedAt - this.claimedAt), () =>
      this.abort('timed-out'),
    );
    const handler = currentAttempt.run(this, () => this.#handle());
    const first = await Promise.race([
      handler.then((decision) => ({ decision, gone: true })),
      this.#givenUp.promise.then((decision) => ({ decision, gone: false })),
    ]);
    this.#timer.clear();
    this.#grace?.clear();
    return {
      decision: first.decision,
      handler: first.gone ? undefined : handler,
    };
  }

  /** Aborts the signal; the first cause stays. A handler that goes on past the grace is left behind. */
  abort(cause: AbortCause, error: unknown = abortError(cause, this.row)): void {
    if (this.cause !== undefined) return;
    this.cause = cause;
    this.#abort.abort(error);
    const leave = (): void => this.#givenUp.resolve(this.#decisionWhenLeft(error));
    if (cause === 'crashed') leave();
    else if (cause !== 'stopping') this.#grace = after(this.#context.abortGraceMs, leave);
  }

  /** Leaves the handler behind at once: its worker must exit. */
  giveUp(): void {
    this.#givenUp.resolve(this.#decisionWhenLeft(undefined));
  }

  async #handle(): Promise<Decision | 'settled' | 'dropped'> {
    try {
      const job = await this.#runningJob();
      const result = await (this.definition.isolate
        ? this.#context.isolated(this, job)
        : this.definition.run(job as never));
      return this.settled ? 'settled' : onReturn(result ?? null, this.#context.limits);
    } catch (thrown) {
      return this.settled ? 'settled' : this.#decisionWhenThrown(thrown);
    }
  }

  #decisionWhenThrown(thrown: unknown): Decision | 'dropped' {
    if (this.cause === 'cancelled' || this.cause === 'lost' || thrown instanceof StaleAttemptError)
      return 'dropped';
    if (this.cause === 'stopping') return RELEASED;
    try {
      return this.cause === 'timed-out' ? this.#onTimeout() : this.#onThrow(thrown);
    } catch (broken) {
      // Reading a thrown value may throw again; the attempt has ended all the same.
      return { kind: 'finish', state: 'failed', error: toJobError(broken), outcome: 'failed' };
    }
  }

  #onTimeout(): Decision {
    return onTimeout(this.row.timeout_ms, this.definition, this.#counts(), Math.random());
  }

  #onThrow(thrown: unknown): Decision {
    return onThrow(thrown, this.definition, this.#counts(), Math.random());
  }

  #decisionWhenLeft(error: unknown): Decision | 'dropped' {
    if (this.cause === undefined) return RELEASED;
    return this.#decisionWhenThrown(error);
  }

  #counts(): { attempt: number; attemptsMax: number; snoozes: number } {
    return {
      attempt: this.row.attempt,
      attemptsMax: this.row.attempts_max,
      snoozes: this.row.snoozes,
    };
  }

  async #runningJob(): Promise<RunningJob> {
    const { row } = this;
    const context = this.#context;
    const input = await this.#parseInput();
    return {
      input,
      id: row.id,
      type: row.type,
      attempt: row.attempt,
      attemptsMax: row.attempts_max,
      crashes: row.crashes,
      token: row.token,
      idempotencyKey: row.id,
      signal: this.signal,
      log: withFacts(context.log, { job: row.id, type: row.type, attempt: row.attempt }),
      get heartbeat() {
        return context.heartbeat();
      },
      progress: (fraction, note) => this.#report(fraction, note),
      transaction: (fn) => context.transaction(this, fn),
    };
  }

  async #parseInput(): Promise<unknown> {
    if (this.definition.isolate) return this.row.input;
    const checked = await this.definition.schema['~standard'].validate(this.row.input);
    if (checked.issues === undefined) return checked.value;
    throw inputRefused(checked.issues);
  }

  #report(fraction: number, note: string | undefined): void {
    if (typeof fraction !== 'number' || Number.isNaN(fraction)) return;
    this.progress = {
      fraction: Math.min(1, Math.max(0, fraction)),
      note: typeof note === 'string' ? toStorableText(note.slice(0, 500)) : this.progress?.note,
    };
    this.#context.progress(this);
  }
}

function abortError(cause: AbortCause, row: ClaimRow): Error {
  if (cause === 'timed-out')
    return unstuckError(
      'JOB_TIMEOUT',
      `Job ${row.id} ran longer than its timeout of ${row.timeout_ms} ms.`,
    );
  if (cause === 'lost') return new StaleAttemptError(row.id, row.token);
  if (cause === 'stopping')
    return unstuckError('WORKER_STOPPED', 'The worker is stopping; the job is given back.');
  return new DOMException(`Job ${row.id} was cancelled.`, 'AbortError');
}

/** All that is known of a job that is held without being known: its fence. */
export function unknownRow({ id, token }: Pick<ClaimRow, 'id' | 'token'>): ClaimRow {
  const counts = { attempt: 0, attempts_max: 0, crashes: 0, snoozes: 0, timeout_ms: 0 };
  return { kind: 'job', id, token, type: '', rank: 0, seq: '0', ...counts, input: null };
}
