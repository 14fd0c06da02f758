/** What people are told of: alerts, one for each rule and subject. */
import type { Names, Sql } from '../sql.ts';
import { sql } from '../sql.ts';

/** Migration 15: `alerts`. A definition, and with it every secret of a channel, is in the memory of processes only. */
export function alerts(t: Names): readonly Sql[] {
  return [
    sql`
  create table ${t.alerts} (
    id uuid primary key,
    rule text collate "C" not null,
    subject text collate "C" not null,
    severity text not null,
    state text not null,
    summary text not null,
    count bigint not null default 1,
    detail jsonb not null default '{}',
    since timestamptz not null,
    fired_at timestamptz,
    fired_times integer not null default 0,
    clear_since timestamptz,
    resolved_at timestamptz,
    told jsonb not null default '{}',
    acknowledged_at timestamptz,
    acknowledged_by text,
    acknowledge_reason text,
    silenced_at timestamptz,
    silenced_until timestamptz,
    silenced_by text,
    silence_reason text,
    next_look timestamptz,
    updated_at timestamptz not null,
    constraint alerts_subject unique (rule, subject),
    constraint alerts_state check (state in ('pending', 'firing', 'resolved') and (state <> 'firing' or fired_at is not null)),
    constraint alerts_severity check (severity in ('info', 'warning', 'critical')),
    constraint alerts_live_has_next_look check (state = 'resolved' or next_look is not null),
    constraint alerts_acknowledged check (acknowledged_at is not null or (acknowledged_by is null and acknowledge_reason is null)),
    constraint alerts_silenced check (silenced_at is not null or (silenced_until is null and silenced_by is null and silence_reason is null)),
    constraint alerts_times_finite check (isfinite(since) and isfinite(fired_at) and isfinite(clear_since) and isfinite(resolved_at)
      and isfinite(silenced_until) and isfinite(next_look)),
    constraint alerts_bounds check (length(rule) between 1 and 200 and length(subject) between 1 and 500 and length(summary) between 1 and 2000
      and count >= 0 and fired_times >= 0 and jsonb_typeof(told) = 'object' and jsonb_typeof(detail) = 'object')
  ) with (fillfactor = 70);
  comment on constraint alerts_live_has_next_look on ${t.alerts} is
    'An alert that holds says when it is looked at again: none can go on for ever because nobody looks.';
  create index alerts_live on ${t.alerts} (next_look) where next_look is not null;
  create index alerts_over on ${t.alerts} (updated_at) where next_look is null`,
    sql`
  insert into ${t.ticks} (name, next_at) values ('alerts', ${t.now}), ('beat', ${t.now}) on conflict (name) do nothing`,
  ];
}
