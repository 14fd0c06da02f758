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

/** Makes it; what few handlers ask for (a signal, a log) is made when it is asked for. */
export function runningJob(attempt: Attempt, input: unknown, lent: Lent): RunningJob {
  const { row } = attempt;
  let log: Log | undefined;
  return {
    input,
    id: row.id,
    type: row.type,
    attempt: row.attempt,
    attemptsMax: row.attempts_max,
    crashes: row.crashes,
    provider: providerFor(attempt),
    token: row.token,
    idempotencyKey: row.id,
    get signal() {
      return attempt.signal;
    },
    get log() {
      log ??= withFacts(lent.log, {
        job: row.id,
        type: row.type,
        attempt: row.attempt,
        ...(attempt.trace === undefined ? {} : { trace_id: attempt.trace.traceId }),
      });
      return log;
    },
    get heartbeat() {
      return lent.heartbeat();
    },
    progress: (fraction, note) => attempt.report(fraction, note),
    transaction: (fn) => lent.transaction(attempt, fn),
  };
}

function providerFor({ row, definition }: Attempt): string | undefined {
  if (definition.providers === undefined) return undefined;
  const providers = providersOf(definition.providers, row.input, `job type ${row.type}`);
  return providerOf(providers, row.attempt, definition.retry.attemptsMax);
}
