/** Redis lists whose messages become jobs. */
import type { Names, Sql } from '../sql.ts';
import { sql } from '../sql.ts';

/**
 * Migration 16: `bridges`, how each stood when it was last looked at. `next_look` is never empty: a bridge that nobody looks at is one whose next
 * look has passed, and a finding says so. `head_mark`, `dead_mark` recognise the oldest message of a list that does not say when it was sent.
 */
export function bridges(t: Names): readonly Sql[] {
  return [
    sql`
  create table ${t.bridges} (
    name text collate "C" primary key,
    list text not null,
    dead_list text not null,
    take_from text not null,
    address text not null,
    every_ms bigint not null,
    late_ms bigint not null,
    state text not null default 'new',
    last_error text,
    away_at timestamptz,
    looked_at timestamptz,
    next_look timestamptz not null,
    waiting bigint not null default 0,
    waiting_oldest_at timestamptz,
    waiting_growth float8,
    processing bigint not null default 0,
    processing_oldest_at timestamptz,
    processing_growth float8,
    dead bigint not null default 0,
    dead_oldest_at timestamptz,
    dead_growth float8,
    head_mark text,
    dead_mark text,
    taken_times bigint not null default 0,
    base_at timestamptz,
    base_waiting bigint,
    base_processing bigint,
    base_dead bigint,
    lost_look_at timestamptz,
    lost_times bigint not null default 0,
    lost_ids text[] not null default '{}',
    created_at timestamptz not null default ${t.now},
    updated_at timestamptz not null default ${t.now},
    constraint bridges_name check (length(name) between 1 and 200),
    constraint bridges_bounds check (every_ms between 1000 and 3600000 and late_ms between 1000 and 315360000000 and waiting >= 0
      and processing >= 0 and dead >= 0 and taken_times >= 0 and lost_times >= 0 and cardinality(lost_ids) <= 20),
    constraint bridges_take_from check (take_from in ('left', 'right')),
    constraint bridges_state check (state in ('new', 'up', 'away')),
    constraint bridges_away check ((state = 'away') = (last_error is not null) and (state = 'away') = (away_at is not null)),
    constraint bridges_next_look check (isfinite(next_look)),
    constraint bridges_oldest check ((waiting = 0) = (waiting_oldest_at is null) and (processing = 0) = (processing_oldest_at is null)
      and (dead = 0) = (dead_oldest_at is null))
  ) with (fillfactor = 50)`,
  ];
}
