/** Fleet: which workers are alive. Locks are observed in pg_locks, never by trying to take them. */
import { eachJob } from './probes.ts';
import { type Names, type Sql, type Statement, sql, statement } from './sql.ts';

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

/** The workers whose lease is over or whose lock is gone, and how many are live in all. `lostSince`: since when a lock is gone. */
const suspects = (t: Names, joined: Sql, lostSince: Sql): Sql => sql`
  select w.id::text, w.host, w.pid, w.pid_started, w.lease_until < ${t.now} as lease_over,
    (extract(epoch from ${t.now} - w.lease_until) * 1000)::float8 as overdue_ms,
    (extract(epoch from ${t.now} - ${lostSince}) * 1000)::float8 as lost_ms,
    (select count(*) from ${t.workers} a where a.state in ('live', 'stopping'))::integer as live
  from ${t.workers} w ${joined}
  where w.state in ('live', 'stopping') and (w.lease_until < ${t.now} or ${lostSince} is not null)`;

/** Finds suspects by their leases, and by what was noted of their locks: where locks cannot be seen. */
export const findSuspects: Statement<SuspectRow> = statement('find-suspects', (t) =>
  suspects(t, sql``, sql`w.lost_since`),
);

/** Notes the moment at which a worker's session lock was first seen gone, takes the note back when it is there again, and finds suspects. */
export const watchLocks: Statement<SuspectRow> = statement(
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
  ), noted as (
    update ${t.workers} w set lost_since = case when c.lost then ${t.now} end
    from changed c where c.id = w.id returning w.id, w.lost_since
  )
  ${suspects(
    t,
    sql`left join noted n on n.id = w.id`,
    sql`(case when n.id is null then w.lost_since else n.lost_since end)`,
  )}`,
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

/** Claims of ended workers that are old enough to be deleted, of those that fulfil a condition. */
const endedClaims = (t: Names, applies: Sql): Sql => sql`
  w.id = c.worker_id and w.state in ('dead', 'stopped') and c.created_at < ${t.now} - interval '10 seconds' and ${applies}`;

const endedForLong = (t: Names): Sql => sql`
  w.state in ('dead', 'stopped') and w.ended_at < ${t.now} - interval '1 day'
    and not exists (select from ${t.claims} c where c.worker_id = w.id)`;

/** Deletes the claims of ended workers whose jobs are all gone, and ended workers without claims after a day. */
export const pruneWorkers: Statement<Record<string, never>> = statement(
  'prune-workers',
  (t) => sql`
  with pruned as (
    delete from ${t.claims} c using ${t.workers} w where ${endedClaims(
      t,
      sql`not exists (select from unnest(c.job_ids) as held (id) ${eachJob(t, sql``, sql`j.id = held.id and j.worker_id = w.id`)} offset 0)`,
    )}
  )
  delete from ${t.workers} w where ${endedForLong(t)}`,
);

/** Whether a lease lies further ahead than a lease can. */
const leaseTooLong = (t: Names): Sql => sql`
  w.state in ('live', 'stopping') and w.lease_until > ${t.now} + w.lease_ms * interval '1 ms' + interval '1 second'`;

/** Ends leases that lie further ahead than a lease can: the clock has jumped back since they were renewed. */
export const clampLeases: Statement<Record<string, never>> = statement(
  'clamp-leases',
  (t) =>
    sql`update ${t.workers} w set lease_until = ${t.now} + w.lease_ms * interval '1 ms' where ${leaseTooLong(t)}`,
);

/** What `pruneWorkers` and `clampLeases` may find, one look for each of their conditions. */
export const toPrune = (t: Names): readonly [Sql, Sql, Sql] => [
  sql`from ${t.workers} w where ${leaseTooLong(t)}`,
  sql`from ${t.workers} w where ${endedForLong(t)}`,
  sql`from ${t.workers} w join ${t.claims} c on ${endedClaims(t, sql`true`)}`,
];

/** How long the server has been up, in ms, by its own clock: leases are not judged in the first lease after a start. */
export const serverUptime: Statement<{ up_ms: number }> = statement(
  'server-uptime',
  () =>
    sql`select (extract(epoch from clock_timestamp() - pg_postmaster_start_time()) * 1000)::float8 as up_ms`,
);
