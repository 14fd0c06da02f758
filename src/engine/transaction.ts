/** Transaction: a handler's own writes and the completion of its job, both or neither. */
import type pg from 'pg';
import type { ClientBase } from 'pg';
import { StaleAttemptError, unstuckError } from '../domain/errors.ts';
import { encodePayload, type PayloadLimits } from '../domain/payload.ts';
import type { JobLinks } from '../sql/links.ts';
import { begin, commit, rollback } from '../sql/session.ts';
import { awaitRow, findAccepted, finishJobs, finishLinked } from '../sql/settle.ts';
import { sleep } from '../std/timer.ts';
import type { Database, Executor } from '../storage/database.ts';
import { makePartitions } from '../storage/partitions.ts';
import { isConnectionLost, isPartitionMissing, isTransient } from '../storage/postgres-errors.ts';
import { watchSession } from './session-watch.ts';
import { endColumns } from './settle-rows.ts';

const OPEN_ROUNDS = 3;
const CHECK_OUT_MS = 100;

/** The fence of the attempt that completes. */
export interface Fence {
  readonly workerId: string;
  readonly id: string;
  readonly token: string;
  readonly links: JobLinks | null;
  /** Ends the wait for a connection. */
  readonly signal: AbortSignal;
}

/**
 * Runs `fn` on a connection of its own and completes the job with what it returns, in one transaction. Throws StaleAttemptError, with
 * everything rolled back, when the attempt is not ours any more. When the reply to COMMIT is lost, the end is read back.
 */
export async function completeInTransaction<T>(
  database: Database,
  fence: Fence,
  limits: PayloadLimits,
  fn: (tx: ClientBase) => Promise<T>,
): Promise<T> {
  const client = await open(database, fence.signal);
  const watch = new AbortController();
  void watchSession(database, client, watch.signal);
  let broken: Error | undefined;
  let result: { value: T } | undefined;
  try {
    const value = await fn(client);
    await complete(database, client, fence, encode(value, limits));
    result = { value };
    await bounded(client, database.config.statementTimeout).query({
      text: commit.text,
      values: [],
    });
    return value;
  } catch (error) {
    broken = await rollBack(client, error);
    if (result !== undefined && isConnectionLost(error) && (await wasAccepted(database, fence)))
      return result.value;
    if (isPartitionMissing(error)) await makePartitions(database).catch(() => undefined);
    throw error;
  } finally {
    watch.abort();
    client.release(broken);
  }
}

/** Begins on a connection that answers: nothing has been done yet, so a dead one costs the attempt nothing. */
async function open(database: Database, signal: AbortSignal): Promise<pg.PoolClient> {
  for (let round = 1; ; round += 1) {
    const client = await checkOut(database, signal);
    try {
      await bounded(client, database.config.connectTimeout).query({ text: begin.text, values: [] });
      return client;
    } catch (error) {
      client.release(error as Error);
      if (!isConnectionLost(error) || round === OPEN_ROUNDS) throw error;
      database.renewApplication();
    }
  }
}

/** All connections in use is no failure of the attempt: it waits, until its own timeout aborts it. */
async function checkOut(database: Database, signal: AbortSignal): Promise<pg.PoolClient> {
  for (;;) {
    try {
      return await database.application.connect();
    } catch (error) {
      if (signal.aborted || !isConnectionLost(error)) throw error;
      await sleep(CHECK_OUT_MS, signal);
    }
  }
}

/** The engine's own statements on a user's connection have a timeout: on a half-open one they would wait for ever. */
function bounded(client: pg.PoolClient, timeoutMs: number): Executor {
  return {
    query: (query) => {
      const timed: pg.QueryConfig & pg.ClientConfig = { ...query, query_timeout: timeoutMs };
      return client.query(timed);
    },
  };
}

async function complete(
  database: Database,
  client: pg.PoolClient,
  fence: Fence,
  json: string,
): Promise<void> {
  const end = endColumns([{ id: fence.id, token: fence.token, result: json }]);
  const refused = await database.run(
    fence.links === null ? finishJobs : finishLinked,
    [fence.workerId, ...end],
    bounded(client, database.config.statementTimeout),
  );
  if (refused.length > 0) throw new StaleAttemptError(fence.id, fence.token);
}

function encode(value: unknown, limits: PayloadLimits): string {
  const encoded = encodePayload(value ?? null, limits);
  if ('json' in encoded) return encoded.json;
  throw unstuckError(
    'RESULT_UNSTORABLE',
    `The transaction returned a value that cannot be stored: ${encoded.path} ${encoded.problem}. Its writes were rolled back.`,
  );
}

async function rollBack(client: pg.PoolClient, cause: unknown): Promise<Error | undefined> {
  if (isConnectionLost(cause)) return cause as Error;
  return client.query(rollback.text).then(
    () => undefined,
    (error: unknown) => error as Error,
  );
}

async function wasAccepted(database: Database, fence: Fence): Promise<boolean> {
  for (let round = 0; round < 60; round += 1) {
    try {
      await database.run(awaitRow, [fence.id]);
      const rows = await database.run(findAccepted, [
        JSON.stringify([{ id: fence.id, worker: fence.workerId, token: fence.token, ends: true }]),
      ]);
      return rows.length > 0;
    } catch (error) {
      if (!isTransient(error)) throw error;
      await sleep(Math.min(1_000, 50 * 2 ** round));
    }
  }
  return false;
}
