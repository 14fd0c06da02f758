/** Alert rules: where each kind looks. Every statement is bounded, and none needs the sweep or the findings to be alive but those that read them. */
import { LOOK_GRACE } from './bridges.ts';
import { HEAD_MAX, headsCte } from './findings.ts';
import { type Partition, partitionName } from './partitions.ts';
import { type Names, raw, type Sql, type Statement, sql, statement } from './sql.ts';
import { paused } from './targets.ts';

/** One subject for which a rule holds. */
export interface SightRow {
  readonly subject: string;
  readonly count: string;
  /** Since when, where the rule knows. */
  readonly since: Date | null;
  /** What is said of it. */
  readonly facts: Readonly<Record<string, unknown>>;
}

/** The most subjects of one rule; those that matter most come first, and by name among equals, or they would come and go. */
const SUBJECTS_MAX: Sql = sql`1000`;

const ms = (value: Sql): Sql => sql`${value}::bigint * interval '1 ms'`;

/** Whether a name is among those given, or none were. */
const among = (name: Sql, given: Sql): Sql =>
  sql`(${given}::text[] is null or ${name} = any (${given}::text[]))`;

/** Current findings: $1 kinds or null. */
export const seeFindings: Statement<SightRow> = statement(
  'see-findings',
  (t) => sql`
  select f.kind || ': ' || f.subject as subject, f.count::text, f.oldest as since,
    jsonb_build_object('kind', f.kind, 'about', f.subject, 'reason', f.reason, 'action', f.action) as facts
  from ${t.findings} f where f.next_look >= ${t.now} and ${among(sql`f.kind`, sql`$1`)} order by f.count desc, f.kind, f.subject limit ${SUBJECTS_MAX}`,
);

/** Since when the jobs at the head of each type have stood in the queue: how long before its deadline a job came there is known. */
const waitingCte = (t: Names): Sql => sql`
  waiting as materialized (
    select h.type, min(o.since) as since, sum(o.count) as count from heads h cross join lateral (
      select min(q.since) as since, count(*) as count from (
        select j.claim_by - ${ms(sql`j.claim_within_ms`)} as since from ${t.jobs} j
        where j.type = h.type and j.rank = h.rank and j.waits_for is null and j.worker_id is null order by j.seq limit ${HEAD_MAX}) q) o
    group by h.type
  )`;

/** Types whose oldest queued job has waited for $1 ms: $2 types or null. */
export const seeOldest: Statement<SightRow> = statement(
  'see-oldest',
  (t) => sql`
  with recursive ${headsCte(t)}, ${waitingCte(t)}
  select w.type as subject, w.count::text, w.since, '{}'::jsonb as facts from waiting w
  where w.since < ${t.now} - ${ms(sql`$1`)} and ${among(sql`w.type`, sql`$2`)} order by w.since, w.type limit ${SUBJECTS_MAX}`,
);

/** Queues whose oldest queued job has waited for $1 ms: $2 queues or null. */
export const seeOldestOfQueue: Statement<SightRow> = statement(
  'see-oldest-of-queue',
  (t) => sql`
  with recursive ${headsCte(t)}, ${waitingCte(t)}
  select q.name as subject, sum(w.count)::text as count, min(w.since) as since, '{}'::jsonb as facts
  from waiting w left join ${t.jobTypes} y on y.type = w.type cross join lateral (select coalesce(y.queue, 'default') as name) q
  where ${among(sql`q.name`, sql`$2`)} group by q.name having min(w.since) < ${t.now} - ${ms(sql`$1`)} order by 3, 1 limit ${SUBJECTS_MAX}`,
);

/** Pauses of targets behind which a job has waited for $1 ms: of each type those that go on first are looked at. */
const pausedTargets = (t: Names): Sql => sql`
  select 'target ' || g.name, sum(w.count)::text, min(w.since), jsonb_build_object('by', g.paused_by, 'reason', g.paused_reason, 'until', g.paused_until)
  from ${t.targets} g join ${t.jobTypes} y on g.name = any (y.targets) cross join lateral (
    select min(q.since) as since, count(*) as count from (
      select j.wake_at - ${ms(sql`j.claim_within_ms`)} as since from ${t.jobs} j
      where j.type = y.type and j.waits_for = 'target' order by j.rank, j.seq limit ${HEAD_MAX}) q) w
  where ${paused(t)}
  group by g.name, g.paused_by, g.paused_reason, g.paused_until having min(w.since) < ${t.now} - ${ms(sql`$1`)}`;

/** Pauses behind which a job has waited for $1 ms. */
export const seePausedBacklog: Statement<SightRow> = statement(
  'see-paused-backlog',
  (t) => sql`
  with recursive ${headsCte(t)}, ${waitingCte(t)}, behind as (
  select z.kind || ' ' || z.name as subject, sum(w.count)::text as count, min(w.since) as since,
    jsonb_build_object('by', z.by, 'reason', z.reason, 'until', z.until) as facts
  from ${t.pauses} z join (
    select w.*, coalesce(y.queue, 'default') as queue from waiting w left join ${t.jobTypes} y on y.type = w.type) w
    on z.name = case z.kind when 'type' then w.type else w.queue end
  where z.until is null or z.until > ${t.now}
  group by z.kind, z.name, z.by, z.reason, z.until having min(w.since) < ${t.now} - ${ms(sql`$1`)}
  union all ${pausedTargets(t)})
  select b.subject, b.count, b.since, b.facts from behind b order by b.since, b.subject limit ${SUBJECTS_MAX}`,
);

/** How much of the end of each partition is looked at (32 MB): rows are added there. */
const PAGES_MAX: Sql = sql`4000`;

/** How jobs ended in the last $1 ms, by type: of the partitions given, and of each the latest rows; $2 types or null. */
export function countEnded(t: Names, partitions: readonly Partition[]): Sql {
  const parts = partitions.map((partition) => {
    const name = raw(`${t.schema.text}.${partitionName(partition)}`);
    const quoted = raw(`'${name.text}'`);
    return sql`
    select f.type, f.state from ${name} f
    where f.ctid >= (select format('(%s,0)', greatest(0, pg_relation_size(${quoted}) / current_setting('block_size')::bigint - ${PAGES_MAX}))::tid)
      and f.finished_at > ${t.now} - ${ms(sql`$1`)} and ${among(sql`f.type`, sql`$2`)}`;
  });
  const rows = parts.map(({ text }) => text).join('\n    union all');
  return sql`
  select e.type, count(*) filter (where e.state = 'failed')::text as failed, count(*)::text as ended from (${raw(rows)}) e
  group by e.type order by count(*) filter (where e.state = 'failed') desc, e.type limit ${SUBJECTS_MAX}`;
}

/** Workers that died within $1 ms (a target's row is none), where none has begun since on the same machine, or under the same name, that does the same. */
export const seeLostWorkers: Statement<SightRow> = statement(
  'see-lost-workers',
  (t) => sql`
  select w.name as subject, count(*)::text as count, max(w.ended_at) as since,
    jsonb_build_object('host', max(w.host), 'types', array(select distinct u.type from ${t.workers} d, unnest(d.types) u (type)
      where d.name = w.name and d.state = 'dead' order by 1 limit 20)) as facts
  from ${t.workers} w
  where w.state = 'dead' and w.ended_at > ${t.now} - ${ms(sql`$1`)} and not (w.pull and w.host = 'target') and not exists (
    select from ${t.workers} l where l.state = 'live' and l.lease_until > ${t.now} and l.started_at > w.beat_at
      and (l.name = w.name or (l.host = w.host and l.types @> w.types)))
  group by w.name order by 3 desc, 1 limit ${SUBJECTS_MAX}`,
);

/** Schedules that are $1 ms behind their time, or cannot be fired. */
export const seeMissedSchedules: Statement<SightRow> = statement(
  'see-missed-schedules',
  (t) => sql`
  (select s.name as subject, '1' as count, s.error_at as since, jsonb_build_object('error', coalesce(s.error ->> 'message', s.error::text)) as facts
  from ${t.schedules} s where s.error is not null order by s.error_at limit ${SUBJECTS_MAX})
  union all
  (select s.name, '1', s.next_at, '{}'::jsonb from ${t.schedules} s
  where s.error is null and s.next_at < ${t.now} - ${ms(sql`$1`)} order by s.next_at limit ${SUBJECTS_MAX})`,
);

/** Targets that are down, those that are just being tried too, but not paused ones: $1 names or null. */
export const seeDownTargets: Statement<SightRow> = statement(
  'see-down-targets',
  (t) => sql`
  select g.name as subject, (select count(*) from (
      select from ${t.jobs} j join ${t.jobTypes} y on y.type = j.type where j.waits_for = 'target' and g.name = any (y.targets) limit 10001) c)::text as count,
    g.down_since as since, jsonb_build_object('failures', g.failures, 'error', g.last_error ->> 'message') as facts
  from ${t.targets} g
  where g.state <> 'up' and not ${paused(t)} and ${among(sql`g.name`, sql`$1`)}
  order by g.down_since, g.name limit ${SUBJECTS_MAX}`,
);

/** Targets that are not down, and for which jobs wait for so long that there is a finding: $1 names or null. */
export const seeWaitedFor: Statement<SightRow> = statement(
  'see-waited-for',
  (t) => sql`
  select f.subject, f.count::text, f.oldest as since, jsonb_build_object('reason', f.reason, 'action', f.action) as facts
  from ${t.findings} f left join ${t.targets} g on g.name = f.subject
  where f.kind = 'target' and f.next_look >= ${t.now} and (g.name is null or g.state = 'up' or ${paused(t)}) and ${among(sql`f.subject`, sql`$1`)}
  order by f.count desc, f.subject limit ${SUBJECTS_MAX}`,
);

/** Bridges whose dead list grew when it was last measured: $1 names or null. */
export const seeDeadMessages: Statement<SightRow> = statement(
  'see-dead-messages',
  (t) => sql`
  select b.name as subject, b.dead::text as count, b.dead_oldest_at as since,
    jsonb_build_object('list', b.dead_list, 'per_minute', b.dead_growth) as facts
  from ${t.bridges} b where b.dead > 0 and b.dead_growth > 0 and b.next_look >= ${t.now} - ${LOOK_GRACE} and ${among(sql`b.name`, sql`$1`)}
  order by b.dead desc, b.name limit ${SUBJECTS_MAX}`,
);

/** The ticks of the sweep and of the findings, without a good round for $1 ms. */
export const seeDeadDetectors: Statement<SightRow> = statement(
  'see-dead-detectors',
  (t) => sql`
  select k.name as subject, '1' as count, coalesce(k.last_ok_at, k.next_at) as since, '{}'::jsonb as facts
  from ${t.ticks} k where k.name in ('sweep', 'findings') and coalesce(k.last_ok_at, k.next_at) < ${t.now} - ${ms(sql`$1`)}`,
);

/** Channels of which a message was tried $1 times in vain, or given up within $2 ms without another that arrived since. */
export const seeFailingChannels: Statement<SightRow> = statement(
  'see-failing-channels',
  (t) => sql`
  with failing as (
    select d.channel, d.created_at, d.last_error from ${t.deliveries} d
    where d.state = 'pending' and d.purpose = 'alert' and d.attempts >= $1::integer and d.last_error is not null
    union all
    select d.channel, d.created_at, d.last_error from ${t.deliveries} d
    where d.state = 'failed' and coalesce(d.delivered_at, d.failed_at) > ${t.now} - ${ms(sql`$2`)} and d.purpose = 'alert' and not exists (
      select from ${t.deliveries} g where g.state = 'delivered' and coalesce(g.delivered_at, g.failed_at) > d.failed_at
        and g.purpose = 'alert' and g.channel = d.channel)
  )
  select f.channel as subject, count(*)::text as count, min(f.created_at) as since,
    jsonb_build_object('code', max(f.last_error ->> 'code'), 'error', max(f.last_error ->> 'message')) as facts
  from failing f group by f.channel order by 1 limit ${SUBJECTS_MAX}`,
);

/** Why no beat is sent: nothing while all is well. $1 ms within which the detectors must have ended a good round, $2 ms after which a message is overdue. */
export const readTroubles: Statement<{ trouble: string }> = statement(
  'read-troubles',
  (t) => sql`
  select format('no good round of the %s since %s', k.name, coalesce(k.last_ok_at, k.next_at)) as trouble
  from ${t.ticks} k where k.name in ('sweep', 'findings', 'alerts') and coalesce(k.last_ok_at, k.next_at) < ${t.now} - ${ms(sql`$1`)}
  union all
  (select format('a message to the channel %s waits since %s', d.channel, d.created_at) from ${t.deliveries} d
  where d.state = 'pending' and d.purpose = 'alert' and d.created_at < ${t.now} - ${ms(sql`$2`)} order by d.created_at limit 3)`,
);
