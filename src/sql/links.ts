/** Links: jobs that others wait for, or that wait for others: how they are stored, and who is let on when one of them has moved. */
import { dueAt } from './gates.ts';
import { heardLost, sent } from './heard.ts';
import { among } from './probes.ts';
import { keepCte } from './settle.ts';
import { type Names, type Sql, type Statement, sql, statement } from './sql.ts';

/** Whom else a job concerns: its parent, its pool, the key of its limit. */
export type JobLinks = readonly [
  parent: string | null,
  pool: string | null,
  limitKey: string | null,
];

/** What became of one job that `storeJobs` was given. */
export interface StoredRow {
  /** Null in the one row that says that the parent is not ours any more. */
  readonly id: string | null;
  readonly answer:
    | 'created'
    | 'taken'
    | 'replaced'
    | 'key-window'
    | 'slots-exhausted'
    | 'pool-unknown'
    | 'limit-unknown'
    | 'ended'
    | 'stale';
  /** `created`: its gate; `replaced`, `key-window`: the other job; `slots-exhausted`, `pool-unknown`: the pool; `limit-unknown`: the limit. */
  readonly other: string | null;
}

/**
 * Stores jobs ($1: a JSON list, see the function in migration 6) and sends one notification ($8, or none when null). $2, $3: claim_within_ms and
 * attempts_max of a type that nobody has defined; $4 to $6: the parent, with the worker and the token under which it runs, or null; $7: how
 * long it may wait for a key or pool that somebody else's open transaction holds, or null.
 */
export const storeJobs: Statement<StoredRow> = statement(
  'store-jobs',
  (t) => sql`
  with patience as materialized (
    select set_config('lock_timeout', coalesce($7::text, current_setting('lock_timeout')), true)
  ), stored as materialized (
    select s.* from patience cross join lateral ${t.schema}.store_jobs($1::text::jsonb, $2::bigint, $3::integer, $4::uuid, $5::uuid, $6::bigint) s
  ), told as (
    select pg_notify(${t.literal}, $8::text) where $8::text is not null and exists (select from stored where answer = 'created')
  )
  select s.id::text, s.answer, s.other from stored s left join told on true`,
);

/**
 * Lets on whoever waited for parents ($1), pools ($2) and keys of limits ($3), and tells workers of it ($4): types that became ready, and pools that
 * somebody has locked.
 */
export const goOn: Statement<{ kind: 'ready' | 'busy'; name: string }> = statement(
  'go-on',
  (t) =>
    sql`select kind, name from ${t.schema}.go_on($1::uuid[], $2::text[], $3::text[], $4::boolean)`,
);

/** Any live children. */
export const children = (t: Names): Sql =>
  sql`from ${t.jobs} j where j.parent_id is not null order by j.parent_id`;

/** Distinct keys of waiting jobs behind $1, by a loose scan: one probe per key, however many wait. */
const waitingCte = (t: Names, column: Sql, gate: Sql): Sql => sql`
  waiting (key) as (
    (select j.${column} from ${t.jobs} j where j.waits_for = ${gate} and j.${column} > $1 order by j.${column} limit 1)
    union all
    select n.key from waiting w cross join lateral (
      select j.${column} as key from ${t.jobs} j where j.waits_for = ${gate} and j.${column} > w.key order by j.${column} limit 1) n
  ), chunk as materialized (select w.key from waiting w limit $2)`;

/** Pools for whose slots jobs wait, behind the key $1, at most $2, and whether there is room. */
export const findWaitingPools: Statement<{ key: string; room: boolean }> = statement(
  'find-waiting-pools',
  (t) => sql`
  with recursive ${waitingCte(t, sql`wants_pool`, sql`'slot'`)}
  select s.key, coalesce(p.capacity, 0) > (
      select count(*) from (select from ${t.jobs} j where j.slot_pool = s.key limit coalesce(p.capacity, 0)) c) as room
  from chunk s left join ${t.pools} p on p.key = s.key order by s.key`,
);

/** How many were let in at a key of a rate within its time. */
const startedCount = (t: Names): Sql => sql`(
      select count(*) from ${t.limitKeys} k cross join lateral unnest(k.started) as o (at)
      where k.key = s.key and o.at > ${t.now} - m.rate_ms * interval '1 ms' and o.at < ${t.now} + m.rate_ms * interval '1 ms')`;

/** Keys of limits at which jobs wait, behind the key $1, at most $2, and whether there may be room: also a place that nobody uses is room. */
export const findWaitingKeys: Statement<{ key: string; room: boolean }> = statement(
  'find-waiting-keys',
  (t) => sql`
  with recursive ${waitingCte(t, sql`limit_key`, sql`'limit'`)}
  select s.key, (m.rate_count is null or m.rate_count > ${startedCount(t)}) and (m.running is null
    or m.running > (select count(*) from (select from ${t.jobs} j where j.limit_key = s.key and j.waits_for is null limit m.running) c)
    or exists (select from ${t.jobs} j where j.limit_key = s.key and j.waits_for is null and j.worker_id is null)) as room
  from chunk s left join ${t.limits} m on m.name = split_part(s.key, '#', 1) order by s.key`,
);

/**
 * Parents ($2 at most) whose look has come: they are let on when no child is live any more, when children are missing, or when their time is over,
 * and else looked at again after $1 ms, or when their time is over.
 */
export const lookAtParents: Statement<{ type: string | null; limit_key: string | null }> =
  statement(
    'look-at-parents',
    (t) => sql`
  with due as materialized (
    select j.id ${dueAt(t, sql`'executions'`)} limit $2 for update skip locked
  ), seen as materialized (
    select d.id, f.finish_at, (f.finish_at <= ${t.now}) is true or c.live = 0 or c.live + e.ended < f.expected or f.parent_id is null as wakes
    from due d left join ${t.fanOuts} f on f.parent_id = d.id
    cross join lateral (select count(*) as live from ${t.jobs} c where c.parent_id = d.id) c
    cross join lateral (select count(*) as ended from ${t.executions} e where e.parent_id = d.id) e
  )
  update ${t.jobs} j set updated_at = ${t.now}, seq = case when s.wakes then nextval('${t.schema}.jobs_seq_seq') else j.seq end,
    waits_for = case when not s.wakes then 'executions' when j.limit_key is not null then 'limit' end,
    wake_at = case when not s.wakes then least(${t.now} + $1::bigint * interval '1 ms', s.finish_at)
      when j.limit_key is not null then ${t.now} + j.claim_within_ms * interval '1 ms' end,
    claim_by = case when s.wakes and j.limit_key is null then ${t.now} + j.claim_within_ms * interval '1 ms' end
  from seen s where j.id = s.id and ${among(sql`select seen.id from seen`)}
  returning case when j.waits_for is null then j.type end as type, case when j.waits_for = 'limit' then j.limit_key end as limit_key`,
  );

/** Parents of live children behind the id $1, at most $2, and whether they are live. */
export const findParents: Statement<{ id: string; live: boolean }> = statement(
  'find-parents',
  (t) => sql`
  with recursive parents (id) as (
    (select j.parent_id from ${t.jobs} j where j.parent_id > $1::uuid order by j.parent_id limit 1)
    union all
    select n.id from parents p cross join lateral (
      select j.parent_id as id from ${t.jobs} j where j.parent_id > p.id order by j.parent_id limit 1) n
  ), chunk as materialized (select p.id from parents p limit $2)
  select c.id::text, exists (select from ${t.jobs} j where j.id = c.id) as live from chunk c order by c.id`,
);

/** Cancels live children ($2 at most) of a job that has ended ($1); `plans`: whether it has children of its own. */
export const cancelChildren: Statement<{ id: string; links: JobLinks; plans: boolean }> = statement(
  'cancel-children',
  (t) => sql`
  with children as materialized (
    select j.id from ${t.jobs} j where j.parent_id = $1::uuid order by j.id limit $2 for update skip locked
  ), ended as (
    delete from ${t.jobs} j where ${among(sql`select children.id from children`)} returning j.*
  ), given as (
    select id, 'cancelled' as state, null::jsonb as result, error, 'its parent has ended' as reason from ended
  ), ${keepCte(t, sql`null::bigint`)}, ${heardLost(t, sql`ended`)}
  select e.id::text, jsonb_build_array(null, e.wants_pool, e.limit_key) as links,
    exists (select from ${t.fanOuts} f where f.parent_id = e.id) as plans
  from ended e cross join ${sent(sql`heard_lost`)} as told`,
);

/** Adds what was completed to the totals of pools that nobody has locked. */
export const foldPools: Statement<{ pool: string }> = statement(
  'fold-pools',
  (t) => sql`
  with recursive done (pool) as (
    (select d.pool from ${t.poolDone} d order by d.pool limit 1)
    union all
    select n.pool from done f cross join lateral (select d.pool from ${t.poolDone} d where d.pool > f.pool order by d.pool limit 1) n
  ), free as materialized (
    select p.key from ${t.pools} p where p.key in (select f.pool from done f) order by p.key for update skip locked
  ), chunk as materialized (
    select d.ctid as place from ${t.poolDone} d where d.pool in (select key from free) limit 5000 for update skip locked
  ), gone as (
    delete from ${t.poolDone} d where d.ctid = any (array(select place from chunk)) returning d.pool, d.n
  ), sums as (
    select g.pool, sum(g.n)::bigint as n from gone g group by g.pool
  )
  update ${t.pools} p set processed = p.processed + s.n from sums s where p.key = s.pool returning p.key as pool`,
);

/** Forgets windows of keys that are over, and keys of limits that nobody uses. */
export const pruneLinks: Statement<Record<string, never>> = statement(
  'prune-links',
  (t) => sql`
  with windows as (
    delete from ${t.keyWindows} w where w.until < ${t.now}
  )
  delete from ${t.limitKeys} k where k.used_at < ${t.now} - interval '1 day'
    and not exists (select from ${t.limits} l where l.name = split_part(k.key, '#', 1) and k.used_at > ${t.now} - l.rate_ms * interval '1 ms')
    and not exists (select from ${t.jobs} j where j.limit_key = k.key and j.waits_for is null)
    and not exists (select from ${t.jobs} j where j.limit_key = k.key and j.waits_for = 'limit')`,
);

/** Forgets plans whose parent is gone, at most 100, once none of their executions is left; of those at most $1 at once. Returns how many rows it forgot. */
export const pruneFanOuts: Statement<{ gone: number }> = statement(
  'prune-fan-outs',
  (t) => sql`
  with orphaned as materialized (
    select f.parent_id from ${t.fanOuts} f
    where f.created_at < ${t.now} - interval '1 day' and not exists (select from ${t.jobs} j where j.id = f.parent_id)
      and not exists (select from ${t.finished} d where d.id = f.parent_id) limit 100
  ), chunk as materialized (
    select e.parent_id, e.ordinal from orphaned o join ${t.executions} e on e.parent_id = o.parent_id limit $1
  ), forgotten as (
    delete from ${t.executions} e using chunk c where e.parent_id = c.parent_id and e.ordinal = c.ordinal returning e.ordinal
  ), plans as (
    delete from ${t.fanOuts} f using orphaned o where f.parent_id = o.parent_id and (select count(*) from chunk) < $1 returning f.parent_id
  )
  select (select count(*) from forgotten)::integer + (select count(*) from plans)::integer as gone`,
);
