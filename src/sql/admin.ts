/** Admin: what a person does to one job; each answers with the rows it changed, and writes who did it and why into `events`. */
import { from } from './guards.ts';
import { keepCte } from './settle.ts';
import { type Names, type Sql, type Statement, sql, statement } from './sql.ts';

/** Writes an event for the id of each row of `rows` (`r`). $2 by, $3 reason. */
export const toldCte = (t: Names, kind: Sql, rows: Sql, detail: Sql = sql`null::jsonb`): Sql => sql`
  told as (
    insert into ${t.events} (job_id, at, kind, by, reason, detail) select r.id, ${t.now}, ${kind}, $2, $3, ${detail} from ${rows} r
  )`;

/** Where a finished job comes back in: the columns, and their values for rows `b` of `finished`. */
const ENTRY: Sql = sql`waits_for, wake_at, claim_by`;
const entered = (t: Names): Sql =>
  sql`null, null, ${t.now} + coalesce(b.claim_within_ms, 300000) * interval '1 ms'`;

/**
 * Puts the rows of a CTE `back` (rows of `finished`) into `jobs` with fresh attempts. `input`: what they run with. `taken`: what happens when
 * another live job has the key. The keys are taken in their order: two batches in opposite order would deadlock.
 */
export const requeuedCte = (t: Names, input: Sql, taken: Sql = sql``): Sql => sql`
  requeued as (
    insert into ${t.jobs} (id, lane, type, rank, input, run_at, token, created_at, attempts_max, timeout_ms, claim_within_ms, wants_pool,
      limit_key, unique_key, parent_id, ordinal, tags, error, ${ENTRY})
    select b.id, b.lane, b.type, b.rank, ${input}, b.run_at, b.token, b.created_at, coalesce(b.attempts_max, 5), b.timeout_ms,
      coalesce(b.claim_within_ms, 300000), b.wants_pool, b.limit_key, b.unique_key, b.parent_id, b.ordinal, b.tags, b.error, ${entered(t)}
    from back b order by b.unique_key, b.id ${taken}
    returning id, type
  )`;

/** The jobs that came back, with the input that each had before. */
export const cameBack: Sql = sql`(select q.id, b.input from requeued q join back b on b.id = q.id)`;

/** Cancels a live job ($1), whatever its state: the running attempt is fenced off, its signal aborted at the next heartbeat. */
export const cancelJob: Statement<{ id: string; worker_id: string | null }> = statement(
  'cancel-job',
  (t) => sql`
  with ended as (
    delete from ${t.jobs} j where j.id = $1 and ${from('cancel')} returning j.*
  ), given as (
    select id, 'cancelled' as state, null::jsonb as result, error, $3::text as reason from ended
  ), ${keepCte(t, sql`null::bigint`)}, ${toldCte(t, sql`'cancelled'`, sql`ended`)}, heard as (
    select pg_notify(${t.literal}, 'cancel:' || worker_id::text) from ended where worker_id is not null
  )
  select e.id::text, e.worker_id::text from ended e join kept on kept.id = e.id left join heard on true`,
);

/** Makes a held job ($1) ready. */
export const releaseJob: Statement<{ id: string; type: string }> = statement(
  'release-job',
  (t) => sql`
  with released as (
    update ${t.jobs} j set updated_at = ${t.now},
      waits_for = case when j.run_at > ${t.now} then 'time' end,
      wake_at = case when j.run_at > ${t.now} then j.run_at end,
      claim_by = case when j.run_at > ${t.now} then null else ${t.now} + j.claim_within_ms * interval '1 ms' end,
      seq = nextval('${t.schema}.jobs_seq_seq')
    where j.id = $1 and ${from('release')} and j.waits_for = 'hold' returning j.id, j.type
  ), ${toldCte(t, sql`'released'`, sql`released`)}, heard as (
    select pg_notify(${t.literal}, 'ready:' || type) from released
  )
  select r.id::text, r.type from released r left join heard on true`,
);

/**
 * Moves a finished job ($1) back into the queue with fresh attempts; a unique key that another live job holds makes it fail with 23505. $4: an
 * edited input as JSON, or null for its own; the old one is kept in the event, with the mark $5 by which the caller knows its own change.
 */
export const retryJob: Statement<{ id: string; type: string }> = statement(
  'retry-job',
  (t) => sql`
  with back as (
    delete from ${t.finished} f where f.id = $1 returning f.*
  ), ${requeuedCte(t, sql`coalesce($4::text::jsonb, b.input)`)}, ${toldCte(
    t,
    sql`'retried'`,
    cameBack,
    sql`case when $4::text is not null then jsonb_build_object('input', r.input, 'mark', $5::text) end`,
  )}, heard as (
    select pg_notify(${t.literal}, 'ready:' || type) from requeued
  )
  select r.id::text, r.type from requeued r left join heard on true`,
);
