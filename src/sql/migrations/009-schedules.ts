/** Schedules: what is enqueued at which times. */
import type { Names, Sql } from '../sql.ts';
import { sql } from '../sql.ts';

/**
 * Migration 9: `schedules`. `next_at` is never empty, so no schedule can be stuck; `computed_at` is when it was computed: a clock that shows less has
 * been put back, and it is computed anew (K5). `fired_to` is the greatest nominal time that was ever fired: behind it no time is fired without a look
 * at the jobs that are there.
 */
export function schedules(t: Names): readonly Sql[] {
  return [
    sql`
  create table ${t.schedules} (
    name text collate "C" primary key,
    type text collate "C" not null,
    input jsonb not null default '{}',
    cron text,
    every_ms bigint,
    anchor timestamptz,
    timezone text not null default 'UTC',
    missed text not null default 'once',
    missed_max integer not null default 100,
    overlap text not null default 'skip',
    rank integer not null default 0,
    tags text[] not null default '{}',
    claim_within_ms bigint,
    attempts_max integer,
    wants_pool text collate "C",
    when_full text,
    limit_key text collate "C",
    next_at timestamptz not null,
    computed_at timestamptz not null default ${t.now},
    last_at timestamptz,
    last_job_id uuid,
    fired_to timestamptz,
    fired_times bigint not null default 0,
    missed_times bigint not null default 0,
    skipped_times bigint not null default 0,
    last_skipped_at timestamptz,
    paused_at timestamptz,
    paused_until timestamptz,
    pause_reason text,
    paused_by text,
    error jsonb,
    error_at timestamptz,
    errors integer not null default 0,
    retry_at timestamptz,
    created_at timestamptz not null default ${t.now},
    updated_at timestamptz not null default ${t.now},
    constraint schedules_name check (length(name) between 1 and 200),
    constraint schedules_type check (length(type) between 1 and 200),
    constraint schedules_rule check (
      case when every_ms is null then cron is not null and anchor is null else cron is null and anchor is not null end),
    constraint schedules_bounds check (every_ms between 1000 and 315360000000 and missed_max between 1 and 1000
      and rank between -1000 and 1000 and claim_within_ms between 100 and 315360000000 and attempts_max between 1 and 1000 and length(cron) between 1 and 500
      and fired_times >= 0 and missed_times >= 0 and skipped_times >= 0 and errors >= 0),
    constraint schedules_when_full check ((when_full is null) = (wants_pool is null) and when_full in ('refuse', 'wait')),
    constraint schedules_missed check (missed in ('skip', 'once', 'all')),
    constraint schedules_overlap check (overlap in ('skip', 'allow', 'replace')),
    constraint schedules_times_finite check (isfinite(next_at) and isfinite(computed_at) and isfinite(anchor) and isfinite(paused_at)
      and isfinite(paused_until) and isfinite(retry_at)),
    constraint schedules_pause check (paused_at is not null or (paused_until is null and pause_reason is null and paused_by is null)),
    constraint schedules_error check ((error is null) = (error_at is null) and (error is null) = (retry_at is null)
      and (error is null) = (errors = 0))
  ) with (fillfactor = 50);
  create index schedules_next on ${t.schedules} (next_at);
  create index schedules_computed on ${t.schedules} (computed_at);
  create index schedules_error on ${t.schedules} (error_at) where error is not null`,
  ];
}
