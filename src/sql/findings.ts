/** Findings: why groups of jobs are late. Found at the head of each group's index, whatever the size of the backlog. */
import type { LateGroup } from '../domain/explain.ts';
import { lateBridges } from './bridges.ts';
import { eachJob } from './probes.ts';
import { inUtc, type Names, type Sql, type Statement, sql, statement } from './sql.ts';
import { targetInWords } from './targets.ts';

/** A group of late jobs as the database sees it. */
export interface LateGroupRow {
  readonly kind: LateGroup['kind'];
  readonly subject: string;
  readonly count: string;
  readonly oldest: Date;
  /** Live workers that handle the type, their slots and how many are in use; of a pool or a limit how many it has and how many are in use. */
  readonly workers: number;
  readonly slots: number;
  readonly busy: number;
  /** Which loops of the worker have no pulse; why a type is paused; who holds a pool or a limit; why a schedule cannot be fired, or a bridge carries nothing. */
  readonly detail: string | null;
}

/** The most rows that one group's count looks at. */
const COUNT_MAX: Sql = sql`10001`;

/** An event loop that has not answered for this long. */
const LAG_MAX_MS: Sql = sql`30000`;

/** How many jobs at the head of each type and priority are looked at in every round; the walk finds what is late behind them. */
export const HEAD_MAX: Sql = sql`500`;

/** The pages of the table that one round of the walk moves on (32 MB); it looks at as many once more, so that a late round skips none. */
const WALK_PAGES: Sql = sql`4000`;

/** Where a round of findings looks. */
export interface Walk {
  readonly from_page: string;
  readonly to_page: string;
  /** How long the whole walk takes, 0 where one round sees the whole table. */
  readonly pass_ms: string;
  /** Whether there are any findings that may be over. */
  readonly findings: boolean;
}

/** Where the walk through the table is, $1 ms between two rounds. Only the time says it, so that whichever process does a round goes on where the last one ended. */
const walkCtes = (t: Names): Sql => sql`
  size as (
    select greatest(1, ceil(pg_relation_size(${t.literal} || '.jobs') / current_setting('block_size')::numeric / ${WALK_PAGES}))::bigint as steps
  ), walk as (
    select steps, floor(extract(epoch from ${t.now}) * 1000 / $1::bigint)::bigint % (steps + 1) as step from size
  )`;

const walk = (t: Names): Sql => sql`
  select (greatest(0, step - 1) * ${WALK_PAGES})::text as from_page, ((step + 1) * ${WALK_PAGES})::text as to_page,
    (case when steps = 1 then 0 else (steps + 4) * $1::bigint end)::text as pass_ms,
    exists (select from ${t.findings}) as findings
  from walk`;

/**
 * Takes the tick of the findings, which comes every $1 ms and is made when it is missing: a row when it was due (or lies absurdly far ahead), for one
 * of all processes. The row's own lock makes the others look again and find it taken. $2: the latest round of this process ended well.
 */
const takenCte = (t: Names): Sql => sql`
  taken as (
    insert into ${t.ticks} as k (name, next_at) values ('findings', ${t.now} + $1::bigint * interval '1 ms')
    on conflict (name) do update set next_at = excluded.next_at, last_ok_at = case when $2::boolean then ${t.now} else k.last_ok_at end
    where k.next_at <= ${t.now} or k.next_at > ${t.now} + 2 * $1::bigint * interval '1 ms'
    returning k.name
  )`;

/** Where a round of findings looks now: $1 ms between two rounds. */
export const whereWalkIs: Statement<Walk> = statement(
  'where-walk-is',
  (t) => sql`with ${walkCtes(t)} ${walk(t)}`,
);

/** The same, when the tick of the findings was due. $2: the latest round of this process ended well, which costs no statement of its own. */
export const takeFindingsTick: Statement<Walk> = statement(
  'take-findings-tick',
  (t) => sql`
  with ${takenCte(t)}, ${walkCtes(t)} ${walk(t)} where exists (select from taken)`,
);

/** How many jobs that wait for slots, or at limits, one round looks at, and how many groups of them it tells. */
const LINE_MAX: Sql = sql`10000`;
const GROUPS_MAX: Sql = sql`200`;

/** How long a job may be past its deadline at a gate before a finding says so: the sweep comes first, where it moves them. */
export const gateGrace = (gate: Sql): Sql =>
  sql`case when ${gate} in ('hold', 'slot', 'target', 'limit') then interval '0' else interval '5 seconds' end`;

/** (type, rank) pairs of the ready index, by a loose scan: one probe per pair, however long the backlog. Goes into a recursive WITH as `heads`. */
export const headsCte = (t: Names): Sql => sql`
  heads (type, rank) as (
    (select j.type, j.rank from ${t.jobs} j where j.waits_for is null order by j.type, j.rank limit 1)
    union all
    select n.type, n.rank from heads h cross join lateral (
      select j.type, j.rank from ${t.jobs} j where j.waits_for is null and (j.type, j.rank) > (h.type, h.rank)
      order by j.type, j.rank limit 1) n
  )`;

/** The oldest late jobs at a gate, by whatever they wait for (a column of `jobs`): a CTE of key, count and oldest. */
const lineCte = (t: Names, name: Sql, gate: Sql, column: Sql): Sql => sql`
  ${name} as materialized (
    select w.key, count(*) as count, min(w.wake_at) as oldest from (
      select j.${column} as key, j.wake_at from ${t.jobs} j where j.waits_for = ${gate} and j.wake_at < ${t.now} order by j.wake_at limit ${LINE_MAX}) w
    group by w.key order by 2 desc, 1 limit ${GROUPS_MAX}
  )`;

/** The oldest late jobs that wait for targets, by the first of these. */
const targetsCte = (t: Names): Sql => sql`
  at_targets as materialized (
    select w.key, count(*) as count, min(w.wake_at) as oldest from (
      select coalesce(y.targets[1], j.type) as key, j.wake_at from (
        select j.type, j.wake_at from ${t.jobs} j where j.waits_for = 'target' and j.wake_at < ${t.now} order by j.wake_at limit ${LINE_MAX}) j
      left join ${t.jobTypes} y on y.type = j.type) w
    group by w.key order by 2 desc, 1 limit ${GROUPS_MAX}
  )`;

/** One holder of what others wait for, in words: its type, id and since when it is live. */
const holder = (t: Names, where: Sql): Sql => sql`(
    select format('%s %s, live since %s', j.type, j.id, ${inUtc(sql`j.created_at`)})
    from ${t.jobs} j where ${where} order by j.created_at limit 1)`;

/** Who waits for slots of which pool, at which limit, and for which target. */
const lines = (t: Names): Sql => sql`
  select 'slot' as kind, s.key as subject, s.count::text, s.oldest, 0 as workers, coalesce(p.capacity, -1) as slots,
    (select count(*) from (select from ${t.jobs} j where j.slot_pool = s.key limit ${COUNT_MAX}) c)::integer as busy,
    ${holder(t, sql`j.slot_pool = s.key`)} as detail
  from at_slots s left join ${t.pools} p on p.key = s.key
  union all
  select 'limit', l.key, l.count::text, l.oldest, 0, coalesce(m.running, -1),
    (select count(*) from (select from ${t.jobs} j where j.limit_key = l.key and j.waits_for is null limit ${COUNT_MAX}) c)::integer,
    ${holder(t, sql`j.limit_key = l.key and j.waits_for is null`)}
  from at_limits l left join ${t.limits} m on m.name = split_part(l.key, '#', 1)
  union all
  select 'target', a.key, a.count::text, a.oldest, 0, 0, 0, ${targetInWords(t)} from at_targets a left join ${t.targets} g on g.name = a.key`;

/** Why a type is paused, in words; null when it is not. */
const pausedBecause = (t: Names, type: Sql): Sql => sql`(
    select concat('paused since ', to_char(z.at at time zone 'utc', 'YYYY-MM-DD HH24:MI UTC'), ' by ' || z.by, ': ' || z.reason,
      case when z.until is null then '; without an end' else to_char(z.until at time zone 'utc', '"; until" YYYY-MM-DD HH24:MI UTC') end)
    from ${t.pauses} z left join ${t.jobTypes} y on y.type = ${type}
    where ((z.kind = 'type' and z.name = ${type}) or (z.kind = 'queue' and z.name = y.queue)) and (z.until is null or z.until > ${t.now}) limit 1)`;
/** Schedules that cannot be fired, and those that are late, at most 1,000 of each: those that have waited longest. */
const lateSchedules = (t: Names): Sql => sql`
  (select 'schedule', s.name, '1', s.error_at, 0, 0, 0, coalesce(s.error ->> 'message', s.error::text)
  from ${t.schedules} s where s.error is not null order by s.error_at limit 1000)
  union all
  (select 'schedule', s.name, '1', s.next_at, 0, 0, 0, null
  from ${t.schedules} s where s.next_at < ${t.now} - interval '5 seconds' and s.error is null order by s.next_at limit 1000)`;

/**
 * All groups of late jobs, and workers whose process does not get on: queued by type, at the heads of the queues and in the pages from $2 to $3; held and at other gates by gate; running ones past their timeout by more than $1 ms;
 * workers whose loops have no pulse or whose event loop has been blocked for 30 s; schedules; bridges.
 */
export const findLateGroups: Statement<LateGroupRow> = statement(
  'find-late-groups',
  (t) => sql`
  with recursive ${headsCte(t)}, seen (type, claim_by) as (
    select h.type, o.claim_by from heads h cross join lateral (
      select j.claim_by from ${t.jobs} j
      where j.type = h.type and j.rank = h.rank and j.waits_for is null and j.worker_id is null order by j.seq limit ${HEAD_MAX}) o
    union all
    select j.type, j.claim_by from ${t.jobs} j
    where j.ctid >= ('(' || $2::bigint || ',0)')::tid and j.ctid < ('(' || $3::bigint || ',0)')::tid and coalesce(j.waits_for, '') = '' and j.worker_id is null
  ), late_types as materialized (
    select s.type, min(s.claim_by) as oldest from seen s where s.claim_by < ${t.now} group by s.type
  ), fleet as materialized (
    select u.type, count(*)::integer as workers, sum(w.concurrency)::integer as slots, sum(w.running)::integer as busy
    from ${t.workers} w cross join lateral unnest(w.types) as u (type)
    where w.state = 'live' and w.lease_until > ${t.now} group by u.type
  ), gates as (
    select g.gate from (values ('admit'), ('hold'), ('time'), ('retry'), ('executions')) as g (gate)
  ), ${lineCte(t, sql`at_slots`, sql`'slot'`, sql`wants_pool`)}, ${lineCte(t, sql`at_limits`, sql`'limit'`, sql`limit_key`)}, ${targetsCte(t)}
  select 'queued' as kind, l.type as subject,
    (select greatest(1, count(*) filter (where c.claim_by < ${t.now})) from (select j.claim_by from ${t.jobs} j
      where j.type = l.type and j.waits_for is null and j.worker_id is null order by j.rank, j.seq limit ${COUNT_MAX}) c)::text as count,
    l.oldest, coalesce(f.workers, 0) as workers, coalesce(f.slots, 0) as slots, coalesce(f.busy, 0) as busy, ${pausedBecause(t, sql`l.type`)} as detail
  from late_types l left join fleet f on f.type = l.type
  union all
  select * from (${lines(t)}) waiting
  union all
  select case when gate = 'hold' then 'hold' else 'gate' end, gate,
    (select count(*) from (select from ${t.jobs} j where j.waits_for = gate and j.wake_at < ${t.now} limit ${COUNT_MAX}) c)::text,
    o.wake_at, 0, 0, 0, null
  from gates cross join lateral (
    select j.wake_at from ${t.jobs} j where j.waits_for = gate order by j.wake_at limit 1) o
  where o.wake_at < ${t.now} - ${gateGrace(sql`gate`)}
  union all
  select 'running', w.name, count(*)::text, min(j.expires_at), 1, max(w.concurrency), max(w.running), null
  from ${t.claims} c join ${t.workers} w on w.id = c.worker_id cross join lateral unnest(c.job_ids) as held (id)
  ${eachJob(t, sql`j.expires_at`, sql`j.id = held.id and j.worker_id = c.worker_id`)}
  where c.expires_at < ${t.now} and j.expires_at < ${t.now} - $1::bigint * interval '1 ms'
  group by w.name
  union all
  select 'loop', w.name, '1', min(w.beat_at - w.loop_lag_ms * interval '1 ms'), 1, max(w.concurrency), max(w.running),
    coalesce(string_agg(distinct s.name, ', '), 'event loop')
  from ${t.workers} w left join lateral unnest(w.stalled) as s (name) on true
  where w.state = 'live' and w.lease_until > ${t.now} and (w.stalled <> '{}' or w.loop_lag_ms > ${LAG_MAX_MS})
  group by w.name
  union all ${lateSchedules(t)}
  union all ${lateBridges(t)}`,
);

/**
 * Stores the findings of a round ($1 JSON: kind, subject, reason, action, count, oldest, look_ms) and deletes those that are over: of queued
 * jobs when a whole walk ($2 ms) has not met any.
 */
export const storeFindings: Statement<{
  kind: string;
  subject: string;
  reason: string;
  fresh: boolean;
}> = statement(
  'store-findings',
  (t) => sql`
  with given as materialized (
    select * from jsonb_to_recordset($1::text::jsonb)
      as g (kind text, subject text, reason text, action text, count bigint, oldest timestamptz, look_ms bigint)
  ), over as (
    delete from ${t.findings} f where not exists (select from given g where g.kind = f.kind and g.subject = f.subject)
      and (f.kind <> 'queued' or f.last_seen <= ${t.now} - $2::bigint * interval '1 ms')
  )
  insert into ${t.findings} as old (kind, subject, reason, action, count, oldest, first_seen, last_seen, next_look)
  select kind, subject, reason, action, count, oldest, ${t.now}, ${t.now}, ${t.now} + look_ms * interval '1 ms' from given
  order by kind, subject
  on conflict (kind, subject) do update set reason = excluded.reason, action = excluded.action, count = excluded.count,
    oldest = excluded.oldest, last_seen = excluded.last_seen, next_look = excluded.next_look
  returning kind, subject, reason, (xmax = 0) as fresh`,
);
