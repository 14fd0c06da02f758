/** Fleet: which workers are alive. Locks are observed in pg_locks, never by trying to take them. */
import { eachJob } from './probes.ts';
import { type Statement, sql, statement } from './sql.ts';

/** A worker that may be dead. */
export interface SuspectRow {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly pid_started: string;
  readonly lease_over: boolean;
  /** Milliseconds since its lease was over; negative while it is not. */
  readonly overdue_ms: number;
  readonly lost_ms: number | null;
  readonly live: number;
}

/** Notes the moment at which a worker's session lock was first seen gone, and takes the note back when it is there again. */
export const watchLocks: Statement<{ id: string }> = statement(
  'watch-locks',
  (t) => sql`
  with held as materialized (
    select l.objid::bigint as lock_key from pg_locks l
    where l.locktype = 'advisory' and l.granted and l.objsubid = 2
      and l.database = (select d.oid from pg_database d where d.datname = current_database())
      and l.classid = (hashtext('unstuck:' || ${t.literal})::bigint & 4294967295)::text::oid
  ), changed as materialized (
    select w.id, held.lock_key is null as lost
    from ${t.workers} w left join held on held.lock_key = w.lock_key
    where w.state in ('live', 'stopping') and w.lock_key is not null and (w.lost_since is null) = (held.lock_key is null)
    order by w.id for update of w -- Two processes that look at once would deadlock.
  )
  update ${t.workers} w set lost_since = case when c.lost then ${t.now} end
  from changed c where c.id = w.id
  returning w.id::text`,
);

/** The workers whose lease is over or whose lock is gone, and how many are live in all. */
export const findSuspects: Statement<SuspectRow> = statement(
  'find-suspects',
  (t) => sql`
  select w.id::text, w.host, w.pid, w.pid_started, w.lease_until < ${t.now} as lease_over,
    (extract(epoch from ${t.now} - w.lease_until) * 1000)::float8 as overdue_ms,
    (extract(epoch from ${t.now} - w.lost_since) * 1000)::float8 as lost_ms,
    (select count(*) from ${t.workers} a where a.state in ('live', 'stopping'))::integer as live
  from ${t.workers} w
  where w.state in ('live', 'stopping') and (w.lease_until < ${t.now} or w.lost_since is not null)`,
);

/** Declares workers ($1) dead: one update; their claims are read in the next statement. $2: grace of a lost lock in ms; $3: proof overrides both. */
export const markDead: Statement<{ id: string; name: string }> = statement(
  'mark-dead',
  (t) => sql`
  with doomed as materialized (
    select w.id from ${t.workers} w
    where w.id = any($1::uuid[]) and w.state in ('live', 'stopping')
      and ($3::boolean or w.lease_until < ${t.now} or w.lost_since <= ${t.now} - $2::bigint * interval '1 ms')
    order by w.id for update
  )
  update ${t.workers} w set state = 'dead', ended_at = ${t.now} from doomed where w.id = doomed.id returning w.id::text, w.name`,
);

/** Deletes the claims of ended workers whose jobs are all gone, and ended workers without claims after a day. */
export const pruneWorkers: Statement<Record<string, never>> = statement(
  'prune-workers',
  (t) => sql`
  with pruned as (
    delete from ${t.claims} c using ${t.workers} w
    where w.id = c.worker_id and w.state in ('dead', 'stopped') and c.created_at < ${t.now} - interval '10 seconds'
      and not exists (select from unnest(c.job_ids) as held (id) ${eachJob(t, sql``, sql`j.id = held.id and j.worker_id = w.id`)} offset 0)
  )
  delete from ${t.workers} w
  where w.state in ('dead', 'stopped') and w.ended_at < ${t.now} - interval '1 day'
    and not exists (select from ${t.claims} c where c.worker_id = w.id)`,
);

/** Ends leases that lie further ahead than a lease can: the clock has jumped back since they were renewed. */
export const clampLeases: Statement<Record<string, never>> = statement(
  'clamp-leases',
  (t) => sql`
  update ${t.workers} w set lease_until = ${t.now} + w.lease_ms * interval '1 ms'
  where w.state in ('live', 'stopping') and w.lease_until > ${t.now} + w.lease_ms * interval '1 ms' + interval '1 second'`,
);

/** How long the server has been up, in ms, by its own clock: leases are not judged in the first lease after a start. */
export const serverUptime: Statement<{ up_ms: number }> = statement(
  'server-uptime',
  () =>
    sql`select (extract(epoch from clock_timestamp() - pg_postmaster_start_time()) * 1000)::float8 as up_ms`,
);
