/** What anybody can use from psql or another language: the view `all_jobs` and the function `enqueue`. */
import { stateOfRow } from '../guards.ts';
import type { Names, Sql } from '../sql.ts';
import { sql } from '../sql.ts';

/** Migration 3: `all_jobs`, `enqueue()`. */
export function plainSql(t: Names): readonly Sql[] {
  return [allJobs(t), enqueue(t)];
}

const allJobs = (t: Names): Sql => sql`
  create view ${t.allJobs} as
    select j.id, j.seq, j.type, ${stateOfRow} as state,
      coalesce(j.waits_for, case when j.worker_id is null then 'worker' else 'lease' end) as waits_for,
      case when j.waits_for is not null then j.wake_at when j.worker_id is null then j.claim_by else j.expires_at end as deadline,
      -j.rank as priority, j.input, j.attempt, coalesce(j.attempts_max, 5) as attempts_max, j.crashes, j.snoozes, j.token,
      null::jsonb as result, j.error, null::text as reason, j.progress, j.progress_note, j.unique_key as key, j.tags, j.worker_id,
      j.created_at, j.updated_at, j.started_at, null::timestamptz as finished_at, j.run_at, j.finish_by
    from ${t.jobs} j
    union all
    select f.id, f.seq, f.type, f.state, null, null, -f.rank, f.input, f.attempt, coalesce(f.attempts_max, 5), f.crashes, f.snoozes,
      f.token, f.result, f.error, f.reason, f.progress, f.progress_note, f.unique_key, f.tags, f.worker_id, f.created_at,
      f.finished_at, f.started_at, f.finished_at, f.run_at, f.finish_by
    from ${t.finished} f`;

/** The row stands at the gate `admit` (the column defaults); the sweep gives it the settings of its type within a second. */
const enqueue = (t: Names): Sql => sql`
  create function ${t.schema}.enqueue(type text, input jsonb default '{}', priority integer default 0,
    run_at timestamptz default null, finish_by timestamptz default null, key text default null, tags text[] default '{}')
  returns uuid language plpgsql volatile as $$
  declare made uuid;
  begin
    for round in 1 .. 100 loop
      insert into ${t.jobs} (type, input, rank, run_at, finish_by, unique_key, tags)
        values (enqueue.type, enqueue.input, -enqueue.priority, enqueue.run_at, enqueue.finish_by, enqueue.key, enqueue.tags)
        on conflict do nothing returning jobs.id into made;
      if made is not null then return made; end if;
      select j.id into made from ${t.jobs} j where j.unique_key = enqueue.key;
      if made is not null then return made; end if;
    end loop;
    raise exception 'unstuck.enqueue: the key % is taken and freed again all the time', enqueue.key using errcode = '40001';
  end $$`;
