/** Heard: what statements that change many jobs tell the other processes, with their own commit and once for all of their rows. */
import { type Names, type Sql, sql } from './sql.ts';

/** One row: the types of a CTE's rows (`type`) have been announced as ready; too many to name are announced as all. */
export const heardReady = (t: Names, rows: Sql): Sql => sql`
  heard_ready as materialized (
    select pg_notify(${t.literal}, 'ready:' || case when length(n.types) > 2000 then '*' else n.types end)
    from (select string_agg(distinct r.type, ',') as types from ${rows} r) as n where n.types is not null
  )`;

/** One row for each worker of a CTE's rows (`worker_id`): it compares at once what it runs with what it holds. */
export const heardLost = (t: Names, rows: Sql): Sql => sql`
  heard_lost as materialized (
    select pg_notify(${t.literal}, 'cancel:' || n.worker_id::text)
    from (select distinct r.worker_id from ${rows} r where r.worker_id is not null) as n
  )`;

/** A row of nothing, after everything of a CTE of notifications has been sent: a CTE that nobody reads is not run. */
export const sent = (heard: Sql): Sql => sql`(select count(*) from ${heard})`;
