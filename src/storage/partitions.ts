/** Partitions: makes the days that are needed, ends those whose retention is over; leaves no setting and no lock in a session. */
import type pg from 'pg';
import type { Log } from '../domain/log.ts';
import type { Config } from '../domain/options.ts';
import { lockTimeout } from '../sql/migrate.ts';
import {
  addDays,
  DAILY_TABLES,
  type DailyTable,
  detachPartition,
  dropTable,
  finishDetach,
  listLooseTables,
  listPartitions,
  lockPartitions,
  makePartition,
  type Partition,
  parsePartition,
  partitionName,
  readToday,
  sessionLockTimeout,
} from '../sql/partitions.ts';
import { begin, commit, rollback } from '../sql/session.ts';
import type { Database } from './database.ts';

import { codeOf, isForbidden } from './postgres-errors.ts';

/** The days that are made ahead of today. */
export const DAYS_AHEAD = 7;
const LOCK_MS = 1_000;
/** A table has one detach at a time, and another process is at it. */
const DETACH_PENDING = '55000';

/** What a round of retention did. */
export interface Retention {
  readonly made: readonly string[];
  readonly dropped: readonly string[];
}

/** Makes the partitions of yesterday to a week ahead that are missing, and nothing else; leaves the rest to another process that makes some. */
export async function makePartitions(database: Database): Promise<string[]> {
  return database.withClient((client) => makeMissing(database, client));
}

/** The same at a start, when mostly all are there: then it needs no connection of its own. */
export async function ensurePartitions(database: Database): Promise<void> {
  if ((await missing(database)).length > 0) await makePartitions(database);
}

/** Makes what is missing and drops what is over. Another process doing it is no error: what that has in hand is skipped. */
export async function retain(database: Database): Promise<Retention> {
  return database.withClient(async (client) => ({
    made: await makeMissing(database, client),
    dropped: await dropOver(database, client),
  }));
}

/**
 * Where migrating is another role's business, so are partitions: a refusal is logged as a warning, with what to do, and its answer is
 * undefined. Throws everything else.
 */
export async function unlessForbidden<T>(
  { config }: Database,
  log: Log,
  work: Promise<T>,
): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (config.migrate || !isForbidden(error)) throw error;
    log.warn('partitions_forbidden', {
      error,
      fix: 'let a process that sweeps connect as the owner of the tables, or run `unstuck migrate` as it at least once a week',
    });
    return undefined;
  }
}

async function makeMissing(database: Database, client: pg.Client): Promise<string[]> {
  const made: string[] = [];
  for (const partition of await missing(database, client)) {
    const outcome = await briefly(client, () => makeOne(database, client, partition));
    if (outcome === 'busy') break;
    if (outcome === 'made') made.push(partitionName(partition));
  }
  return made;
}

async function missing(database: Database, on?: pg.Client): Promise<Partition[]> {
  const there = await attached(database, on);
  return [...wanted(await todayOf(database, on))].filter((one) => !there.has(partitionName(one)));
}

/** One process at a time; the lock ends with the transaction, which a transaction pooler keeps on one session. */
async function makeOne(
  database: Database,
  client: pg.Client,
  partition: Partition,
): Promise<'made' | 'there' | 'busy'> {
  const [lock] = await database.run(lockPartitions, [], client);
  if (lock?.locked !== true) return 'busy';
  if ((await attached(database, client)).has(partitionName(partition))) return 'there';
  for (const part of makePartition(database.names, partition)) await client.query(part.text);
  return 'made';
}

async function attached(database: Database, on?: pg.Client): Promise<Set<string>> {
  return new Set((await database.run(listPartitions, [], on)).map((row) => row.partition));
}

async function dropOver(database: Database, client: pg.Client): Promise<string[]> {
  const today = await todayOf(database, client);
  const dropped: string[] = [];
  for (const row of await database.run(listPartitions, [], client)) {
    const partition = parsePartition(row.partition);
    if (partition === undefined || (!row.detaching && !isOver(partition, today, database.config)))
      continue;
    if (await dropOne(database, client, { partition, detaching: row.detaching }))
      dropped.push(row.partition);
  }
  for (const row of await database.run(listLooseTables, [], client)) {
    const partition = parsePartition(row.partition);
    if (partition === undefined || !isOver(partition, today, database.config)) continue;
    await briefly(client, () => client.query(dropTable(database.names, partition).text));
    dropped.push(row.partition);
  }
  return dropped;
}

/** Answers false when another process took the partition in hand meanwhile: then there is nothing to detach. */
async function dropOne(
  database: Database,
  client: pg.Client,
  { partition, detaching }: { readonly partition: Partition; readonly detaching: boolean },
): Promise<boolean> {
  try {
    if (!detaching) await detach(database, client, partition);
    await briefly(client, async () => {
      if (detaching) await client.query(finishDetach(database.names, partition).text);
      await client.query(dropTable(database.names, partition).text);
    });
    return true;
  } catch (error) {
    if (codeOf(error) === DETACH_PENDING) return false;
    const there = await attached(database, client);
    if (there.has(partitionName(partition))) throw error;
    return false;
  }
}

/**
 * It cannot run in a transaction, so its patience is the session's; behind a transaction pooler that would stay with a session of others,
 * and the statement's own waiting, which blocks nobody, ends with the connection.
 */
async function detach(database: Database, client: pg.Client, partition: Partition): Promise<void> {
  if (!database.pooled) await client.query(sessionLockTimeout(LOCK_MS).text);
  await client.query(detachPartition(database.names, partition).text);
}

/** Runs `work` in a transaction that waits for no lock longer than a second, and leaves nothing behind in the session. */
async function briefly<T>(client: pg.Client, work: () => Promise<T>): Promise<T> {
  await client.query(begin.text);
  try {
    await client.query(lockTimeout(LOCK_MS).text);
    const result = await work();
    await client.query(commit.text);
    return result;
  } catch (error) {
    await client.query(rollback.text).catch(() => undefined);
    throw error;
  }
}

function* wanted(today: string): Generator<Partition> {
  for (const table of DAILY_TABLES) {
    for (let day = -1; day <= DAYS_AHEAD; day += 1) yield { table, day: addDays(today, day) };
  }
}

/** A day is over when even its last row is older than the retention. */
function isOver(partition: Partition, today: string, config: Config): boolean {
  const days = Math.ceil(keepMs(partition.table, config) / 86_400_000);
  return addDays(partition.day, days + 1) <= today;
}

function keepMs(table: DailyTable, config: Config): number {
  if (table === 'finished_completed') return config.keepCompleted;
  if (table === 'finished_cancelled') return config.keepCancelled;
  return table === 'finished_failed'
    ? config.keepFailed
    : Math.max(config.keepFailed, config.keepCompleted, config.keepCancelled);
}

async function todayOf(database: Database, on?: pg.Client): Promise<string> {
  const [row] = await database.run(readToday, [], on);
  return row?.today as string;
}
