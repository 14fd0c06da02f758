// Targets as rows, for tests of single statements.
import { findParked, findToPark, parkQueued, unpark } from '../../../../src/sql/targets.ts';
import type { Database } from '../../../../src/storage/database.ts';

/** Runs SQL. */
export type Query = (text: string, values?: unknown[]) => Promise<unknown>;

/** Makes a target with its row in `workers`, and a type whose jobs are sent to it; `probeAt`: SQL for the time of its next probe while it is down. */
export async function makeTarget(
  query: Query,
  name: string,
  type: string,
  probeAt = 'null',
): Promise<void> {
  await query(
    `insert into unstuck.targets (name, worker_id, url, failures_max, probe_every_ms, probe_for_ms, probe_then_ms, silence_ms, ramp_max, ramp,
       state, since, down_since, next_probe_at, probes, defined_at)
     select $1, gen_random_uuid(), 'http://g/', 3, 60000, 3600000, 600000, 60000, 100, 20,
       case when p.at is null then 'up' else 'down' end, now(), case when p.at is not null then now() end, p.at, 1, now()
     from (select (${probeAt})::timestamptz as at) p`,
    [name],
  );
  await query(
    `insert into unstuck.workers (id, name, host, pid, pid_started, lease_ms, lease_until, beat_at, state, types, concurrency, version, started_at, pull)
     select worker_id, name, 'target', 0, '', 1728000000, now() + interval '20 days', now(), 'live', '{}', 0, 'http', now(), true
     from unstuck.targets where name = $1`,
    [name],
  );
  await query(`insert into unstuck.queues (name) values ('default') on conflict do nothing`);
  await query(
    `insert into unstuck.job_types (type, queue, timeout_ms, claim_within_ms, attempts_max, backoff_base_ms, backoff_max_ms, defined_at, targets)
     values ($1, 'default', 60000, 60000, 2, 1000, 60000, now(), array[$2]::text[])
     on conflict (type) do update set targets = excluded.targets`,
    [type, name],
  );
}

/** Jobs of a type that a target holds and has been silent about. */
export async function silentJobs(
  query: Query,
  target: string,
  type: string,
  count: number,
): Promise<void> {
  await query(
    `with held as (
       insert into unstuck.jobs (type, waits_for, wake_at, worker_id, token, attempt, started_at, expires_at, attempts_max, claim_within_ms)
       select $2, null, null, g.worker_id, 1, 1, now(), now() + interval '1 hour', 5, 300000 from unstuck.targets g, generate_series(1, $3)
       where g.name = $1 returning id, token)
     insert into unstuck.dispatches (job_id, token, target, digest, state, sent_at, accepted_at, look_at)
     select id, token, $1, '', 'accepted', now(), now(), now() - interval '1 minute' from held`,
    [target, type, count],
  );
}

/** Takes every target down, or puts all up, and does what a round of the sweep does about it. */
export async function turn(query: Query, database: Database, state: 'up' | 'down'): Promise<void> {
  await query(
    `update unstuck.targets set state = $1, down_since = case when $1 = 'down' then unstuck.clock() end,
       next_probe_at = case when $1 = 'down' then unstuck.clock() end, ramp_at = null`,
    [state],
  );
  const toPark = await database.run(findToPark, [100]);
  await database.run(parkQueued, [toPark.map(({ id }) => id)]);
  const next = await database.run(findParked);
  await database.run(unpark, [next.map(({ id }) => id)]);
}
