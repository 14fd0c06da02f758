/** Why: what stands around one live job, all of it in one snapshot. */

import { type Names, type Sql, type Statement, sql, statement } from './sql.ts';
import { shownUrl, targetInWords, usable } from './targets.ts';

/** What stands around a job; the groups are null where they do not concern it. */
export interface WhyRow {
  readonly queue: string | null;
  readonly slot_held: boolean;
  readonly pause_kind: string | null;
  readonly pause_name: string | null;
  readonly pause_reason: string | null;
  readonly pause_by: string | null;
  readonly pause_at: Date | null;
  readonly pause_until: Date | null;
  readonly workers: number;
  readonly slots: number;
  readonly busy: number;
  readonly queued_before: number;
  readonly pool: string | null;
  readonly capacity: number | null;
  readonly pool_used: number;
  readonly pool_before: number;
  readonly pool_holder: string | null;
  readonly pool_holder_type: string | null;
  readonly pool_holder_since: Date | null;
  readonly limit_key: string | null;
  readonly limit_running: number | null;
  readonly rate_count: number | null;
  readonly rate_ms: string | null;
  readonly limit_used: number;
  readonly limit_before: number;
  readonly limit_holder: string | null;
  readonly limit_holder_type: string | null;
  readonly limit_holder_since: Date | null;
  readonly expected: number | null;
  readonly children_live: number;
  readonly children_ended: number;
  readonly worker_name: string | null;
  readonly worker_host: string | null;
  readonly worker_pid: number | null;
  readonly worker_state: string | null;
  readonly lease_until: Date | null;
  readonly lease_over: boolean | null;
  /** The first target of its type, and how it stands in words. */
  readonly target: string | null;
  readonly target_words: string | null;
  readonly target_usable: boolean;
  readonly target_url: string | null;
  readonly target_probes: number | null;
  readonly target_sends: number;
  /** When the job last began to wait for its targets. */
  readonly target_parked_at: Date | null;
  readonly finding_reason: string | null;
  readonly finding_action: string | null;
  readonly finding_seen: Date | null;
  readonly finding_look: Date | null;
  readonly sweep_errors: readonly { task: string; message: string; count: number }[];
}

/** The most rows that one count looks at: each is about a line that may be long. */
const COUNT_MAX: Sql = sql`10001`;

const counted = (rows: Sql): Sql =>
  sql`(select count(*)::integer from (select ${rows} limit ${COUNT_MAX}) c)`;

const oldest = (t: Names, where: Sql): Sql => sql`(
    select j.id, j.type, j.created_at from ${t.jobs} j where ${where} order by j.created_at limit 1)`;

/** What the job `o` waits for is held by others. */
const heldByOthers = (t: Names): Sql => sql`
  left join ${t.pools} p on p.key = o.wants_pool
  left join lateral ${oldest(t, sql`j.slot_pool = o.wants_pool`)} ph on o.wants_pool is not null
  left join ${t.limits} m on m.name = split_part(o.limit_key, '#', 1)
  left join lateral ${oldest(t, sql`j.limit_key = o.limit_key and j.waits_for is null and j.id <> o.id`)} lh on o.limit_key is not null`;

/** Who would run it, and who does. */
const workersOf = (t: Names): Sql => sql`
  cross join lateral (
    select count(*)::integer as workers, coalesce(sum(w.concurrency), 0)::integer as slots, coalesce(sum(w.running), 0)::integer as busy
    from ${t.workers} w where o.type = any(w.types) and w.state = 'live' and w.lease_until > ${t.now}) f
  left join ${t.workers} w on w.id = o.worker_id
  left join lateral (
    select z.kind, z.name, z.reason, z.by, z.at, z.until from ${t.pauses} z
    where ((z.kind = 'type' and z.name = o.type) or (z.kind = 'queue' and z.name = coalesce(y.queue, 'default')))
      and (z.until is null or z.until > ${t.now}) order by z.at limit 1) z on true`;

/** The finding of the group of late jobs to which it belongs. */
const findingOf = (t: Names): Sql => sql`
  left join lateral (
    select n.reason, n.action, n.first_seen, n.next_look from ${t.findings} n
    where n.next_look >= ${t.now} and (n.kind, n.subject) in (
      (case when o.waits_for is null and o.worker_id is null then 'queued' when o.waits_for in ('hold', 'slot', 'limit', 'target') then o.waits_for
        when o.waits_for is not null then 'gate' else 'running' end,
       case when o.waits_for = 'slot' then o.wants_pool when o.waits_for = 'target' then y.targets[1] when o.waits_for = 'limit' then o.limit_key
        when o.waits_for is not null then o.waits_for when o.worker_id is null then o.type else w.name end))
    limit 1) n on o.deadline < ${t.now}`;

/** What stands around a live job ($1); no row when it is not live. */
export const explainJob: Statement<WhyRow> = statement(
  'explain-job',
  (t) => sql`
  select y.queue, o.slot_pool is not null as slot_held,
    z.kind as pause_kind, z.name as pause_name, z.reason as pause_reason, z.by as pause_by, z.at as pause_at, z.until as pause_until,
    f.workers, f.slots, f.busy,
    case when o.waits_for is null and o.worker_id is null
      then ${counted(sql`from ${t.jobs} j where j.type = o.type and j.waits_for is null and j.worker_id is null and (j.rank, j.seq) < (o.rank, o.seq)`)}
      else 0 end as queued_before,
    o.wants_pool as pool, p.capacity,
    case when o.wants_pool is null then 0 else ${counted(sql`from ${t.jobs} j where j.slot_pool = o.wants_pool`)} end as pool_used,
    case when o.waits_for = 'slot'
      then ${counted(sql`from ${t.jobs} j where j.wants_pool = o.wants_pool and j.waits_for = 'slot' and (j.rank, j.seq) < (o.rank, o.seq)`)} else 0 end as pool_before,
    ph.id::text as pool_holder, ph.type as pool_holder_type, ph.created_at as pool_holder_since,
    o.limit_key, m.running as limit_running, m.rate_count, m.rate_ms::text,
    case when o.limit_key is null then 0
      else ${counted(sql`from ${t.jobs} j where j.limit_key = o.limit_key and j.waits_for is null and j.id <> o.id`)} end as limit_used,
    case when o.waits_for = 'limit'
      then ${counted(sql`from ${t.jobs} j where j.limit_key = o.limit_key and j.waits_for = 'limit' and (j.rank, j.seq) < (o.rank, o.seq)`)} else 0 end as limit_before,
    lh.id::text as limit_holder, lh.type as limit_holder_type, lh.created_at as limit_holder_since,
    x.expected, (select count(*)::integer from ${t.jobs} j where j.parent_id = o.id) as children_live,
    (select count(*)::integer from ${t.executions} e where e.parent_id = o.id) as children_ended,
    w.name as worker_name, w.host as worker_host, w.pid as worker_pid, w.state as worker_state, w.lease_until, w.lease_until < ${t.now} as lease_over,
    y.targets[1] as target, ${targetInWords(t)} as target_words, coalesce((select bool_or(${usable(t)}) from ${t.targets} g where g.name = any(y.targets)), false) as target_usable,
    ${shownUrl(sql`g.url`)} as target_url, g.probes as target_probes,
    case when y.targets is null then 0 else (select coalesce(sum(d.sends), 0)::integer from ${t.dispatches} d where d.job_id = o.id) end as target_sends,
    case when y.targets is not null then (select max(e.at) from ${t.events} e where e.job_id = o.id and e.kind = 'parked') end as target_parked_at,
    n.reason as finding_reason, n.action as finding_action, n.first_seen as finding_seen, n.next_look as finding_look,
    coalesce((select jsonb_agg(jsonb_build_object('task', r.task, 'message', r.message, 'count', r.count) order by r.task)
      from ${t.rowErrors} r where r.job_id = o.id), '[]') as sweep_errors
  from (
    select j.*, case when j.waits_for is not null then j.wake_at when j.worker_id is null then j.claim_by else j.expires_at end as deadline
    from ${t.jobs} j where j.id = $1) o
  left join ${t.jobTypes} y on y.type = o.type left join ${t.targets} g on g.name = y.targets[1] left join ${t.fanOuts} x on x.parent_id = o.id ${heldByOthers(t)} ${workersOf(t)} ${findingOf(t)}`,
);
