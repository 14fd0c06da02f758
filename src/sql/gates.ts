/** Gates: at which gate a job stands next, as expressions on `jobs j`; every way into the queue is written with these. */
import { type Names, type Sql, sql } from './sql.ts';

/** The columns that `standing` gives. */
export const STANDING: Sql = sql`(waits_for, wake_at, claim_by)`;

/** The gate of a job that has passed the hold; `due`: its own time, or null. */
export const afterHold = (t: Names, due: Sql): Sql =>
  sql`case when j.wants_pool is not null and j.slot_pool is null then 'slot' when ${due} > ${t.now} then 'time'
      when j.limit_key is not null then 'limit' end`;

/** The gate of a job whose time has come. */
export const afterTime: Sql = sql`case when j.limit_key is not null then 'limit' end`;

/**
 * The values of `STANDING` for a job at a gate (null: in the queue). At `slot` and `limit` the time is that after which a finding says why it
 * waits: the same as for a worker.
 */
export const standing = (
  t: Names,
  gate: Sql,
  due: Sql,
  claimWithin: Sql = sql`j.claim_within_ms`,
): Sql => sql`(
      select g.gate, case when g.gate = 'time' then ${due} when g.gate is not null then ${t.now} + ${claimWithin} * interval '1 ms' end,
        case when g.gate is null then ${t.now} + ${claimWithin} * interval '1 ms' end
      from (select ${gate} as gate) g)`;

/** Whom else the row of a job concerns (its parent, its pool, the key of its limit), as a list; null for a plain job. */
export const linksOf = (row: Sql): Sql =>
  sql`case when coalesce(${row}.parent_id::text, ${row}.wants_pool, ${row}.limit_key) is not null
      then jsonb_build_array(${row}.parent_id, ${row}.wants_pool, ${row}.limit_key) end`;

/** Jobs that stand at a gate, the one whose time comes first before the others: what follows `select` and precedes `limit`. */
export const standingAt = (t: Names, gate: Sql): Sql =>
  sql`from ${t.jobs} j where j.waits_for = ${gate} order by j.wake_at`;

/** Those of them whose time has come. */
export const dueAt = (t: Names, gate: Sql): Sql =>
  sql`from ${t.jobs} j where j.waits_for = ${gate} and j.wake_at <= ${t.now} order by j.wake_at`;

/** The same, with the trace of the row behind it; null for a plain job that nobody traces. */
export const linksAndTraceOf = (row: Sql): Sql =>
  sql`case when ${row}.trace is not null then jsonb_build_array(${row}.parent_id, ${row}.wants_pool, ${row}.limit_key, ${row}.trace)
      else ${linksOf(row)} end`;
