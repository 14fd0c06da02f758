/** Reset stuck: running jobs whose attempt has run for longer than somebody allows go back into the queue, whatever their own timeout. */
import { toldCte } from './admin.ts';
import { from } from './guards.ts';
import { heardLost, heardReady, sent } from './heard.ts';
import { among } from './probes.ts';
import { type Statement, sql, statement } from './sql.ts';

/**
 * Walks live jobs in the order of their ids: $1 the id after which to go on, $2 ms, $3 how many rows to look at. Answers with those that have
 * run for longer, and (`last`) with the row at which it stopped when there may be more. `claims` would not tell of rows that a hand left running.
 */
export const findLongRunning: Statement<{ id: string; last: boolean }> = statement(
  'find-long-running',
  (t) => sql`
  with walked as materialized (
    select j.id, j.worker_id, j.started_at from ${t.jobs} j where j.id > $1::uuid order by j.id limit $3
  )
  select w.id, false as last from walked w where w.worker_id is not null and w.started_at < ${t.now} - $2::bigint * interval '1 ms'
  union all
  select w.id, true from (
    select walked.id, count(*) over () as rows from walked order by walked.id desc limit 1
  ) as w where w.rows >= $3`,
);

/**
 * Puts those jobs ($1) back into the queue: $2 by, $3 reason, $4 the entry of `audit`, $5 ms. The attempt is not charged and no crash is
 * counted; it is recorded as lost, and without its worker the row refuses whatever it still sends (D4).
 */
export const resetJobs: Statement<{ id: string }> = statement(
  'reset-jobs',
  (t) => sql`
  with hung as materialized (
    select j.id, j.type, j.worker_id, j.attempt, j.token, j.started_at from ${t.jobs} j
    where j.id = any($1::uuid[]) and ${from('reset')} and j.started_at < ${t.now} - $5::bigint * interval '1 ms'
    order by j.id for update
  ), recorded as (
    insert into ${t.attempts} (job_id, type, token, attempt, worker_id, outcome, error, started_at, ended_at)
    select h.id, h.type, h.token, h.attempt, h.worker_id, 'lost', jsonb_build_object('code', 'JOB_RESET', 'name', 'Reset',
      'message', 'The attempt had run for too long and was reset by hand.'), h.started_at, ${t.now}
    from hung h
  ), ${toldCte(t, sql`'reset'`, sql`hung`, sql`jsonb_build_object('audit', $4::text, 'token', r.token, 'worker', r.worker_id)`)}, moved as (
    update ${t.jobs} j set worker_id = null, started_at = null, expires_at = null, waits_alone = false, attempt = j.attempt - 1,
      claim_by = ${t.now} + j.claim_within_ms * interval '1 ms', seq = nextval('${t.schema}.jobs_seq_seq'), updated_at = ${t.now}
    where ${among(sql`select h.id from hung h`)}
    returning j.id, j.type
  ), ${heardLost(t, sql`hung`)}, ${heardReady(t, sql`moved`)}
  select m.id from moved m cross join ${sent(sql`heard_lost`)} as l cross join ${sent(sql`heard_ready`)} as r order by m.id`,
);
