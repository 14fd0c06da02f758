/** Attempt: one run of one handler under one token, from its start to the decision of what is written. */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { AnyJob, RunningJob } from '../domain/define-job.ts';
import { StaleAttemptError, unstuckError } from '../domain/errors.ts';
import { parseInput } from '../domain/new-job.ts';
import { toJobError } from '../domain/outcome.ts';
import { toStorableText } from '../domain/payload.ts';
import type { ClaimRow } from '../sql/claim.ts';
import { after, monotonicMs, type Timer } from '../std/timer.ts';
import type { AttemptTrace } from './attempt-trace.ts';
import {
  AWAITED,
  AWAITS_EXECUTIONS,
  type Decision,
  onReturn,
  onThrow,
  onTimeout,
  RELEASED,
} from './decide.ts';
import type { OpenClaim } from './open-claim.ts';

/** Why an attempt's signal was aborted. */
export type AbortCause = 'cancelled' | 'lost' | 'timed-out' | 'stopping' | 'crashed';

/** What an attempt needs from its worker. */
export interface AttemptContext {
  /** The timeout of types that have none of their own. */
  readonly timeoutMs: number;
  readonly abortGraceMs: number;
  readonly limits: { readonly bytesMax: number; readonly depthMax: number };
  /** Begins the trace of an attempt that is about to run; undefined when nobody traces. */
  trace(attempt: Attempt): AttemptTrace | undefined;
  /** Makes what its handler is given. */
  job(attempt: Attempt, input: unknown): RunningJob;
  /** Notes progress; called at most when it changes. */
  progress(attempt: Attempt): void;
  /** Lets executions do the work. */
  fanOut(attempt: Attempt, job: RunningJob): Promise<unknown>;
  /** Sends it to a remote worker. */
  dispatch(attempt: Attempt, job: RunningJob): Promise<Decision | 'dropped'>;
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

/**
 * One attempt. `run` resolves when something can be written about it, which may be before a stubborn handler returns. What few handlers
 * ask for (a signal, a log) and few attempts live long enough for (a timer) is made when it is needed.
 */
export class Attempt {
  readonly row: ClaimRow;
  readonly definition: AnyJob;
  /** The identity under which it is held: that of the worker which claimed it, or of the target to which it was handed over. */
  workerId: string;
  readonly timeoutMs: number;
  readonly claimedAt: number = monotonicMs();
  /** The claim that brought it; undefined when it was claimed by itself, to run alone. */
  claim: OpenClaim | undefined;
  /** Its place among those that its worker holds. */
  place = -1;
  /** Its handler runs, and has not been left behind. */
  active = false;
  /** Set when the handler starts. */
  startedAt: number | undefined;
  /** Set once the end was written in the handler's own transaction. */
  settled = false;
  /** Handed over to a target, which holds it now: nothing that happens to it here is its end. */
  handedOver = false;
  /** Its end is on its way: that statement tells whether the attempt is still ours, and no reconciliation that overtakes it. */
  ending = false;
  /** Its end has been written or refused, or is not ours to write. */
  concluded = false;
  /** The latest progress that was reported. */
  progress: { fraction: number; note: string | undefined } | undefined;
  cause: AbortCause | undefined;
  /** Its spans, while somebody traces. */
  trace: AttemptTrace | undefined;
  #context: AttemptContext;
  #abort: AbortController | undefined;
  #abortedWith: unknown;
  #timer: Timer | undefined;
  #grace: Timer | undefined;
  #handler: AttemptEnd['handler'];
  #left: AttemptEnd['decision'] | undefined;
  #end: ((end: AttemptEnd) => void) | undefined;

  constructor(workerId: string, row: ClaimRow, definition: AnyJob, context: AttemptContext) {
    this.workerId = workerId;
    this.row = row;
    this.definition = definition;
    this.timeoutMs = Number(row.timeout_ms ?? definition.timeoutMs ?? context.timeoutMs);
    this.#context = context;
  }

  /** The signal that the handler sees. */
  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      if (this.cause !== undefined) this.#abort.abort(this.#abortedWith);
    }
    return this.#abort.signal;
  }

  /** Runs the handler until it ends, or until it is given up after its timeout (see `arm`) and grace. Never rejects. */
  run(): Promise<AttemptEnd> {
    this.startedAt = monotonicMs();
    return new Promise((resolve) => {
      this.#end = resolve;
      if (this.#left !== undefined) return this.#leave(this.#left);
      this.trace = this.#context.trace(this);
      const handle = (): NonNullable<AttemptEnd['handler']> =>
        currentAttempt.run(this, () => this.#handle());
      this.#handler = this.trace === undefined ? handle() : this.trace.run(handle);
      void this.#handler.then((decision) => this.#finish({ decision, handler: undefined }));
    });
  }

  /** Starts its clock. A handler that ends within one turn of the event loop needs none. */
  arm(): void {
    if (this.#end === undefined || this.#timer !== undefined) return;
    // From its start: what was fetched ahead has waited in this process, and for no fault of its own.
    const rest = this.timeoutMs - (monotonicMs() - (this.startedAt ?? this.claimedAt));
    this.#timer = after(rest, () => this.abort('timed-out'));
  }

  /** Aborts the signal; the first cause stays. A handler that goes on past the grace is left behind. */
  abort(cause: AbortCause, error: unknown = abortError(cause, this)): void {
    if (this.cause !== undefined) return;
    this.cause = cause;
    this.#abortedWith = error;
    this.#abort?.abort(error);
    const leave = (): void => this.#leave(this.#decisionWhenLeft(error));
    if (cause === 'crashed') leave();
    else if (cause !== 'stopping') this.#grace = after(this.#context.abortGraceMs, leave);
  }

  /** Leaves the handler behind at once: its worker must exit. */
  giveUp(): void {
    this.#leave(this.#decisionWhenLeft(undefined));
  }

  /** An attempt that is left before it was started ends when it is. */
  #leave(decision: AttemptEnd['decision']): void {
    this.#left ??= decision;
    this.#finish({ decision: this.#left, handler: this.#handler });
  }

  /** Only the first end counts. */
  #finish(end: AttemptEnd): void {
    if (this.#end === undefined) return;
    this.#timer?.clear();
    this.#grace?.clear();
    this.trace?.end(end.decision, this.handedOver ? 'handed-over' : this.cause);
    this.#end(end);
    this.#end = undefined;
  }

  async #handle(): Promise<Decision | 'settled' | 'dropped'> {
    try {
      if (this.definition.remote !== undefined) return await this.#dispatch();
      const result = await this.#invoke();
      if (this.settled) return 'settled';
      if (result === AWAITS_EXECUTIONS) return AWAITED;
      return onReturn(result ?? null, this.#context.limits);
    } catch (thrown) {
      return this.settled ? 'settled' : this.#decisionWhenThrown(thrown);
    }
  }

  async #dispatch(): Promise<Decision | 'dropped'> {
    const input = await parseInput(this.definition, this.row.input);
    return this.#context.dispatch(this, this.#context.job(this, input));
  }

  #invoke(): unknown {
    const { input } = this.row;
    if (this.definition.isolate)
      return this.#context.isolated(this, this.#context.job(this, input));
    const parsed = parseInput(this.definition, input);
    return parsed instanceof Promise
      ? parsed.then((later) => this.#runOn(later))
      : this.#runOn(parsed);
  }

  #runOn(input: unknown): unknown {
    if (this.definition.executions !== undefined)
      return this.#context.fanOut(this, this.#context.job(this, input));
    return this.definition.run(this.#context.job(this, input) as never);
  }

  #decisionWhenThrown(thrown: unknown): Decision | 'dropped' {
    if (this.handedOver || thrown instanceof StaleAttemptError) return 'dropped';
    if (this.cause === 'cancelled' || this.cause === 'lost') return 'dropped';
    if (this.cause === 'stopping') return RELEASED;
    try {
      return this.cause === 'timed-out' ? this.#onTimeout() : this.#onThrow(thrown);
    } catch (broken) {
      // Reading a thrown value may throw again; the attempt has ended all the same.
      return { kind: 'finish', state: 'failed', error: toJobError(broken), outcome: 'failed' };
    }
  }

  #onTimeout(): Decision {
    return onTimeout(this.timeoutMs, this.definition, this.#counts(), Math.random());
  }

  #onThrow(thrown: unknown): Decision {
    return onThrow(thrown, this.definition, this.#counts(), Math.random());
  }

  #decisionWhenLeft(error: unknown): Decision | 'dropped' {
    if (this.cause === undefined && !this.handedOver) return RELEASED;
    return this.#decisionWhenThrown(error);
  }

  #counts(): { attempt: number; attemptsMax: number; snoozes: number } {
    return {
      attempt: this.row.attempt,
      attemptsMax: this.row.attempts_max,
      snoozes: this.row.snoozes,
    };
  }

  /** Notes how far the work is; what is no number is ignored. */
  report(fraction: number, note: string | undefined): void {
    if (typeof fraction !== 'number' || Number.isNaN(fraction)) return;
    this.progress = {
      fraction: Math.min(1, Math.max(0, fraction)),
      note: typeof note === 'string' ? toStorableText(note.slice(0, 500)) : this.progress?.note,
    };
    this.#context.progress(this);
  }
}

function abortError(cause: AbortCause, { row, timeoutMs }: Attempt): Error {
  if (cause === 'timed-out')
    return unstuckError(
      'JOB_TIMEOUT',
      `Job ${row.id} ran longer than its timeout of ${timeoutMs} ms.`,
    );
  if (cause === 'lost') return new StaleAttemptError(row.id, row.token);
  if (cause === 'stopping')
    return unstuckError('WORKER_STOPPED', 'The worker is stopping; the job is given back.');
  return new DOMException(`Job ${row.id} was cancelled.`, 'AbortError');
}

/** All that is known of a job that is held without being known: its fence. */
export function unknownRow({ id, token }: Pick<ClaimRow, 'id' | 'token'>): ClaimRow {
  const counts = { attempt: 0, attempts_max: 0, crashes: 0, snoozes: 0, timeout_ms: '0' };
  return {
    id,
    token,
    type: '',
    rank: 0,
    seq: '0',
    ...counts,
    input: null,
    links: null,
  };
}
