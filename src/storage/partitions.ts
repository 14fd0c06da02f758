/** Partitions: makes the days that are needed, ends those whose retention is over; one process at a time. */
import type pg from 'pg';
import type { Log } from '../domain/log.ts';
import type { Config } from '../domain/options.ts';
import {
  addDays,
  DAILY_TABLES,
  type DailyTable,
  dropLoose,
  dropPartition,
  finishDetach,
  listLooseTables,
  listPartitions,
  lockPartitions,
  makePartition,
  type Partition,
  parsePartition,
  partitionName,
  readToday,
  unlockPartitions,
} from '../sql/partitions.ts';
import { begin, commit, rollback } from '../sql/session.ts';
import type { Sql } from '../sql/sql.ts';
import type { Database } from './database.ts';
import { isForbidden } from './postgres-errors.ts';

/** The days that are made ahead of today. */
export const DAYS_AHEAD = 7;
const LOCK_MS = 1_000;

/** What a round of retention did. */
export interface Retention {
  readonly made: readonly string[];
  readonly dropped: readonly string[];
}

/** Makes the partitions of yesterday to a week ahead that are missing, and nothing else. */
export async function makePartitions(database: Database): Promise<string[]> {
  return database
    .withClient((client) => alone(database, client, () => makeMissing(database, client)))
    .then((made) => made ?? []);
}

/** Makes what is missing and drops what is over. Another process doing it is no error: the round is skipped. */
export async function retain(database: Database): Promise<Retention> {
  const done = await database.withClient((client) =>
    alone(database, client, async () => ({
      made: await makeMissing(database, client),
      dropped: await dropOver(database, client),
    })),
  );
  return done ?? { made: [], dropped: [] };
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

async function alone<T>(
  database: Database,
  client: pg.Client,
  work: () => Promise<T>,
): Promise<T | undefined> {
  await client.query(`set lock_timeout = ${LOCK_MS}`);
  const [lock] = await database.run(lockPartitions, [], client);
  if (lock?.locked !== true) return undefined;
  try {
    return await work();
  } finally {
    await database.run(unlockPartitions, [], client).catch(() => undefined);
  }
}

async function makeMissing(database: Database, client: pg.Client): Promise<string[]> {
  const today = await todayOf(database, client);
  const there = new Set(
    (await database.run(listPartitions, [], client)).map((row) => row.partition),
  );
  const made: string[] = [];
  for (const partition of wanted(today)) {
    if (there.has(partitionName(partition))) continue;
    await makeOne(database, client, partition);
    made.push(partitionName(partition));
  }
  return made;
}

/** Attaching an empty table and its making are one transaction, so that a crash leaves neither. */
async function makeOne(database: Database, client: pg.Client, partition: Partition): Promise<void> {
  await client.query(begin.text);
  try {
    for (const part of makePartition(database.names, partition)) await client.query(part.text);
    await client.query(commit.text);
  } catch (error) {
    await client.query(rollback.text);
    throw error;
  }
}

async function dropOver(database: Database, client: pg.Client): Promise<string[]> {
  const today = await todayOf(database, client);
  const dropped: string[] = [];
  for (const row of await database.run(listPartitions, [], client)) {
    const partition = parsePartition(row.partition);
    if (partition === undefined || (!row.detaching && !isOver(partition, today, database.config)))
      continue;
    if (row.detaching) await client.query(finishDetach(database.names, partition).text);
    const [detach, drop] = dropPartition(database.names, partition) as [Sql, Sql];
    if (!row.detaching) await client.query(detach.text);
    await client.query(drop.text);
    dropped.push(row.partition);
  }
  for (const row of await database.run(listLooseTables, [], client)) {
    const partition = parsePartition(row.partition);
    if (partition === undefined || !isOver(partition, today, database.config)) continue;
    await client.query(dropLoose(database.names, partition).text);
    dropped.push(row.partition);
  }
  return dropped;
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

async function todayOf(database: Database, client: pg.Client): Promise<string> {
  const [row] = await database.run(readToday, [], client);
  return row?.today as string;
}
