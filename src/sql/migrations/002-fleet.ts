/** Who runs the jobs, and what keeps them moving: workers, claims, types, queues, findings, ticks. */
import type { Names, Sql } from '../sql.ts';
import { sql } from '../sql.ts';

/** Migration 2: `workers`, `claims`, `job_types`, `queues`, `findings`, `ticks`, `row_errors`. */
export function fleet(t: Names): readonly Sql[] {
  return [workers(t), types(t), healing(t)];
}

/** `claims` may be stale, never missing: a dead worker's jobs are found by it without an index on `jobs`. */
const workers = (t: Names): Sql => sql`
  create sequence ${t.lockKeys} as integer minvalue 1 cycle;
  create table ${t.workers} (
    id uuid primary key,
    name text not null,
    host text not null,
    pid integer not null,
    pid_started text not null,
    lock_key integer,
    lease_ms integer not null,
    lease_until timestamptz not null,
    beat_at timestamptz not null,
    lost_since timestamptz,
    state text not null constraint workers_state check (state in ('live', 'stopping', 'dead', 'stopped')),
    types text[] not null,
    concurrency integer not null,
    running integer not null default 0,
    ghosts integer not null default 0,
    loop_lag_ms integer not null default 0,
    version text not null,
    started_at timestamptz not null,
    ended_at timestamptz
  ) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
  create table ${t.claims} (
    id uuid primary key,
    worker_id uuid not null references ${t.workers} on delete restrict,
    job_ids uuid[] not null,
    expires_at timestamptz not null,
    created_at timestamptz not null
  ) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
  alter table ${t.claims} alter column job_ids set storage external; -- Ids hardly compress, and trying took 4 % of a claim.
  create index claims_worker on ${t.claims} (worker_id)`;

const types = (t: Names): Sql => sql`
  create table ${t.queues} (
    name text collate "C" primary key,
    paused_at timestamptz,
    paused_until timestamptz,
    pause_reason text,
    paused_by text
  );
  insert into ${t.queues} (name) values ('default');
  create table ${t.jobTypes} (
    type text collate "C" primary key,
    queue text collate "C" not null references ${t.queues},
    timeout_ms bigint not null,
    claim_within_ms bigint not null,
    attempts_max integer not null,
    backoff_base_ms bigint not null,
    backoff_max_ms bigint not null,
    defined_at timestamptz not null,
    paused_at timestamptz,
    paused_until timestamptz,
    pause_reason text,
    paused_by text
  )`;

const healing = (t: Names): Sql => sql`
  create table ${t.findings} (
    kind text not null,
    subject text not null,
    reason text not null,
    action text not null,
    count bigint not null,
    oldest timestamptz not null,
    first_seen timestamptz not null,
    last_seen timestamptz not null,
    next_look timestamptz not null,
    primary key (kind, subject)
  );
  create table ${t.ticks} (
    name text primary key,
    next_at timestamptz not null,
    last_ok_at timestamptz
  ) with (fillfactor = 50);
  insert into ${t.ticks} (name, next_at) values ('sweep', ${t.now});
  create table ${t.rowErrors} (
    job_id uuid not null,
    task text not null,
    code text not null,
    message text not null,
    count integer not null,
    last_at timestamptz not null,
    primary key (job_id, task)
  )`;
