/**
 * Bulk: one change of many jobs ($1 their ids). Each statement locks its rows in the order of their ids, checks them again, and answers with
 * those that it changed; whatever it leaves was not in a state that allows the change.
 */
import { type ChangedRow, cameBack, queuedAgain, requeuedCte, toldCte } from './admin.ts';
import { linksOf } from './gates.ts';
import { from } from './guards.ts';
import { heardLost, heardReady, sent } from './heard.ts';
import { among } from './probes.ts';
import { keepCte } from './settle.ts';
import { type Names, type Sql, type Statement, sql, statement } from './sql.ts';

const lockedLive = (t: Names, guard: Sql): Sql => sql`
  locked as materialized (
    select j.id from ${t.jobs} j where j.id = any($1::uuid[]) and ${guard} order by j.id for update
  )`;

/** Finished rows between two instants ($2, $3), so that other days are not looked at. */
const lockedEnded = (t: Names, columns: Sql, span: Sql): Sql => sql`
    select ${columns} from ${t.finished} f where f.id = any($1::uuid[]) and ${span} order by f.id for update`;

/** Cancels live jobs, running ones too: $2 by, $3 reason, $4 the entry of `audit`. */
export const cancelJobs: Statement<ChangedRow> = statement(
  'cancel-jobs',
  (t) => sql`
  with ${lockedLive(t, from('cancel'))}, ended as (
    delete from ${t.jobs} j where ${among(sql`select locked.id from locked`)} returning j.*
  ), given as (
    select id, 'cancelled' as state, null::jsonb as result, error, $3::text as reason from ended
  ), ${keepCte(t, sql`null::bigint`)}, ${toldCte(t, sql`'cancelled'`, sql`ended`, sql`jsonb_build_object('audit', $4::text)`)},
  ${heardLost(t, sql`ended`)}
  select e.id, ${linksOf(sql`e`)} as links from ended e join kept on kept.id = e.id cross join ${sent(sql`heard_lost`)} as s`,
);

/**
 * Runs finished jobs again: $2 by, $3 reason, $4 the entry of `audit`, $5 an edited input as JSON or null, $6 and $7 the span in which they
 * finished. One whose key another live job has is left as it is (A5).
 */
export const retryJobs: Statement<ChangedRow> = statement('retry-jobs', (t) => {
  const span = sql`f.finished_at between $6::timestamptz and $7::timestamptz`;
  const edited = sql`case when $5::text is null then '{}' else jsonb_build_object('input', r.input) end`;
  return sql`
  with back as materialized (${lockedEnded(t, sql`f.*`, span)}
  ), ${requeuedCte(t, sql`coalesce($5::text::jsonb, j.input)`, sql`on conflict do nothing`)}, moved as (
    delete from ${t.finished} f where f.id = any (array(select q.id from requeued q)) and ${span}
  ), ${toldCte(t, sql`'retried'`, cameBack, sql`jsonb_build_object('audit', $4::text) || ${edited}`)}, ${heardReady(t, queuedAgain)}
  select q.id, ${linksOf(sql`q`)} as links from requeued q cross join ${sent(sql`heard_ready`)} as s`;
});

/** Removes jobs that do not run, with everything that belongs to them: $2 and $3 the span in which the finished ones finished. */
export const deleteJobs: Statement<ChangedRow> = statement('delete-jobs', (t) => {
  const span = sql`f.finished_at between $2::timestamptz and $3::timestamptz`;
  const belongs = sql`job_id = any (array(select g.id from gone g))`;
  return sql`
  with ${lockedLive(t, from('delete'))}, gone_live as (
    delete from ${t.jobs} j where ${among(sql`select locked.id from locked`)} returning j.id, ${linksOf(sql`j`)} as links
  ), locked_ended as materialized (${lockedEnded(t, sql`f.id`, span)}
  ), gone_ended as (
    delete from ${t.finished} f where f.id = any (array(select e.id from locked_ended e)) and ${span} returning f.id
  ), gone as materialized (
    select id, links from gone_live union all select id, null::jsonb from gone_ended
  ), no_attempts as (
    delete from ${t.attempts} where ${belongs}
  ), no_events as (
    delete from ${t.events} where ${belongs}
  ), no_plans as (
    delete from ${t.fanOuts} where parent_id = any (array(select g.id from gone g))
  ), no_executions as (
    delete from ${t.executions} where parent_id = any (array(select g.id from gone g))
  ), no_deliveries as (
    delete from ${t.deliveries} where ${belongs}
  ), no_errors as (
    delete from ${t.rowErrors} where ${belongs}
  )
  select id, links from gone`;
});
