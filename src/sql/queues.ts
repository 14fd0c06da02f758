/** Queues: their types and counts, and what is paused. */
import { stateOfRow } from './guards.ts';
import { type Statement, sql, statement } from './sql.ts';

/** A queue with its pause. */
export interface QueueRow {
  readonly name: string;
  readonly types: string[];
  readonly reason: string | null;
  readonly by: string | null;
  readonly at: Date | null;
  readonly until: Date | null;
}

/** Queues ($1: one name, or null for all) behind the name $2, at most $3, with their types. */
export const listQueues: Statement<QueueRow> = statement(
  'list-queues',
  (t) => sql`
  select q.name, array(select y.type from ${t.jobTypes} y where y.queue = q.name order by y.type) as types, z.reason, z.by, z.at, z.until
  from ${t.queues} q
  left join ${t.pauses} z on z.kind = 'queue' and z.name = q.name and (z.until is null or z.until > ${t.now})
  where ($1::text is null or q.name = $1) and q.name > $2 order by q.name limit $3`,
);

/** Live jobs counted by queue ($1: one, or null for all), state and gate; types that nobody has defined are in the queue `default`. */
export const countByQueue: Statement<{
  queue: string;
  state: string;
  waits_for: string | null;
  count: number;
  oldest: Date;
}> = statement(
  'count-by-queue',
  (t) => sql`
  select coalesce(y.queue, 'default') as queue, ${stateOfRow} as state, j.waits_for, count(*)::integer as count, min(j.created_at) as oldest
  from ${t.jobs} j left join ${t.jobTypes} y on y.type = j.type
  where $1::text is null or coalesce(y.queue, 'default') = $1 group by 1, 2, 3 order by 1, 2, 3`,
);

/** Pauses a queue or a type ($1 kind, $2 name): $3 reason, $4 by whom, $5 until when, or null; a time that is over pauses nothing. */
export const pause: Statement<{ at: Date }> = statement(
  'pause',
  (t) => sql`
  insert into ${t.pauses} as z (kind, name, reason, by, at, until) select $1, $2, $3, $4, ${t.now}, $5::timestamptz
  where $5::timestamptz is null or $5::timestamptz > ${t.now}
  on conflict (kind, name) do update set reason = excluded.reason, by = excluded.by, at = excluded.at, until = excluded.until
  returning z.at`,
);

/** Ends the pause of a queue or a type ($1 kind, $2 name), and tells the workers. */
export const resume: Statement<{ name: string }> = statement(
  'resume',
  (t) => sql`
  with resumed as (
    delete from ${t.pauses} z where z.kind = $1 and z.name = $2 returning z.name
  ), told as (
    select pg_notify(${t.literal}, 'ready:*') from resumed
  )
  select r.name from resumed r left join told on true`,
);

/** Types that are paused. */
export const listPauses: Statement<{
  kind: 'type' | 'queue';
  name: string;
  reason: string | null;
  by: string | null;
  at: Date;
  until: Date | null;
}> = statement(
  'list-pauses',
  (t) => sql`
  select z.kind, z.name, z.reason, z.by, z.at, z.until from ${t.pauses} z where z.until is null or z.until > ${t.now} order by z.at limit 1000`,
);

/** The line of a queue ($1): one of its running jobs, one that is queued, and its jobs that wait at a limit, in order, at most $2. */
export const readLine: Statement<{
  kind: 'running' | 'queued' | 'waiting';
  id: string;
  limit_key: string | null;
}> = statement(
  'read-line',
  (t) => sql`
  with types as materialized (select y.type from ${t.jobTypes} y where y.queue = $1)
  (select 'running' as kind, j.id::text, j.limit_key from types y join ${t.jobs} j on j.type = y.type and j.waits_for is null and j.worker_id is not null limit 1)
  union all
  (select 'queued', j.id::text, j.limit_key from types y join ${t.jobs} j on j.type = y.type and j.waits_for is null and j.worker_id is null limit 1)
  union all
  (select 'waiting', j.id::text, j.limit_key from types y join ${t.jobs} j on j.type = y.type and j.waits_for = 'limit' order by j.rank, j.seq limit $2)`,
);

/** Which of these jobs ($1) do not wait at a limit any more. */
export const findLetIn: Statement<{ id: string }> = statement(
  'find-let-in',
  (t) => sql`
  select g.id::text from unnest($1::uuid[]) with ordinality as g (id, place)
  where not exists (select from ${t.jobs} j where j.id = g.id and j.waits_for = 'limit') order by g.place`,
);
