/** Pools: how many slots there are, who holds them and who waits. */
import { stateOfRow } from './guards.ts';
import { type Names, type Sql, type Statement, sql, statement } from './sql.ts';

/** A pool with what is counted of it. */
export interface PoolRow {
  readonly key: string;
  readonly capacity: number;
  readonly reserved: number;
  readonly waiting: number;
  readonly processed: string;
  readonly oldest_id: string | null;
  readonly oldest_type: string | null;
  readonly oldest_state: string | null;
  readonly oldest_since: Date | null;
  readonly created_at: Date;
  readonly updated_at: Date;
}

/** Sets the capacity ($2) of a pool ($1), which is made when it is missing. */
export const setPool: Statement<{ key: string }> = statement(
  'set-pool',
  (t) => sql`
  insert into ${t.pools} as p (key, capacity, created_at, updated_at) values ($1, $2::integer, ${t.now}, ${t.now})
  on conflict (key) do update set capacity = excluded.capacity, updated_at = excluded.updated_at, version = p.version + 1
  returning p.key`,
);

const poolRows = (t: Names): Sql => sql`
  select p.key, p.capacity, p.created_at, p.updated_at,
    (select count(*)::integer from ${t.jobs} j where j.slot_pool = p.key) as reserved,
    (select count(*)::integer from ${t.jobs} j where j.wants_pool = p.key and j.waits_for = 'slot') as waiting,
    (p.processed + coalesce((select sum(d.n) from ${t.poolDone} d where d.pool = p.key), 0))::text as processed,
    o.id::text as oldest_id, o.type as oldest_type, o.state as oldest_state, o.created_at as oldest_since
  from ${t.pools} p left join lateral (
    select j.id, j.type, ${stateOfRow} as state, j.created_at from ${t.jobs} j where j.slot_pool = p.key order by j.created_at, j.id limit 1) o on true`;

/** One pool ($1). */
export const readPool: Statement<PoolRow> = statement(
  'read-pool',
  (t) => sql`${poolRows(t)} where p.key = $1`,
);

/** Pools behind the key $1, at most $2. */
export const listPools: Statement<PoolRow> = statement(
  'list-pools',
  (t) => sql`${poolRows(t)} where p.key > $1 order by p.key limit $2`,
);

/**
 * Deletes a pool ($1) that no live job names. An enqueue that was under way has raised its version: what this statement sees of the jobs is then
 * older than the pool, and nothing is deleted.
 */
export const deletePool: Statement<{ key: string }> = statement(
  'delete-pool',
  (t) => sql`
  with seen as materialized (
    select p.key, p.version from ${t.pools} p where p.key = $1
  ), gone as (
    delete from ${t.pools} p using seen where p.key = seen.key and p.version = seen.version
      and not exists (select from ${t.jobs} j where j.slot_pool = seen.key) and not exists (select from ${t.jobs} j where j.wants_pool = seen.key)
    returning p.key
  ), uncounted as (
    delete from ${t.poolDone} d using gone where d.pool = gone.key -- Or a later pool of this name would count them as its own.
  )
  select key from gone`,
);

/** A pool whose rows do not fit together. */
export interface PoolProblemRow {
  readonly key: string;
  readonly capacity: number | null;
  readonly reserved: number;
  readonly waiting: number;
}

/** Pools that do not exist and are named by live jobs; that have more holders than capacity; or for which jobs wait although there is room. */
export const checkPools: Statement<PoolProblemRow> = statement(
  'check-pools',
  (t) => sql`
  with named as (
    select j.wants_pool as key, count(*) filter (where j.slot_pool is not null)::integer as reserved,
      count(*) filter (where j.waits_for = 'slot')::integer as waiting
    from ${t.jobs} j where j.wants_pool is not null group by j.wants_pool
  )
  select n.key, p.capacity, n.reserved, n.waiting from named n left join ${t.pools} p on p.key = n.key
  where p.key is null or n.reserved > p.capacity or (n.waiting > 0 and n.reserved < p.capacity) order by n.key limit 1000`,
);

/** Makes a pool ($1) that live jobs name and that is gone, with as many slots as they hold: they drain, and nobody new is let in. */
export const restorePool: Statement<{ key: string; capacity: number }> = statement(
  'restore-pool',
  (t) => sql`
  insert into ${t.pools} (key, capacity, created_at, updated_at)
  select $1, count(*)::integer, ${t.now}, ${t.now} from ${t.jobs} j where j.slot_pool = $1
  on conflict do nothing returning key, capacity`,
);
