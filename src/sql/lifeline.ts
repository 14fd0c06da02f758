/** Lifeline: a worker's row, its lease, and the comparison of what it runs with what the database says. */
import { eachJob, hasJob } from './probes.ts';
import { type Statement, sql, statement } from './sql.ts';

/** Gives the next lock key: one integer per boot, so that a restarted process never adopts old rows (B8). */
export const nextLockKey: Statement<{ lock_key: number }> = statement(
  'next-lock-key',
  (t) => sql`select nextval(${t.literal} || '.lock_keys')::integer as lock_key`,
);

/** Takes the session lock whose disappearance tells that the process died: $1 the lock key. Held twice is harmless: the session ends as one. */
export const takeLock: Statement<Record<string, never>> = statement(
  'take-lock',
  (t) => sql`select pg_advisory_lock_shared(hashtext('unstuck:' || ${t.literal}), $1::integer)`,
);

/** Registers a worker. $1 id, $2 JSON (name, host, pid, pid_started, lock_key, lease_ms, types, concurrency, version). */
export const registerWorker: Statement<Record<string, never>> = statement(
  'register-worker',
  (t) => sql`
  insert into ${t.workers} (id, name, host, pid, pid_started, lock_key, lease_ms, lease_until, beat_at, state, types, concurrency,
    version, started_at)
  select $1, g.name, g.host, g.pid, g.pid_started, g.lock_key, g.lease_ms, ${t.now} + g.lease_ms * interval '1 ms', ${t.now}, 'live',
    g.types, g.concurrency, g.version, ${t.now}
  from jsonb_to_record($2::text::jsonb) as g (name text, host text, pid integer, pid_started text, lock_key integer, lease_ms integer,
    types text[], concurrency integer, version text)
  on conflict (id) do update set lease_until = excluded.lease_until, beat_at = excluded.beat_at, lost_since = null`,
);

/**
 * Renews the lease: $1 worker, $2 running, $3 ghosts, $4 event-loop lag in ms, $5 the names of loops without a pulse. Answers whether there are claims
 * of the worker; no row: it has been declared dead.
 */
export const beat: Statement<{ claims: boolean }> = statement(
  'beat',
  (t) => sql`
  update ${t.workers} w
  set lease_until = ${t.now} + w.lease_ms * interval '1 ms', beat_at = ${t.now}, lost_since = null, running = $2, ghosts = $3,
    loop_lag_ms = $4, stalled = $5
  where w.id = $1 and w.state in ('live', 'stopping')
  returning exists (select from ${t.claims} c where c.worker_id = w.id) as claims`,
);

/** Of the attempts that a worker ($1) says it runs ($2 JSON: id, token) returns those that are not its own any more, and why. */
export const findForeign: Statement<{
  id: string;
  token: string;
  cancelled: boolean;
  reason: string | null;
}> = statement(
  'find-foreign',
  (t) => sql`
  with given as materialized (
    select * from jsonb_to_recordset($2::text::jsonb) as g (id uuid, token bigint)
  ), gone as materialized (
    select g.id, g.token from given g
    where not ${hasJob(t, sql`j.id = g.id and j.worker_id = $1 and j.token = g.token`)}
  )
  select gone.id::text, gone.token::text, coalesce(f.state = 'cancelled', false) as cancelled, f.reason
  from gone left join lateral (
    select f.state, f.reason from ${t.finished} f where f.id = gone.id and f.token = gone.token limit 1
  ) f on true`,
);

/**
 * Finds jobs that claims of this worker ($1), older than $2 ms and not among those in flight ($3), hold although the worker does not
 * know them ($4 JSON: id, token): their claim was committed and its reply lost (B6). The attempt must be as old as that too: an older
 * claim of the same job says nothing about one that was made while the worker answered.
 */
export const findUnknown: Statement<{ id: string; token: string }> = statement(
  'find-unknown',
  (t) => sql`
  with known as materialized (
    select * from jsonb_to_recordset($4::text::jsonb) as g (id uuid, token bigint)
  )
  select j.id::text, j.token::text
  from ${t.claims} c cross join lateral unnest(c.job_ids) as held (id)
  ${eachJob(t, sql`j.id, j.token, j.started_at`, sql`j.id = held.id and j.worker_id = $1`)}
  where c.worker_id = $1 and c.created_at < ${t.now} - $2::bigint * interval '1 ms' and c.id <> all ($3::uuid[])
    and j.started_at < ${t.now} - $2::bigint * interval '1 ms'
    and not exists (select from known k where k.id = j.id and k.token = j.token)
  limit 1000`,
);

/**
 * Deletes claims ($2) of a worker ($1) that has seen the end of all their jobs. `pruneClaims` looks for each of those jobs among dead rows: in a drain that took
 * up to a tenth of the server's time.
 */
export const dropClaims: Statement<Record<string, never>> = statement(
  'drop-claims',
  (t) => sql`delete from ${t.claims} c where c.worker_id = $1 and c.id = any ($2::uuid[])`,
);

/** Deletes the claims of a worker ($1) none of whose jobs it still holds. */
export const pruneClaims: Statement<Record<string, never>> = statement(
  'prune-claims',
  (t) => sql`
  delete from ${t.claims} c
  where c.worker_id = $1 and c.created_at < ${t.now} - interval '1 second' and not exists (
    select from unnest(c.job_ids) as held (id) ${eachJob(t, sql``, sql`j.id = held.id and j.worker_id = $1`)} offset 0)`,
);

/** Tells that a worker ($1) is stopping ($2 = 'stopping') or has stopped ('stopped'). */
export const setWorkerState: Statement<Record<string, never>> = statement(
  'set-worker-state',
  (t) => sql`
  update ${t.workers} set state = $2, ended_at = case when $2 = 'stopped' then ${t.now} end
  where id = $1 and state in ('live', 'stopping')`,
);
