/** What ties jobs together: slots, limits, executions of a fan-out, windows of unique keys; and pauses. */
import type { Names, Sql } from '../sql.ts';
import { sql } from '../sql.ts';

/** Migration 5: `pools`, `pool_done`, `limits`, `limit_keys`, `fan_outs`, `executions`, `key_windows`, `pauses`, and what of it jobs carry. */
export function links(t: Names): readonly Sql[] {
  return [gates(t), slots(t), limits(t), executions(t), keys(t), pauses(t), view(t)];
}

/**
 * A job past the gate `slot` holds what it asked for, a job at a gate names whom it waits for: a hand that forgets one of them is refused.
 * None of the new indexes has a column that a claim writes.
 */
const gates = (t: Names): Sql => sql`
  alter table ${t.jobs}
    drop constraint jobs_links_later,
    add constraint jobs_lanes_later check (lane = 0),
    add constraint jobs_slot check (
      case
        when wants_pool is null then slot_pool is null and waits_for is distinct from 'slot'
        else (slot_pool is null) = (coalesce(waits_for, '') in ('admit', 'hold', 'slot')) and slot_pool = wants_pool -- Unknown without a slot.
      end),
    add constraint jobs_limit check (waits_for is distinct from 'limit' or limit_key is not null),
    add constraint jobs_parent check ((parent_id is null) = (ordinal is null));
  create index jobs_slot_held on ${t.jobs} (slot_pool) where slot_pool is not null;
  create index jobs_slot_waiting on ${t.jobs} (wants_pool, rank, seq) where waits_for = 'slot';
  create index jobs_limit_held on ${t.jobs} (limit_key) where limit_key is not null and waits_for is null;
  create index jobs_limit_waiting on ${t.jobs} (limit_key, rank, seq) where waits_for = 'limit';
  create unique index jobs_child on ${t.jobs} (parent_id, ordinal) where parent_id is not null`;

/** `reserved` is counted, not stored, so it cannot drift. Who completes a job only appends to `pool_done`: a pool may be locked by an open transaction of a user. */
const slots = (t: Names): Sql => sql`
  create table ${t.pools} (
    key text collate "C" primary key constraint pools_key check (length(key) between 1 and 200),
    capacity integer not null constraint pools_capacity check (capacity between 0 and 1000000),
    processed bigint not null default 0,
    let_in bigint not null default 0,
    version bigint not null default 0,
    created_at timestamptz not null,
    updated_at timestamptz not null
  ) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
  create table ${t.poolDone} (
    pool text collate "C" not null,
    n bigint not null
  ) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000);
  create index pool_done_pool on ${t.poolDone} (pool)`;

/** How much is allowed (`limits`, by name), and the row that is locked for one key of it (`limit_keys`: name, or name#key). */
const limits = (t: Names): Sql => sql`
  create table ${t.limits} (
    name text collate "C" primary key constraint limits_name check (length(name) between 1 and 210),
    running integer constraint limits_running check (running between 1 and 100000),
    rate_count integer constraint limits_rate_count check (rate_count between 1 and 1000),
    rate_ms bigint constraint limits_rate_ms check (rate_ms between 100 and 31536000000),
    set_by text,
    updated_at timestamptz not null,
    constraint limits_some check (running is not null or rate_count is not null),
    constraint limits_rate check ((rate_count is null) = (rate_ms is null))
  );
  create table ${t.limitKeys} (
    key text collate "C" primary key,
    let_in bigint not null default 0,
    started timestamptz[] not null default '{}',
    used_at timestamptz not null
  ) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
  alter table ${t.jobTypes} add column limit_key text, add column needs_pool boolean not null default false`;

/**
 * The plan of a parent names every ordinal below `expected`; one that is neither live in `jobs` nor in `executions` is missing. Both live as
 * long as the parent: children must not vanish with their day.
 */
const executions = (t: Names): Sql => sql`
  create table ${t.fanOuts} (
    parent_id uuid primary key,
    child_type text not null,
    axes json not null, -- Not jsonb, which would sort the axes.
    expected integer not null constraint fan_outs_expected check (expected between 0 and 1000000),
    success double precision not null constraint fan_outs_success check (success between 0 and 1),
    finish_at timestamptz,
    created_at timestamptz not null
  );
  create table ${t.executions} (
    parent_id uuid not null,
    ordinal integer not null,
    child_id uuid not null,
    state text collate "C" not null constraint executions_state check (state in ('completed', 'failed', 'cancelled')),
    attempt integer not null,
    result jsonb,
    error jsonb,
    finished_at timestamptz not null,
    primary key (parent_id, ordinal)
  )`;

const keys = (t: Names): Sql => sql`
  create table ${t.keyWindows} (
    key text collate "C" primary key,
    until timestamptz not null,
    job_id uuid not null
  )`;

/** One row for each type or queue that is paused: a table that is empty costs a claim nothing. */
const pauses = (t: Names): Sql => sql`
  create table ${t.pauses} (
    kind text collate "C" not null constraint pauses_kind check (kind in ('type', 'queue')),
    name text collate "C" not null,
    reason text,
    by text,
    at timestamptz not null,
    until timestamptz,
    primary key (kind, name)
  );
  alter table ${t.queues} drop column paused_at, drop column paused_until, drop column pause_reason, drop column paused_by;
  alter table ${t.jobTypes} drop column paused_at, drop column paused_until, drop column pause_reason, drop column paused_by`;

const view = (t: Names): Sql => sql`
  create or replace view ${t.allJobs} as
    select j.id, j.seq, j.type,
      case when j.waits_for is not null then 'pending' when j.worker_id is null then 'queued' else 'running' end as state,
      coalesce(j.waits_for, case when j.worker_id is null then 'worker' else 'lease' end) as waits_for,
      case when j.waits_for is not null then j.wake_at when j.worker_id is null then j.claim_by else j.expires_at end as deadline,
      -j.rank as priority, j.input, j.attempt, coalesce(j.attempts_max, 5) as attempts_max, j.crashes, j.snoozes, j.token,
      null::jsonb as result, j.error, null::text as reason, j.progress, j.progress_note, j.unique_key as key, j.tags, j.worker_id,
      j.created_at, j.updated_at, j.started_at, null::timestamptz as finished_at, j.run_at, j.finish_by,
      j.wants_pool as pool, j.limit_key, j.parent_id, j.ordinal, j.trace ->> 'traceparent' as traceparent, j.notify
    from ${t.jobs} j
    union all
    select f.id, f.seq, f.type, f.state, null, null, -f.rank, f.input, f.attempt, coalesce(f.attempts_max, 5), f.crashes, f.snoozes,
      f.token, f.result, f.error, f.reason, f.progress, f.progress_note, f.unique_key, f.tags, f.worker_id, f.created_at,
      f.finished_at, f.started_at, f.finished_at, f.run_at, f.finish_by, f.wants_pool, f.limit_key, f.parent_id, f.ordinal,
      f.trace ->> 'traceparent', f.notify
    from ${t.finished} f`;
