/** Inspect: reading jobs, counts and what is late; nothing here changes a row. */
import { gateGrace } from './findings.ts';
import { stateOfRow } from './guards.ts';
import { type Names, type Sql, type Statement, sql, statement } from './sql.ts';

/** A row of the view `all_jobs`. */
export interface JobRow {
  readonly id: string;
  readonly type: string;
  readonly state: string;
  readonly waits_for: string | null;
  readonly deadline: Date | null;
  readonly late: boolean;
  readonly priority: number;
  readonly attempt: number;
  readonly attempts_max: number;
  readonly crashes: number;
  readonly snoozes: number;
  readonly token: string;
  readonly input: unknown;
  readonly result: unknown;
  readonly error: unknown;
  readonly reason: string | null;
  readonly progress: number | null;
  readonly progress_note: string | null;
  readonly key: string | null;
  readonly tags: string[];
  readonly pool: string | null;
  readonly limit_key: string | null;
  readonly parent_id: string | null;
  readonly ordinal: number | null;
  readonly traceparent: string | null;
  readonly notify: unknown;
  /** Of an ended job how each of those stands. */
  readonly told: readonly ToldRow[] | null;
  readonly worker_id: string | null;
  readonly created_at: Date;
  readonly updated_at: Date;
  readonly started_at: Date | null;
  readonly finished_at: Date | null;
  readonly run_at: Date | null;
  readonly finish_by: Date | null;
}

/** What became of telling one address. */
export interface ToldRow {
  readonly id: string;
  readonly channel: string;
  readonly address: string;
  readonly state: 'pending' | 'delivered' | 'failed';
  readonly attempts: number;
  readonly error: unknown;
}

/** The deliveries of the latest end of a job, looked for only when it has one and tells somebody. */
const told = (
  t: Names,
): Sql => sql`case when v.notify is not null and v.finished_at is not null then (
      select jsonb_agg(jsonb_build_object('id', d.id, 'channel', d.channel, 'address', d.address, 'state', d.state, 'attempts', d.attempts,
        'error', d.last_error))
      from ${t.deliveries} d where d.job_id = v.id and d.purpose = 'notify' and d.created_at >= v.finished_at) end as told`;

/** The columns of a job, from the view `all_jobs v`. */
export const columns = (
  t: Names,
): Sql => sql`v.id::text, v.type, v.state, v.waits_for, v.deadline, v.priority, v.attempt, v.attempts_max, v.crashes, v.snoozes,
    v.token::text, v.input, v.result, v.error, v.reason, v.progress, v.progress_note, v.key, v.tags, v.pool, v.limit_key,
    v.parent_id::text, v.ordinal, v.traceparent, v.worker_id::text,
    v.created_at, v.updated_at, v.started_at, v.finished_at, v.run_at, v.finish_by,
    v.notify, ${told(t)}`;

/**
 * One job, live or finished not before $2: $1 its id. One snapshot: a job that moves meanwhile is seen exactly once. The bound, from the time
 * in the id, leaves out the partitions of days before the job was made.
 */
export const findJob: Statement<JobRow> = statement(
  'find-job',
  (t) => sql`
  select ${columns(t)}, false as late from ${t.allJobs} v where v.id = $1 and v.finished_at >= $2
  union all
  select ${columns(t)}, coalesce(v.deadline < ${t.now}, false) from ${t.allJobs} v where v.id = $1 and v.finished_at is null`,
);

/** Those of some jobs ($1 ids) that are live. */
export const findLiveJobs: Statement<JobRow> = statement(
  'find-live-jobs',
  (t) => sql`
  select ${columns(t)}, coalesce(v.deadline < ${t.now}, false) as late from ${t.allJobs} v where v.id = any($1::uuid[]) and v.finished_at is null`,
);

/** What happened to a job ($1): attempts that did not simply succeed, and events, oldest first. */
export const findHistory: Statement<{
  at: Date;
  kind: string;
  attempt: number | null;
  token: string | null;
  worker_id: string | null;
  by: string | null;
  reason: string | null;
  detail: unknown;
}> = statement(
  'find-history',
  (t) => sql`
  select a.ended_at as at, a.outcome as kind, a.attempt, a.token::text, a.worker_id::text, 'worker' as by,
    a.error ->> 'message' as reason, a.error as detail
  from ${t.attempts} a where a.job_id = $1
  union all
  select e.at, e.kind, null, null, null, e.by, e.reason, e.detail from ${t.events} e where e.job_id = $1
  order by 1
  limit 1000`,
);

/**
 * Live jobs counted by state and type, with the oldest of each group; exact. `late`: past the deadline; `overdue`: by more than $1 ms, and the
 * grace that findings give: $2 ms to running jobs, and to those at a gate the time that the sweep has for them.
 */
export const countLive: Statement<{
  type: string;
  state: string;
  waits_for: string | null;
  count: string;
  oldest: Date;
  late: string;
  overdue: string;
}> = statement(
  'count-live',
  (t) => sql`
  with live as (
    select j.type, ${stateOfRow} as state, j.waits_for, j.created_at,
      case when j.waits_for is not null then j.wake_at when j.worker_id is null then j.claim_by else j.expires_at end as deadline,
      case when j.waits_for is not null then ${gateGrace(sql`j.waits_for`)}
        when j.worker_id is not null then $2::bigint * interval '1 ms' else interval '0' end as grace
    from ${t.jobs} j
  )
  select l.type, l.state, l.waits_for, count(*)::text as count, min(l.created_at) as oldest,
    count(*) filter (where l.deadline < ${t.now})::text as late,
    count(*) filter (where l.deadline < ${t.now} - l.grace - $1::bigint * interval '1 ms')::text as overdue
  from live l group by 1, 2, 3 order by 1, 2, 3`,
);

/** Finished jobs counted by state and type; each state looks at no more than the newest 100,000 of the last day. */
export const countFinished: Statement<{
  type: string;
  state: string;
  count: string;
  newest: Date;
  capped: boolean;
}> = statement(
  'count-finished',
  (t) => sql`
  select r.type, s.state, count(*)::text as count, max(r.finished_at) as newest,
    (sum(count(*)) over (partition by s.state)) >= 100000 as capped
  from (values ('completed'), ('failed'), ('cancelled')) as s (state)
  cross join lateral (
    select f.type, f.finished_at from ${t.finished} f
    where f.state = s.state and f.finished_at > ${t.now} - interval '1 day' limit 100000) r
  group by 1, 2 order by 1, 2`,
);

/** The workers of the last day, with the age of their heartbeat in ms; not the rows under which targets hold what they work on. */
export const listWorkers: Statement<{
  id: string;
  name: string;
  host: string;
  pid: number;
  state: string;
  types: string[];
  concurrency: number;
  running: number;
  ghosts: number;
  loop_lag_ms: number;
  version: string;
  started_at: Date;
  beat_ms: number;
  lease_over: boolean;
}> = statement(
  'list-workers',
  (t) => sql`
  select w.id::text, w.name, w.host, w.pid, w.state, w.types, w.concurrency, w.running, w.ghosts, w.loop_lag_ms, w.version, w.started_at,
    (extract(epoch from ${t.now} - w.beat_at) * 1000)::float8 as beat_ms, w.lease_until < ${t.now} as lease_over
  from ${t.workers} w where not (w.pull and w.host = 'target') order by w.started_at desc limit 500`,
);

/** The findings of the latest round, and whether each is current. */
export const listFindings: Statement<{
  kind: string;
  subject: string;
  reason: string;
  action: string;
  count: string;
  oldest: Date;
  first_seen: Date;
  next_look: Date;
  current: boolean;
}> = statement(
  'list-findings',
  (t) => sql`
  select f.kind, f.subject, f.reason, f.action, f.count::text, f.oldest, f.first_seen, f.next_look, f.next_look >= ${t.now} as current
  from ${t.findings} f order by f.oldest limit 1000`,
);

/** The ticks of the sweep, with the age of their last good round in ms. */
export const listTicks: Statement<{ name: string; ok_ms: number | null }> = statement(
  'list-ticks',
  (t) =>
    sql`select k.name, (extract(epoch from ${t.now} - k.last_ok_at) * 1000)::float8 as ok_ms from ${t.ticks} k order by k.name`,
);

/** The database's time. */
export const readClock: Statement<{ now: Date }> = statement(
  'read-clock',
  (t) => sql`select ${t.now} as now`,
);

/** The traces of jobs ($1), live or ended within the last hour, of those that have one. */
export const findTraces: Statement<{ trace: unknown }> = statement(
  'find-traces',
  (t) => sql`
  select j.trace from ${t.jobs} j where j.id = any($1::uuid[]) and j.trace is not null
  union all
  select f.trace from ${t.finished} f where f.id = any($1::uuid[]) and f.trace is not null and f.finished_at > ${t.now} - interval '1 hour'`,
);
