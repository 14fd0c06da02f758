/** Enqueue: storing new jobs in batches, and telling a new job from one that was stored before. */
import { among } from './probes.ts';
import { type Statement, sql, statement } from './sql.ts';

/**
 * Stores the jobs of a JSON list ($1) at their first gate and sends one notification ($2, or none when null). A job enqueued by the name of
 * its type gets the type's settings, or $3 (claim_within_ms) and $4 (attempts_max). $5: how long it may wait for a key that somebody
 * else's open transaction holds, or null for what the session allows. Returns the stored ids.
 */
export const enqueueJobs: Statement<{ id: string }> = statement(
  'enqueue-jobs',
  (t) => sql`
  with patience as materialized (
    select set_config('lock_timeout', coalesce($5::text, current_setting('lock_timeout')), true)
  ), given as materialized (
    select g.id, g.lane, g.type, g.rank, g.input, g.hold, g.finish_by, g.timeout_ms, g.key, g.tags, g.place,
      coalesce(g.run_at, ${t.now} + g.delay_ms * interval '1 ms') as due,
      coalesce(g.claim_within_ms, (select y.claim_within_ms from ${t.jobTypes} y where y.type = g.type), $3::bigint) as claim_within_ms,
      coalesce(g.attempts_max, (select y.attempts_max from ${t.jobTypes} y where y.type = g.type), $4::integer) as attempts_max,
      nextval('${t.schema}.jobs_seq_seq') as seq -- In the order of the list, whatever the order of the keys.
    from patience cross join rows from (jsonb_to_recordset($1::text::jsonb) as (id uuid, lane smallint, type text, rank integer, input jsonb, hold boolean,
      run_at timestamptz, delay_ms bigint, finish_by timestamptz, claim_within_ms bigint, timeout_ms bigint,
      attempts_max integer, key text, tags text[])) with ordinality as g (id, lane, type, rank, input, hold,
      run_at, delay_ms, finish_by, claim_within_ms, timeout_ms, attempts_max, key, tags, place)
  ), stored as (
    insert into ${t.jobs} (id, seq, lane, type, rank, input, waits_for, wake_at, claim_by, run_at, finish_by, timeout_ms,
      claim_within_ms, attempts_max, unique_key, tags)
    select g.id, g.seq, g.lane, g.type, g.rank, coalesce(g.input, 'null'),
      case when g.hold then 'hold' when g.due > ${t.now} then 'time' end,
      case when g.hold then ${t.now} + interval '1 day' when g.due > ${t.now} then g.due end,
      case when g.hold or g.due > ${t.now} then null else ${t.now} + g.claim_within_ms * interval '1 ms' end,
      g.due, g.finish_by, g.timeout_ms, g.claim_within_ms, g.attempts_max, g.key, coalesce(g.tags, '{}')
    from given g
    order by g.key, g.place -- Two batches that took their keys in opposite order would deadlock; among equals the order given.
    on conflict do nothing
    returning id
  ), told as (
    select pg_notify(${t.literal}, $2::text) where $2::text is not null and exists (select from stored)
  )
  select stored.id::text from stored left join told on true`,
);

/** Finds what stands in the way of ids ($1) and keys ($2) that were not stored: live jobs, or finished ones with the same id. */
export const findConflicts: Statement<{ id: string; key: string | null }> = statement(
  'find-conflicts',
  (t) => sql`
  select j.id::text, j.unique_key as key from ${t.jobs} j where j.id = any($1::uuid[])
  union all
  select j.id::text, j.unique_key from ${t.jobs} j where j.unique_key = any($2::text[])
  union all
  select f.id::text, null from ${t.finished} f where f.id = any($1::uuid[])`,
);

/** Of the ids just stored again ($1) takes out those that had run meanwhile; in the same transaction, before anybody sees them. */
export const undoRepeats: Statement<{ id: string }> = statement(
  'undo-repeats',
  (t) => sql`
  with ran as materialized (
    select f.id from ${t.finished} f where f.id = any($1::uuid[])
  )
  delete from ${t.jobs} j where ${among(sql`select ran.id from ran`)} returning j.id::text`,
);

/** Sends a notification ($1). */
export const notify: Statement<Record<string, never>> = statement(
  'notify',
  (t) => sql`select pg_notify(${t.literal}, $1)`,
);

/** Tells which of these types ($1) anybody has ever defined. */
export const findTypes: Statement<{ type: string }> = statement(
  'find-types',
  (t) => sql`select type from ${t.jobTypes} where type = any($1::text[])`,
);

/** Stores the settings of job types ($1: a JSON list), for rows inserted by hand and for the sweep. */
export const defineTypes: Statement<Record<string, never>> = statement(
  'define-types',
  (t) => sql`
  with given as materialized (
    select * from jsonb_to_recordset($1::text::jsonb) as g (type text, queue text, timeout_ms bigint, claim_within_ms bigint,
      attempts_max integer, backoff_base_ms bigint, backoff_max_ms bigint)
    order by type
  ), opened as (
    insert into ${t.queues} (name) select distinct queue from given order by 1 on conflict do nothing
  )
  insert into ${t.jobTypes} as old (type, queue, timeout_ms, claim_within_ms, attempts_max, backoff_base_ms, backoff_max_ms, defined_at)
  select type, queue, timeout_ms, claim_within_ms, attempts_max, backoff_base_ms, backoff_max_ms, ${t.now} from given order by type
  on conflict (type) do update set queue = excluded.queue, timeout_ms = excluded.timeout_ms,
    claim_within_ms = excluded.claim_within_ms, attempts_max = excluded.attempts_max,
    backoff_base_ms = excluded.backoff_base_ms, backoff_max_ms = excluded.backoff_max_ms, defined_at = excluded.defined_at
  where (old.queue, old.timeout_ms, old.claim_within_ms, old.attempts_max, old.backoff_base_ms, old.backoff_max_ms)
    is distinct from (excluded.queue, excluded.timeout_ms, excluded.claim_within_ms, excluded.attempts_max,
      excluded.backoff_base_ms, excluded.backoff_max_ms)`,
);
