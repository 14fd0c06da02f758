/** Schedules: setting and pausing them, and the statements of the transaction that fires those that are due. */
import type { ChangedRow } from './admin.ts';
import { linksOf } from './gates.ts';
import { among, eachJob } from './probes.ts';
import { keepCte } from './settle.ts';
import { type Names, type Sql, type Statement, sql, statement } from './sql.ts';

/** A row of `schedules`, its input as JSON text, with the database's time. */
export interface ScheduleRow {
  readonly name: string;
  readonly type: string;
  readonly input: string;
  readonly cron: string | null;
  readonly every_ms: string | null;
  readonly anchor: Date | null;
  readonly timezone: string;
  readonly missed: string;
  readonly missed_max: number;
  readonly overlap: string;
  readonly rank: number;
  readonly tags: string[];
  readonly claim_within_ms: string | null;
  readonly attempts_max: number | null;
  readonly wants_pool: string | null;
  readonly when_full: string | null;
  readonly limit_key: string | null;
  readonly next_at: Date;
  readonly last_at: Date | null;
  readonly last_job_id: string | null;
  readonly fired_to: Date | null;
  readonly fired_times: string;
  readonly missed_times: string;
  readonly skipped_times: string;
  readonly last_skipped_at: Date | null;
  readonly paused_at: Date | null;
  readonly paused_until: Date | null;
  readonly pause_reason: string | null;
  readonly paused_by: string | null;
  readonly error: unknown;
  readonly error_at: Date | null;
  readonly errors: number;
  readonly created_at: Date;
  readonly updated_at: Date;
  readonly now: Date;
}

const columns = (
  t: Names,
): Sql => sql`s.name, s.type, s.input::text as input, s.cron, s.every_ms::text, s.anchor, s.timezone, s.missed,
    s.missed_max, s.overlap, s.rank, s.tags, s.claim_within_ms::text, s.attempts_max, s.wants_pool,
    s.when_full, s.limit_key, s.next_at, s.last_at, s.last_job_id::text, s.fired_to,
    s.fired_times::text, s.missed_times::text, s.skipped_times::text, s.last_skipped_at, s.paused_at, s.paused_until, s.pause_reason,
    s.paused_by, s.error, s.error_at, s.errors, s.created_at, s.updated_at, ${t.now} as now`;

/** Writes an event about a schedule, which the CTE names. $2 by, $3 reason. */
const toldCte = (t: Names, kind: Sql, cte: Sql): Sql => sql`
  told as (
    insert into ${t.events} (at, kind, by, reason, detail) select ${t.now}, ${kind}, $2, $3, jsonb_build_object('schedule', name) from ${cte}
  )`;

/**
 * Stores a schedule ($1 a JSON object), or changes what differs: a row when anything did, and an error is then forgotten, since the change may be
 * what mends it. The next time of one that is there stays unless its rule changes; a pause stays anyway.
 */
export const setSchedule: Statement<{ name: string }> = statement('set-schedule', (t) => {
  const changed = sql`((old.cron, old.every_ms) is distinct from (excluded.cron, excluded.every_ms)
      or (excluded.cron is not null and old.timezone is distinct from excluded.timezone)
      or ((select g.anchored from given g) and old.anchor is distinct from excluded.anchor))`;
  return sql`
  with given as materialized (
    select * from jsonb_to_record($1::text::jsonb) as g (name text, type text, input jsonb, cron text, every_ms bigint, anchor timestamptz,
      anchored boolean, timezone text, missed text, missed_max integer, overlap text, rank integer, tags text[], claim_within_ms bigint,
      attempts_max integer, wants_pool text, when_full text, limit_key text, next_at timestamptz)
  )
  insert into ${t.schedules} as old (name, type, input, cron, every_ms, anchor, timezone, missed, missed_max, overlap, rank, tags,
    claim_within_ms, attempts_max, wants_pool, when_full, limit_key, next_at)
  select name, type, input, cron, every_ms, anchor, timezone, missed, missed_max, overlap, rank, tags, claim_within_ms,
    attempts_max, wants_pool, when_full, limit_key, next_at from given
  on conflict (name) do update set type = excluded.type, input = excluded.input, cron = excluded.cron, every_ms = excluded.every_ms,
    timezone = excluded.timezone, missed = excluded.missed, missed_max = excluded.missed_max, overlap = excluded.overlap,
    rank = excluded.rank, tags = excluded.tags, claim_within_ms = excluded.claim_within_ms,
    attempts_max = excluded.attempts_max, wants_pool = excluded.wants_pool, when_full = excluded.when_full, limit_key = excluded.limit_key,
    anchor = case when ${changed} then excluded.anchor else old.anchor end,
    next_at = case when ${changed} then excluded.next_at else old.next_at end,
    computed_at = case when ${changed} then ${t.now} else old.computed_at end,
    error = null, error_at = null, errors = 0, retry_at = null, updated_at = ${t.now}
  where ${changed} or (old.type, old.input, old.timezone, old.missed, old.missed_max, old.overlap, old.rank, old.tags, old.claim_within_ms,
    old.attempts_max, old.wants_pool, old.when_full, old.limit_key)
    is distinct from (excluded.type, excluded.input, excluded.timezone, excluded.missed, excluded.missed_max, excluded.overlap,
      excluded.rank, excluded.tags, excluded.claim_within_ms, excluded.attempts_max, excluded.wants_pool, excluded.when_full,
      excluded.limit_key)
  returning old.name`;
});

/** One schedule: $1 its name. */
export const findSchedule: Statement<ScheduleRow> = statement(
  'find-schedule',
  (t) => sql`select ${columns(t)} from ${t.schedules} s where s.name = $1`,
);

/** Schedules by name: $1 the name after which to go on, $2 limit. */
export const listSchedules: Statement<ScheduleRow> = statement(
  'list-schedules',
  (t) =>
    sql`select ${columns(t)} from ${t.schedules} s where $1::text is null or s.name > $1 order by s.name limit $2`,
);

/** Deletes a schedule: $1 its name. Its jobs stay. */
export const deleteSchedule: Statement<{ name: string }> = statement(
  'delete-schedule',
  (t) => sql`
  with deleted as (
    delete from ${t.schedules} s where s.name = $1 returning s.name
  ), ${toldCte(t, sql`'schedule-deleted'`, sql`deleted`)}
  select name from deleted`,
);

/** Pauses a schedule ($1 its name) until $4, or until it is resumed. */
export const pauseSchedule: Statement<{ name: string }> = statement(
  'pause-schedule',
  (t) => sql`
  with paused as (
    update ${t.schedules} s set paused_at = ${t.now}, paused_by = $2, pause_reason = $3, paused_until = $4 where s.name = $1 returning s.name
  ), ${toldCte(t, sql`'schedule-paused'`, sql`paused`)}
  select name from paused`,
);

/** Ends the pause of a schedule ($1 its name) that has one; its next time is then $4. */
export const resumeSchedule: Statement<{ name: string }> = statement(
  'resume-schedule',
  (t) => sql`
  with resumed as (
    update ${t.schedules} s set paused_at = null, paused_by = null, pause_reason = null, paused_until = null, next_at = $4,
      computed_at = ${t.now}
    where s.name = $1 and s.paused_at is not null returning s.name
  ), ${toldCte(t, sql`'schedule-resumed'`, sql`resumed`)}
  select name from resumed`,
);

/** Whether a schedule wants to be looked at: its time has come, or the clock has been put back since it was computed (K5); after an error not before its time. */
const isDue = (
  t: Names,
): Sql => sql`(s.next_at <= ${t.now} or s.computed_at > ${t.now} + interval '1 second')
    and (s.retry_at is null or s.retry_at <= ${t.now} or s.retry_at > ${t.now} + interval '10 minutes')`;

/** Schedules whose time has come, and those that a clock which has been put back left in the future: two looks, each by its own index. */
export const dueSchedules = (t: Names): readonly [Sql, Sql] => [
  sql`from ${t.schedules} s where s.next_at <= ${t.now} and ${isDue(t)} order by s.next_at`,
  sql`from ${t.schedules} s where s.computed_at > ${t.now} + interval '1 second' and ${isDue(t)}`,
];

/** Locks the schedules that are due, the latest first, at most $1, one probe for each; those that another process fires are left to it. */
export const lockDueSchedules: Statement<ScheduleRow> = statement('lock-due-schedules', (t) => {
  const [come, left] = dueSchedules(t);
  return sql`
  with due as materialized (
    (select s.name, s.next_at ${come} limit $1)
    union
    (select s.name, s.next_at ${left} limit $1)
    order by 2 limit $1
  )
  select l.* from due cross join lateral (
    select ${columns(t)} from ${t.schedules} s where s.name = due.name and ${isDue(t)} for update skip locked) l`;
});

/** Locks one schedule ($1 its name) if it is due still. */
export const lockDueSchedule: Statement<ScheduleRow> = statement(
  'lock-due-schedule',
  (t) =>
    sql`select ${columns(t)} from ${t.schedules} s where s.name = $1 and ${isDue(t)} for update skip locked`,
);

/** Locks one schedule ($1 its name), due or not. */
export const lockSchedule: Statement<ScheduleRow> = statement(
  'lock-schedule',
  (t) => sql`select ${columns(t)} from ${t.schedules} s where s.name = $1 for update`,
);

/** Leaves the planner no way but by the names: as a plain join it walked the whole table, since it cannot know how many are given. */
const named: Sql = sql`s.name = any (array(select given.name from given))`;

/** Moves fired schedules on: $1 a JSON list (name, next_at, last_at, last_job_id, fired, missed, skipped, skipped_at, resumed). */
export const moveSchedules: Statement<Record<string, never>> = statement(
  'move-schedules',
  (t) => sql`
  with given as materialized (
    select * from jsonb_to_recordset($1::text::jsonb) as g (name text, next_at timestamptz, last_at timestamptz, last_job_id uuid,
      fired integer, missed integer, skipped integer, skipped_at timestamptz, resumed boolean)
  )
  update ${t.schedules} s set next_at = g.next_at, computed_at = ${t.now}, last_at = coalesce(g.last_at, s.last_at),
    last_job_id = coalesce(g.last_job_id, s.last_job_id), fired_to = greatest(s.fired_to, g.last_at), fired_times = s.fired_times + g.fired,
    missed_times = s.missed_times + g.missed, skipped_times = s.skipped_times + g.skipped,
    last_skipped_at = coalesce(g.skipped_at, s.last_skipped_at), error = null, error_at = null, errors = 0, retry_at = null,
    paused_at = case when not g.resumed then s.paused_at end, paused_until = case when not g.resumed then s.paused_until end,
    pause_reason = case when not g.resumed then s.pause_reason end, paused_by = case when not g.resumed then s.paused_by end
  from given g where s.name = g.name and ${named}`,
);

/** Notes why schedules could not be fired ($1 a JSON list: name, error): each is tried again after 2 s, doubled up to 5 minutes. */
export const failSchedules: Statement<{ name: string; errors: number }> = statement(
  'fail-schedules',
  (t) => sql`
  with given as materialized (
    select * from jsonb_to_recordset($1::text::jsonb) as g (name text, error jsonb)
  )
  update ${t.schedules} s set error = g.error, error_at = ${t.now}, errors = least(s.errors + 1, 1000000),
    retry_at = ${t.now} + least(300, power(2, least(s.errors + 1, 10))) * interval '1 second'
  from given g where s.name = g.name and ${named}
  returning s.name, s.errors`,
);

/** Cancels the live jobs that have these keys ($1), for the runs that replace them. $2 by, $3 reason. In the order of their ids, as every batch. */
export const cancelReplaced: Statement<ChangedRow> = statement(
  'cancel-replaced',
  (t) => sql`
  with wanted as materialized (
    select j.id from unnest($1::text[]) as k (key) ${eachJob(t, sql`j.id`, sql`j.unique_key = k.key`)} order by j.id
  ), held as materialized (
    select h.id from wanted cross join lateral (
      select j.id from ${t.jobs} j where j.id = wanted.id and j.lane = 0 for update) h
  ), ended as (
    delete from ${t.jobs} j where ${among(sql`select held.id from held`)} returning j.*
  ), given as (
    select id, 'cancelled' as state, null::jsonb as result, error, $3::text as reason from ended
  ), ${keepCte(t, sql`null::bigint`)}, told as (
    insert into ${t.events} (job_id, at, kind, by, reason) select id, ${t.now}, 'cancelled', $2, $3 from ended
  ), heard as (
    select pg_notify(${t.literal}, 'cancel:' || worker_id::text) from ended where worker_id is not null
  )
  select e.id::text, ${linksOf(sql`e`)} as links from ended e join kept on kept.id = e.id where (select count(*) from heard) >= 0`,
);

/** Notes that somebody ran a schedule outside of its times: $1 the job, $2 by, $3 reason, $4 the schedule. */
export const noteScheduleRun: Statement<Record<string, never>> = statement(
  'note-schedule-run',
  (t) => sql`
  insert into ${t.events} (job_id, at, kind, by, reason, detail)
  values ($1, ${t.now}, 'schedule-run', $2, $3, jsonb_build_object('schedule', $4::text))`,
);
