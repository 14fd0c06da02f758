/** Admin: what a person does to one job; each answers with the rows it changed, and writes who did it and why into `events`. */
import { afterHold, linksOf, STANDING, standing } from './gates.ts';
import { from } from './guards.ts';
import type { JobLinks } from './links.ts';
import { keepCte } from './settle.ts';
import { type Names, type Sql, type Statement, sql, statement } from './sql.ts';

/** Writes an event for the id of each row of `rows` (`r`). $2 by, $3 reason. */
export const toldCte = (t: Names, kind: Sql, rows: Sql, detail: Sql = sql`null::jsonb`): Sql => sql`
  told as (
    insert into ${t.events} (job_id, at, kind, by, reason, detail) select r.id, ${t.now}, ${kind}, $2, $3, ${detail} from ${rows} r
  )`;

/** A job that was changed, and whom else that concerns. */
export interface ChangedRow {
  readonly id: string;
  readonly links: JobLinks | null;
}

/**
 * Puts the rows of a CTE `back` (rows of `finished`) at their first gate in `jobs`, with fresh attempts. `input`: what they run with, of rows `j`.
 * `taken`: what happens when another live job has the key. The keys are taken in their order: two batches in opposite order would deadlock. A
 * child goes back to its parent while that lives and has not made this execution again, and is a job of its own otherwise; a parent keeps what its
 * children completed, and has its whole time once more.
 */
export const requeuedCte = (t: Names, input: Sql, taken: Sql = sql``): Sql => sql`
  again as (
    select b.*, null::text as slot_pool, exists (select from ${t.jobs} p where p.id = b.parent_id)
      and not exists (select from ${t.jobs} c where c.parent_id = b.parent_id and c.ordinal = b.ordinal)
      and not exists (select from ${t.executions} e where e.parent_id = b.parent_id and e.ordinal = b.ordinal and e.child_id <> b.id) as is_child
    from back b
  ), requeued as (
    insert into ${t.jobs} (id, lane, type, rank, input, run_at, token, created_at, attempts_max, timeout_ms, claim_within_ms, wants_pool,
      limit_key, unique_key, parent_id, ordinal, tags, trace, notify, error, waits_for, wake_at, claim_by)
    select j.id, j.lane, j.type, j.rank, ${input}, j.run_at, j.token, j.created_at, coalesce(j.attempts_max, 5), j.timeout_ms,
      coalesce(j.claim_within_ms, 300000), j.wants_pool, j.limit_key, j.unique_key, case when j.is_child then j.parent_id end,
      case when j.is_child then j.ordinal end, j.tags, j.trace, j.notify, j.error, s.waits_for, s.wake_at, s.claim_by
    from again j cross join lateral ${standing(t, afterHold(t, sql`null::timestamptz`), sql`null::timestamptz`, sql`coalesce(j.claim_within_ms, 300000)`)} as s ${STANDING}
    order by j.unique_key, j.id ${taken}
    returning *
  ), forgotten as (
    delete from ${t.executions} e using requeued q
    where (e.parent_id = q.parent_id and e.ordinal = q.ordinal) or (e.parent_id = q.id and e.state <> 'completed')
  ), renewed as (
    update ${t.fanOuts} p set created_at = ${t.now}, finish_at = ${t.now} + (p.finish_at - p.created_at) from requeued q where p.parent_id = q.id
  )`;

/** Of those that came back the ones that are in the queue. */
export const queuedAgain: Sql = sql`(select q.type from requeued q where q.waits_for is null)`;

/** The jobs that came back, with the input that each had before. */
export const cameBack: Sql = sql`(select q.id, b.input from requeued q join back b on b.id = q.id)`;

/** Cancels a live job ($1), whatever its state: the running attempt is fenced off, its signal aborted at the next heartbeat. */
export const cancelJob: Statement<ChangedRow> = statement(
  'cancel-job',
  (t) => sql`
  with ended as (
    delete from ${t.jobs} j where j.id = $1 and ${from('cancel')} returning j.*
  ), given as (
    select id, 'cancelled' as state, null::jsonb as result, error, $3::text as reason from ended
  ), ${keepCte(t, sql`null::bigint`)}, ${toldCte(t, sql`'cancelled'`, sql`ended`)}, heard as (
    select pg_notify(${t.literal}, 'cancel:' || worker_id::text) from ended where worker_id is not null
  )
  select e.id::text, ${linksOf(sql`e`)} as links from ended e join kept on kept.id = e.id left join heard on true`,
);

/** Makes a held job ($1) ready: it goes to its next gate. */
export const releaseJob: Statement<ChangedRow> = statement(
  'release-job',
  (t) => sql`
  with released as (
    update ${t.jobs} j set updated_at = ${t.now}, ${STANDING} = ${standing(t, afterHold(t, sql`j.run_at`), sql`j.run_at`)},
      seq = nextval('${t.schema}.jobs_seq_seq')
    where j.id = $1 and ${from('release')} and j.waits_for = 'hold' returning j.*
  ), ${toldCte(t, sql`'released'`, sql`released`)}, heard as (
    select pg_notify(${t.literal}, 'ready:' || type) from released where waits_for is null
  )
  select r.id::text, ${linksOf(sql`r`)} as links from released r left join heard on true`,
);

/**
 * Moves a finished job ($1) back to its first gate with fresh attempts; a unique key that another live job holds makes it fail with 23505. $4: an
 * edited input as JSON, or null for its own; the old one is kept in the event, with the mark $5 by which the caller knows its own change.
 */
export const retryJob: Statement<ChangedRow> = statement(
  'retry-job',
  (t) => sql`
  with back as (
    delete from ${t.finished} f where f.id = $1 returning f.*
  ), ${requeuedCte(t, sql`coalesce($4::text::jsonb, j.input)`)}, ${toldCte(
    t,
    sql`'retried'`,
    cameBack,
    sql`case when $4::text is not null then jsonb_build_object('input', r.input, 'mark', $5::text) end`,
  )}, heard as (
    select pg_notify(${t.literal}, 'ready:' || type) from ${queuedAgain} q
  )
  select r.id::text, ${linksOf(sql`r`)} as links from requeued r left join heard on true`,
);
