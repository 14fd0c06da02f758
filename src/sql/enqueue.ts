/** Enqueue: storing new jobs in batches, and telling a new job from one that was stored before. */
import { among } from './probes.ts';
import { type Names, type Sql, type Statement, sql, statement } from './sql.ts';

/**
 * The jobs to store, one array for each field: $1 ids, $2 types, $3 inputs (a JSON list), $4 ranks, $5 hold, $6 run_at, $7 delay_ms,
 * $8 finish_by, $9 claim_within_ms, $10 attempts_max, $11 keys, $12 tags (arrays as text), $16 traces, $17 whom to tell (JSON texts). Null for a field that no job has. All travel as text:
 * the clients in whose transactions this runs would each encode a list in its own way.
 */
const FIELDS: Sql = sql`id, type, rank, hold, run_at, delay_ms, finish_by, claim_within_ms, attempts_max, key, tags, trace, notify, input`;
const given: Sql = sql`rows from (
      unnest($1::text::uuid[], $2::text::text[], $4::text::integer[], $5::text::boolean[], $6::text::timestamptz[], $7::text::bigint[],
        $8::text::timestamptz[], $9::text::bigint[], $10::text::integer[], $11::text::text[], $12::text::text[], $16::text::text[], $17::text::text[]),
      jsonb_array_elements($3::text::jsonb))`;

const COLUMNS: Sql = sql`id, type, rank, input, waits_for, wake_at, claim_by, run_at, finish_by, claim_within_ms, attempts_max, unique_key, tags, trace, notify`;

/** The columns of `jobs` for rows of `given`, each at its first gate. $13, $14: claim_within_ms and attempts_max of a type that nobody has defined. */
const stored = (t: Names): Sql => {
  const due = sql`coalesce(g.run_at, ${t.now} + g.delay_ms * interval '1 ms')`;
  const claimWithin = sql`coalesce(g.claim_within_ms, (select y.claim_within_ms from ${t.jobTypes} y where y.type = g.type), $13::bigint)`;
  return sql`g.id, g.type, coalesce(g.rank, 0), g.input,
      case when g.hold then 'hold' when ${due} > ${t.now} then 'time' end,
      case when g.hold then ${t.now} + interval '1 day' when ${due} > ${t.now} then ${due} end,
      case when g.hold or ${due} > ${t.now} then null else ${t.now} + ${claimWithin} * interval '1 ms' end,
      ${due}, g.finish_by, ${claimWithin},
      coalesce(g.attempts_max, (select y.attempts_max from ${t.jobTypes} y where y.type = g.type), $14::integer),
      g.key, coalesce(g.tags::text[], '{}'), g.trace::jsonb, g.notify::jsonb`;
};

/**
 * Stores new jobs without keys ($1 to $14, $16, $17: see above) and sends one notification ($15, or none when null): all or none. That nothing can be
 * in their way saves a job 1 µs and 50 bytes of WAL.
 */
export const enqueueJobs: Statement<{ told: number }> = statement(
  'enqueue-jobs',
  (t) => sql`
  with stored as (
    insert into ${t.jobs} (${COLUMNS}) select ${stored(t)} from ${given} as g (${FIELDS})
  ), told as (
    select pg_notify(${t.literal}, $15::text) where $15::text is not null
  )
  select count(*)::integer as told from told -- Prisma cannot read a column of type void.`,
);

/**
 * Stores new jobs that differ only in their ids ($1) and inputs ($2, a JSON list): of type $3, rank $4, claim_within_ms $5 and attempts_max $6, due now, and
 * with nothing else about them; and sends one notification ($7, or none when null): all or none. Preparing to read fields that no job has is much of what a
 * statement costs: for one job `enqueueJobs` took 135 µs of the server and this 103, for 50 jobs 10.5 and 8.6 µs each (least of eight rounds, two runs).
 */
export const enqueueAlike: Statement<{ told: number }> = statement(
  'enqueue-alike',
  (t) => sql`
  with stored as (
    insert into ${t.jobs} (id, type, rank, input, waits_for, wake_at, claim_by, claim_within_ms, attempts_max)
    select g.id, $3::text, $4::integer, g.input, null, null, ${t.now} + $5::bigint * interval '1 ms', $5::bigint, $6::integer
    from rows from (unnest($1::text::uuid[]), jsonb_array_elements($2::text::jsonb)) as g (id, input)
  ), told as (
    select pg_notify(${t.literal}, $7::text) where $7::text is not null
  )
  select count(*)::integer as told from told -- See enqueueJobs.`,
);

/**
 * Stores those jobs ($1 to $17 as above) that are not stored yet and whose keys are free; returns their ids. $18: how long it may wait for a
 * key that somebody else's open transaction holds, or null for what the session allows.
 */
export const enqueueDistinct: Statement<{ id: string }> = statement(
  'enqueue-distinct',
  (t) => sql`
  with patience as materialized (
    select set_config('lock_timeout', coalesce($18::text, current_setting('lock_timeout')), true)
  ), given as materialized (
    select g.*, nextval('${t.schema}.jobs_seq_seq') as seq -- In the order of the list, whatever the order of the keys.
    from patience cross join ${given} with ordinality as g (${FIELDS}, place)
  ), stored as (
    insert into ${t.jobs} (${COLUMNS}, seq) select ${stored(t)}, g.seq from given g
    order by g.key, g.place -- Two batches that took their keys in opposite order would deadlock; among equals the order given.
    on conflict do nothing
    returning id
  ), told as (
    select pg_notify(${t.literal}, $15::text) where $15::text is not null and exists (select from stored)
  )
  select stored.id from stored left join told on true`,
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

/** Takes jobs ($1) out again that this very transaction has stored. */
export const takeBack: Statement<{ id: string }> = statement(
  'take-back',
  (t) => sql`
  with windows as (
    delete from ${t.keyWindows} w where w.job_id = any($1::text::uuid[])
  )
  delete from ${t.jobs} j where j.id = any($1::text::uuid[]) returning j.id::text`,
);

/** Sends a notification ($1). */
export const notify: Statement<Record<string, never>> = statement(
  'notify',
  (t) =>
    sql`with told as (select pg_notify(${t.literal}, $1::text)) select count(*)::integer as told from told -- See enqueueJobs.`,
);

/** What is known of types ($1) that somebody has defined: the key of their limit, whether their jobs need a slot, and where they are sent. */
export const findTypes: Statement<{
  type: string;
  limit_key: string | null;
  needs_pool: boolean;
  targets: string[] | null;
}> = statement(
  'find-types',
  (t) =>
    sql`select type, limit_key, needs_pool, targets from ${t.jobTypes} where type = any($1::text[])`,
);

/**
 * Stores the settings of job types ($1: a JSON list), for rows inserted by hand and for the sweep, and the limits ($2: a JSON list) of types and
 * queues, except those that a person has set.
 */
export const defineTypes: Statement<Record<string, never>> = statement(
  'define-types',
  (t) => sql`
  with given as materialized (
    select * from jsonb_to_recordset($1::text::jsonb) as g (type text, queue text, timeout_ms bigint, claim_within_ms bigint,
      attempts_max integer, backoff_base_ms bigint, backoff_max_ms bigint, limit_key text, needs_pool boolean, targets text[])
    order by type
  ), opened as (
    insert into ${t.queues} (name) select distinct queue from given order by 1 on conflict do nothing
  ), limited as (
    insert into ${t.limits} as old (name, running, rate_count, rate_ms, updated_at)
    select distinct on (name) name, running, rate_count, rate_ms, ${t.now}
    from jsonb_to_recordset($2::text::jsonb) as l (name text, running integer, rate_count integer, rate_ms bigint) order by name
    on conflict (name) do update set running = excluded.running, rate_count = excluded.rate_count, rate_ms = excluded.rate_ms,
      updated_at = excluded.updated_at
    where old.set_by is null and (old.running, old.rate_count, old.rate_ms)
      is distinct from (excluded.running, excluded.rate_count, excluded.rate_ms)
  )
  insert into ${t.jobTypes} as old (type, queue, timeout_ms, claim_within_ms, attempts_max, backoff_base_ms, backoff_max_ms, limit_key,
    needs_pool, targets, defined_at)
  select type, queue, timeout_ms, claim_within_ms, attempts_max, backoff_base_ms, backoff_max_ms, limit_key, needs_pool, targets, ${t.now}
  from given order by type
  on conflict (type) do update set queue = excluded.queue, timeout_ms = excluded.timeout_ms,
    claim_within_ms = excluded.claim_within_ms, attempts_max = excluded.attempts_max,
    backoff_base_ms = excluded.backoff_base_ms, backoff_max_ms = excluded.backoff_max_ms, limit_key = excluded.limit_key,
    needs_pool = excluded.needs_pool, targets = excluded.targets, defined_at = excluded.defined_at
  where (old.queue, old.timeout_ms, old.claim_within_ms, old.attempts_max, old.backoff_base_ms, old.backoff_max_ms, old.limit_key,
      old.needs_pool, old.targets)
    is distinct from (excluded.queue, excluded.timeout_ms, excluded.claim_within_ms, excluded.attempts_max,
      excluded.backoff_base_ms, excluded.backoff_max_ms, excluded.limit_key, excluded.needs_pool, excluded.targets)`,
);
