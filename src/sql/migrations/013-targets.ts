/** Remote workers: where they are, whether they answer, and what was sent to them. */
import type { Names, Sql } from '../sql.ts';
import { sql } from '../sql.ts';

/** Migration 13: the line before the gate `target`, `targets`, `dispatches`, and the targets of types. */
export function targets(t: Names): readonly Sql[] {
  return [gate(t), circuits(t), sent(t)];
}

const gate = (t: Names): Sql => sql`
  create index jobs_parked on ${t.jobs} (type, rank, seq) where waits_for = 'target';
  alter table ${t.jobTypes} add column targets text[] constraint job_types_targets check (cardinality(targets) between 1 and 20)`;

/**
 * One row per target. `down_since` stays while it is tried (half-open), so that its schedule goes on if that fails; `worker_id` holds the
 * attempts that it works on. Who is down has the time of its next probe, always: a target cannot be forgotten either.
 */
const circuits = (t: Names): Sql => sql`
  create table ${t.targets} (
    name text collate "C" primary key constraint targets_name check (length(name) between 1 and 200),
    worker_id uuid not null unique,
    url text not null,
    health_url text,
    status_url text,
    failures_max integer not null constraint targets_failures_max check (failures_max between 1 and 1000),
    probe_every_ms bigint not null,
    probe_for_ms bigint not null,
    probe_then_ms bigint not null,
    silence_ms bigint not null,
    ramp_max integer not null constraint targets_ramp_max check (ramp_max between 1 and 10000),
    state text not null default 'up' constraint targets_state check (state in ('up', 'down', 'half-open')),
    since timestamptz not null,
    down_since timestamptz,
    failures integer not null default 0,
    probes integer not null default 0,
    last_probe_at timestamptz,
    next_probe_at timestamptz,
    last_ok_at timestamptz,
    last_failed_at timestamptz,
    last_error jsonb,
    hold_until timestamptz,
    trial_job uuid,
    ramp integer not null default 1,
    ramp_at timestamptz,
    paused_at timestamptz,
    paused_until timestamptz,
    paused_by text,
    paused_reason text,
    defined_at timestamptz not null,
    constraint targets_down_is_probed check ((state = 'up') = (next_probe_at is null) and (state = 'up') = (down_since is null)),
    constraint targets_schedule check (least(probe_every_ms, probe_then_ms, silence_ms) >= 1000 and probe_for_ms >= 0
      and greatest(probe_every_ms, probe_for_ms, probe_then_ms, silence_ms) <= 315360000000)
  ) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000)`;

/** What was sent of which attempt. Of what lets the target call back only a hash is kept; an open one has the time at which it is looked after. */
const sent = (t: Names): Sql => sql`
  create table ${t.dispatches} (
    job_id uuid not null,
    token bigint not null,
    target text collate "C" not null,
    digest bytea not null,
    state text not null constraint dispatches_state check (state in ('sending', 'accepted', 'closed')),
    sends integer not null default 1,
    sent_at timestamptz not null,
    accepted_at timestamptz,
    heard_at timestamptz,
    look_at timestamptz,
    closed_at timestamptz,
    primary key (job_id, token),
    constraint dispatches_open_is_looked_after check ((state = 'closed') = (look_at is null) and (state = 'closed') = (closed_at is not null))
  ) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
  create index dispatches_look on ${t.dispatches} (target, look_at) where look_at is not null;
  create index dispatches_closed on ${t.dispatches} (closed_at) where closed_at is not null`;
