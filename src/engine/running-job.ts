/** Running job: what a handler is given of its attempt. */
import type { ClientBase } from 'pg';
import type { RunningJob } from '../domain/define-job.ts';
import { type Log, withFacts } from '../domain/log.ts';
import { providerOf, providersOf } from '../domain/providers.ts';
import type { Attempt } from './attempt.ts';

/** What a worker lends to the handlers of its attempts. */
export interface Lent {
  readonly log: Log;
  heartbeat(): RunningJob['heartbeat'];
  /** Runs `fn` and the completion of the attempt in one transaction. */
  transaction<T>(attempt: Attempt, fn: (tx: ClientBase) => Promise<T>): Promise<T>;
}

/**
 * Makes it; what few handlers ask for (a signal, a log) is made when it is asked for. The getters are shared, and not those of an object literal: V8 makes the
 * functions of such getters among the old objects, where they would keep all that a job refers to until the next full collection (decision 037).
 */
export function runningJob(attempt: Attempt, input: unknown, lent: Lent): RunningJob {
  const { row } = attempt;
  const job = {
    input,
    id: row.id,
    type: row.type,
    attempt: row.attempt,
    attemptsMax: row.attempts_max,
    crashes: row.crashes,
    provider: providerFor(attempt),
    token: row.token,
    idempotencyKey: row.id,
    progress: (fraction: number, note?: string) => attempt.report(fraction, note),
    transaction: <T>(fn: (tx: ClientBase) => Promise<T>) => lent.transaction(attempt, fn),
  };
  Object.defineProperty(job, BEHIND, { value: new Behind(attempt, lent) });
  Object.defineProperty(job, 'signal', SIGNAL);
  Object.defineProperty(job, 'log', LOG);
  Object.defineProperty(job, 'heartbeat', HEARTBEAT);
  return job as typeof job & Pick<RunningJob, 'signal' | 'log' | 'heartbeat'>;
}

/** What stands behind a job, for its getters; found as well by those who wrap it. */
class Behind {
  readonly attempt: Attempt;
  readonly lent: Lent;
  #log: Log | undefined;

  constructor(attempt: Attempt, lent: Lent) {
    this.attempt = attempt;
    this.lent = lent;
  }

  get log(): Log {
    const { row, trace } = this.attempt;
    this.#log ??= withFacts(this.lent.log, {
      job: row.id,
      type: row.type,
      attempt: row.attempt,
      ...(trace === undefined ? {} : { trace_id: trace.traceId }),
    });
    return this.#log;
  }
}

const BEHIND = Symbol('behind');
const SIGNAL = shared(({ attempt }) => attempt.signal);
const LOG = shared((behind) => behind.log);
const HEARTBEAT = shared(({ lent }) => lent.heartbeat());

function shared(read: (behind: Behind) => unknown): PropertyDescriptor {
  return {
    enumerable: true,
    get(this: { readonly [BEHIND]: Behind }) {
      return read(this[BEHIND]);
    },
  };
}

function providerFor({ row, definition }: Attempt): string | undefined {
  if (definition.providers === undefined) return undefined;
  const providers = providersOf(definition.providers, row.input, `job type ${row.type}`);
  return providerOf(providers, row.attempt, definition.retry.attemptsMax);
}
