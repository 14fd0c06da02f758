/** Partitions: made apart and attached, detached without a lock and dropped, so that no settle ever waits behind them. */
import { type Names, raw, type Sql, type Statement, sql, statement } from './sql.ts';

/** A table that is partitioned by day. */
export const DAILY_TABLES = [
  'finished_completed',
  'finished_failed',
  'finished_cancelled',
  'attempts',
  'events',
] as const;

/** The name of a table that is partitioned by day. */
export type DailyTable = (typeof DAILY_TABLES)[number];

/** A partition: which table, and the day (`2026-11-21`) that it holds. */
export interface Partition {
  readonly table: DailyTable;
  readonly day: string;
}

/** Every partition that is attached or half detached, and the days that are needed now. */
export const listPartitions: Statement<{ table: string; partition: string; detaching: boolean }> =
  statement(
    'list-partitions',
    (t) => sql`
  select p.relname as table, c.relname as partition, i.inhdetachpending as detaching
  from pg_inherits i join pg_class c on c.oid = i.inhrelid join pg_class p on p.oid = i.inhparent
  where p.relnamespace = ${t.literal}::regnamespace and p.relkind = 'p' and c.relkind = 'r' order by 1, 2`,
  );

/** Tables of partitions that were made or detached by a process that died in between. */
export const listLooseTables: Statement<{ partition: string }> = statement(
  'list-loose-tables',
  (t) => sql`
  select c.relname as partition from pg_class c
  where c.relnamespace = ${t.literal}::regnamespace and c.relkind = 'r' and not c.relispartition
    and c.relname ~ '^(finished_completed|finished_failed|finished_cancelled|attempts|events)_\\d{8}$'`,
);

/** The database's day, as `2026-11-21` in UTC. */
export const readToday: Statement<{ today: string }> = statement(
  'read-today',
  (t) => sql`select to_char(${t.now} at time zone 'utc', 'YYYY-MM-DD') as today`,
);

/** Makes sure that only one process makes partitions at a time; held until the transaction ends. */
export const lockPartitions: Statement<{ locked: boolean }> = statement(
  'lock-partitions',
  (t) =>
    sql`select pg_try_advisory_xact_lock(hashtext('unstuck partitions:' || ${t.literal})::bigint) as locked`,
);

/** How long a session of ours waits for a lock: for statements that cannot run in a transaction. */
export function sessionLockTimeout(ms: number): Sql {
  return raw(`set lock_timeout = ${ms}`);
}

/** The statements that make one partition: apart first, then attached (ATTACH does not block inserts into its siblings). */
export function makePartition(t: Names, partition: Partition): readonly Sql[] {
  const name = raw(`${t.schema.text}.${partitionName(partition)}`);
  const parent = raw(`${t.schema.text}.${partition.table}`);
  const { from, to } = boundsOf(partition.day);
  return [
    sql`create table if not exists ${name} (like ${parent} including defaults including constraints)`,
    sql`alter table ${parent} attach partition ${name} for values from (${from}) to (${to})`,
  ];
}

/** Detaches one partition without blocking anybody; must run on its own, outside a transaction. */
export function detachPartition(t: Names, partition: Partition): Sql {
  const name = raw(`${t.schema.text}.${partitionName(partition)}`);
  return sql`alter table ${raw(`${t.schema.text}.${partition.table}`)} detach partition ${name} concurrently`;
}

/** Completes a detach that was interrupted. */
export function finishDetach(t: Names, partition: Partition): Sql {
  const name = raw(`${t.schema.text}.${partitionName(partition)}`);
  return sql`alter table ${raw(`${t.schema.text}.${partition.table}`)} detach partition ${name} finalize`;
}

/** Drops a table that is attached to nothing. */
export function dropTable(t: Names, partition: Partition): Sql {
  return sql`drop table if exists ${raw(`${t.schema.text}.${partitionName(partition)}`)}`;
}

/** The name of a partition's table: `finished_completed_20261121`. */
export function partitionName(partition: Partition): string {
  return `${partition.table}_${partition.day.replaceAll('-', '')}`;
}

/** Reads a partition from the name of its table; undefined when it is not one. */
export function parsePartition(name: string): Partition | undefined {
  const match = /^([a-z_]+)_(\d{4})(\d{2})(\d{2})$/.exec(name);
  const table = DAILY_TABLES.find((daily) => daily === match?.[1]);
  if (match === null || table === undefined) return undefined;
  return { table, day: `${match[2]}-${match[3]}-${match[4]}` };
}

/** Adds days to a day. */
export function addDays(day: string, days: number): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + days * 86_400_000).toISOString().slice(0, 10);
}

function boundsOf(day: string): { from: Sql; to: Sql } {
  return { from: raw(`'${day} 00:00:00+00'`), to: raw(`'${addDays(day, 1)} 00:00:00+00'`) };
}
