/** Settle: the end of an attempt. Every statement names worker and token; rows that both no longer fit are refused. */
import { among } from './probes.ts';
import { type Names, type Sql, type Statement, sql, statement } from './sql.ts';

/** The columns that a job takes along from `jobs` to `finished` and back. */
export const KEPT: Sql = sql`id, seq, lane, type, rank, input, run_at, finish_by, worker_id, token, attempt, started_at, created_at,
    attempts_max, crashes, snoozes, timeout_ms, claim_within_ms, wants_pool, limit_key, unique_key, parent_id, ordinal, tags,
    progress, progress_note, trace, notify`;

const keptOf = (
  crashes: Sql,
): Sql => sql`j.id, j.seq, j.lane, j.type, j.rank, j.input, j.run_at, j.finish_by, j.worker_id, j.token, j.attempt,
    j.started_at, j.created_at, j.attempts_max, ${crashes}, j.snoozes, j.timeout_ms, j.claim_within_ms, j.wants_pool, j.limit_key,
    j.unique_key, j.parent_id, j.ordinal, j.tags, j.progress, j.progress_note, j.trace, j.notify`;

/** Notes the ends of executions among the rows of a CTE `ended`, for as long as the plan of their parent is kept: what is deleted stays so. */
const executedCte = (t: Names, rows: Sql): Sql => sql`
  executed as (
    insert into ${t.executions} (parent_id, ordinal, child_id, state, attempt, result, error, finished_at)
    select j.parent_id, j.ordinal, j.id, ${rows} and j.parent_id is not null
      and exists (select from ${t.fanOuts} p where p.parent_id = j.parent_id)
    on conflict (parent_id, ordinal) do update set child_id = excluded.child_id, state = excluded.state, attempt = excluded.attempt,
      result = excluded.result, error = excluded.error, finished_at = excluded.finished_at
  )`;

/** Copies rows of a CTE `ended` (rows of `jobs`) joined to `given g` (state, result, error, reason) into `finished`, and into `executions`. */
export const keepCte = (t: Names, doneToken: Sql, crashes: Sql = sql`j.crashes`): Sql => sql`
  kept as (
    insert into ${t.finished} (${KEPT}, state, finished_at, done_token, result, error, reason)
    select ${keptOf(crashes)}, g.state, ${t.now}, ${doneToken}, g.result, g.error, g.reason
    from ended j join given g on g.id = j.id
    returning id, token, state
  ), ${executedCte(t, sql`g.state, j.attempt, g.result, g.error, ${t.now} from ended j join given g on g.id = j.id where true`)}`;

/**
 * The ends of attempts of worker $1, one array for each field: $2 ids, $3 tokens, $4 states, $5 reasons, $6 outcomes, $7 results, $8 errors
 * (JSON lists). Null for a field that no end has; a token that is not given is 1, a state `completed`.
 */
const ends: Sql = sql`rows from (
      unnest($2::text::uuid[], $3::text::bigint[], $4::text::text[], $5::text::text[], $6::text::text[]),
      jsonb_array_elements($7::text::jsonb), jsonb_array_elements($8::text::jsonb)
    ) as g (id, token, state, reason, outcome, result, error)`;

/**
 * Moves jobs to `finished` ($1 to $8: see above). An attempt that did not simply succeed (outcome not null) gets its row. The rows are taken in
 * the order of their ids: two batches in opposite order deadlocked 19 times of 20 (D10). A late result and the end of the next attempt of the
 * same job may be in one batch, so the token is part of the join.
 */
export const finishCtes = (t: Names): Sql => sql`
  given as materialized (
    select g.id, coalesce(g.token, 1) as token, coalesce(g.state, 'completed') as state, g.reason, g.outcome, nullif(g.result, 'null') as result,
      nullif(g.error, 'null') as error
    from ${ends} order by g.id
  ), ended as (
    delete from ${t.jobs} j using given wanted
    where ${among(sql`select given.id from given`)} and j.id = wanted.id and j.lane = 0 and j.worker_id = $1 and j.token = wanted.token
    returning ${keptOf(sql`j.crashes`)}, j.slot_pool, wanted.state, wanted.result, wanted.error, wanted.reason, wanted.outcome
  ), kept as (
    insert into ${t.finished} (${KEPT}, state, finished_at, done_token, result, error, reason)
    select ${KEPT}, state, ${t.now}, token, result, error, reason from ended
  ), recorded as (
    insert into ${t.attempts} (job_id, type, token, attempt, worker_id, outcome, error, started_at, ended_at)
    select id, type, token, attempt, worker_id, outcome, error, started_at, ${t.now} from ended
    where $6::text is not null and outcome is not null
  )`;

/** The ends that were refused: looked for only when fewer were accepted than given. */
const refused: Sql = sql`
  from given g where (select count(*) from ended) < (select count(*) from given)
    and not exists (select from ended e where e.id = g.id and e.token = g.token)`;

/** The ends that were refused, in the shape of a claim row. */
export const refusedRows: Sql = sql`
  select g.id, null, null, 'refused ' || g.token, null, null, null ${refused}`;

/** Ends attempts of a worker ($1 to $8, see `finishCtes`); returns those that were refused. */
export const finishJobs: Statement<{ id: string; token: string }> = statement(
  'finish-jobs',
  (t) => sql`with ${finishCtes(t)} select g.id, g.token ${refused}`,
);

/**
 * Ends attempts of jobs that others wait for ($1 to $8, see `finishCtes`): notes executions, and what a pool has processed. Whoever waits is let
 * on by `goOn`, after the commit.
 */
export const finishLinked: Statement<{ id: string; token: string }> = statement(
  'finish-linked',
  (t) => sql`
  with ${finishCtes(t)}, counted as (
    insert into ${t.poolDone} (pool, n)
    select e.slot_pool, count(*) from ended e where e.slot_pool is not null and e.state = 'completed' group by e.slot_pool
  ), ${executedCte(t, sql`j.state, j.attempt, j.result, j.error, ${t.now} from ended j where true`)}
  select g.id, g.token ${refused}`,
);

/**
 * Locks the rows of `given` (id, token) that worker $1 still holds, in the order of their ids (two batches in opposite order deadlocked 19
 * times of 20, D10). One probe per row: as a plain join the planner walked the whole backlog to get its order.
 */
const heldCte = (t: Names, columns: Sql, wait: Sql): Sql => sql`
  held as materialized (
    select h.* from (select g.id, g.token from given g order by g.id) as wanted
    cross join lateral (
      select ${columns} from ${t.jobs} j
      where j.id = wanted.id and j.lane = 0 and j.worker_id = $1 and j.token = wanted.token
      for update ${wait}
    ) h
  )`;

/**
 * $1 worker, $2 a JSON list (id, token, gate, delay_ms, charged, keeps_place, outcome, error, trace: the traceparent of the attempt): puts running jobs back, at a gate or (gate null) in the
 * queue. Returns those that were refused.
 */
export const deferJobs: Statement<{ id: string; token: string }> = statement(
  'defer-jobs',
  (t) => sql`
  with given as materialized (
    select * from jsonb_to_recordset($2::text::jsonb)
      as g (id uuid, token bigint, gate text, delay_ms bigint, charged boolean, keeps_place boolean, outcome text, error jsonb, trace text)
  ), ${heldCte(t, sql`j.id, j.type, j.token, j.attempt, j.started_at`, sql``)}, moved as (
    update ${t.jobs} j
    set worker_id = null, started_at = null, expires_at = null, waits_alone = false, updated_at = ${t.now}, waits_for = g.gate,
      wake_at = case when g.gate = 'executions' then least(${t.now} + g.delay_ms * interval '1 ms',
          (select f.finish_at from ${t.fanOuts} f where f.parent_id = j.id))
        when g.gate is not null then ${t.now} + coalesce(g.delay_ms, j.claim_within_ms) * interval '1 ms' end,
      claim_by = case when g.gate is null then ${t.now} + j.claim_within_ms * interval '1 ms' end,
      seq = case when g.keeps_place then j.seq else nextval('${t.schema}.jobs_seq_seq') end,
      attempt = j.attempt - case when g.charged then 0 else 1 end,
      snoozes = j.snoozes + case when g.outcome = 'snoozed' then 1 else 0 end,
      error = coalesce(g.error, j.error),
      trace = case when g.trace is null then j.trace else coalesce(j.trace, '{}') || jsonb_build_object('attempt', g.trace) end
    from held join given g on g.id = held.id and g.token = held.token
    where j.id = held.id and ${among(sql`select held.id from held`)}
    returning j.id, j.token
  ), recorded as (
    insert into ${t.attempts} (job_id, type, token, attempt, worker_id, outcome, error, started_at, ended_at)
    select h.id, h.type, h.token, h.attempt, $1, g.outcome, g.error, h.started_at, ${t.now}
    from held h join given g on g.id = h.id and g.token = h.token where g.outcome is not null
  )
  select g.id::text, g.token::text from given g where not exists (select from moved m where m.id = g.id and m.token = g.token)`,
);

/**
 * Of refused endings ($1 JSON: id, worker, token, ends, outcome) tells which were accepted before (their reply was lost): by the worker and the token that
 * ended the job, or by what was recorded of the attempt. The outcome is compared, because the sweep records attempts too; the worker, because the
 * token of a claim that a crash of the server forgot may have been given again.
 */
export const findAccepted: Statement<{ id: string; token: string }> = statement(
  'find-accepted',
  (t) => sql`
  with given as materialized (
    select * from jsonb_to_recordset($1::text::jsonb) as g (id uuid, worker uuid, token bigint, ends boolean, outcome text)
  )
  select g.id::text, g.token::text from given g
  join ${t.finished} f on f.id = g.id and f.done_token = g.token and f.worker_id = g.worker where g.ends
  union
  select g.id::text, g.token::text from given g
  join ${t.attempts} a on a.job_id = g.id and a.token = g.token and a.worker_id = g.worker and a.outcome = g.outcome`,
);

/**
 * Waits for whoever is writing the row of a job ($1): after it, a transaction whose COMMIT got no reply has been accepted or rolled back,
 * and `findAccepted` in the next statement tells which. Asked alone it could look before the COMMIT had arrived.
 */
export const awaitRow: Statement<{ id: string }> = statement(
  'await-row',
  (t) => sql`select j.id::text from ${t.jobs} j where j.id = $1 and j.lane = 0 for key share`,
);

/** Records late results that were refused: $1 worker, $2 JSON (id, type, token, attempt, error). */
export const recordStale: Statement<Record<string, never>> = statement(
  'record-stale',
  (t) => sql`
  with given as materialized (
    select * from jsonb_to_recordset($2::text::jsonb) as g (id uuid, type text, token bigint, attempt integer, error jsonb)
  ), recorded as (
    insert into ${t.attempts} (job_id, type, token, attempt, worker_id, outcome, error, ended_at)
    select g.id, g.type, g.token, g.attempt, $1, 'stale', g.error, ${t.now} from given g
  )
  insert into ${t.events} (job_id, at, kind, by, reason, detail)
  select g.id, ${t.now}, 'late-result', 'worker', 'the attempt had lost its lease', jsonb_build_object('token', g.token, 'worker', $1::uuid)
  from given g`,
);

/** Notes the progress of running jobs: $1 worker, $2 JSON (id, token, progress, note). */
export const noteProgress: Statement<Record<string, never>> = statement(
  'note-progress',
  (t) => sql`
  with given as materialized (
    select * from jsonb_to_recordset($2::text::jsonb) as g (id uuid, token bigint, progress real, note text)
  ), ${heldCte(t, sql`j.id, j.token`, sql`skip locked`)}
  update ${t.jobs} j set progress = g.progress, progress_note = coalesce(g.note, j.progress_note), updated_at = ${t.now}
  from given g join held on held.id = g.id and held.token = g.token where j.id = g.id and ${among(sql`select held.id from held`)}`,
);
