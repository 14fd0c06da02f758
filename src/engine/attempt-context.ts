/** Attempt context: what a worker lends to its attempts. */
import { StaleAttemptError } from '../domain/errors.ts';
import type { Log } from '../domain/log.ts';
import { recordStale } from '../sql/settle.ts';
import type { Database } from '../storage/database.ts';
import type { Attempt, AttemptContext } from './attempt.ts';
import { traceAttempt } from './attempt-trace.ts';
import { runFanOut } from './fan-out.ts';
import { runIsolated } from './isolate.ts';
import type { ProgressWriter } from './progress-writer.ts';
import { type Lent, runningJob } from './running-job.ts';
import { completeInTransaction } from './transaction.ts';

/** Makes the context of all attempts of one worker. */
export function attemptContext(
  database: Database,
  log: Log,
  progress: ProgressWriter,
  heartbeat: Lent['heartbeat'],
  dispatch: AttemptContext['dispatch'],
): AttemptContext {
  const { config } = database;
  const limits = { bytesMax: config.resultBytesMax, depthMax: config.depthMax };
  const lent: Lent = {
    log,
    heartbeat,
    transaction: async (attempt, fn) => {
      // A progress write would wait for the row that the transaction is about to lock.
      progress.forget(attempt);
      const { workerId, row } = attempt;
      const { id, token, links } = row;
      const fence = { workerId, id, token, links, signal: attempt.signal };
      const done = completeInTransaction(database, fence, limits, async (tx) => {
        const value = await fn(tx);
        attempt.ending = true;
        return value;
      });
      const value = await recorded(database, log, attempt, done).finally(() => {
        attempt.ending = false;
      });
      attempt.settled = true;
      return value;
    },
  };
  return {
    timeoutMs: config.timeout,
    abortGraceMs: config.abortGrace,
    limits,
    trace: ({ workerId, row, definition }) => traceAttempt(config, workerId, row, definition),
    job: (attempt, input) => runningJob(attempt, input, lent),
    progress: (attempt) => progress.add(attempt),
    dispatch,
    fanOut: (attempt, job) => runFanOut(database, attempt, job),
    isolated: (attempt, job) =>
      recorded(database, log, attempt, runIsolated(database, attempt, job)),
  };
}

/** A late transaction was rolled back; that it came is recorded like any other late result. */
async function recorded<T>(
  database: Database,
  log: Log,
  { workerId, row }: Attempt,
  work: Promise<T>,
): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof StaleAttemptError)) throw error;
    log.warn('late_result_refused', { job: row.id, token: row.token });
    const { id, type, token, attempt } = row;
    await database
      .run(recordStale, [workerId, JSON.stringify([{ id, type, token, attempt }])])
      .catch((failure: unknown) => log.warn('late_result_not_recorded', { error: failure }));
    throw error;
  }
}
