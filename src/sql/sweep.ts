/** Sweep: for every way in which a job can be late, which rows are, and what moves them. `find` returns ids, `apply` checks them again. */
import { afterTime, dueAt, linksOf, STANDING, standing } from './gates.ts';
import { from } from './guards.ts';
import type { JobLinks } from './links.ts';
import { among, eachJob } from './probes.ts';
import { keepCte } from './settle.ts';
import { type Names, type Sql, type Statement, sql, statement } from './sql.ts';

/** What an applied batch answers: how many rows became what, by type. */
export interface SweptRow {
  readonly id: string;
  readonly type: string;
  readonly state: string;
  readonly links: JobLinks | null;
}

/** Jobs at a gate ($1: time, retry or admit) whose time has come. */
export const findDue: Statement<{ id: string }> = statement(
  'find-due',
  (t) => sql`select j.id::text ${dueAt(t, sql`$1`)} limit $2`,
);

/** S0.6: nobody may get past the slots by naming none. */
const poolless = (t: Names): Sql => sql`(case when j.wants_pool is null
      then exists (select from ${t.jobTypes} y where y.type = j.type and y.needs_pool)
      else not exists (select from ${t.pools} p where p.key = j.wants_pool) end)`;

const lockedCte = (t: Names, guard: Sql): Sql => sql`
  locked as materialized (
    select j.id from ${t.jobs} j where j.id = any($1::uuid[]) and ${guard} order by j.id for update skip locked
  )`;

const stateAfterGate: Sql = sql`case when j.waits_for is null then 'queued' else 'pending' end`;

/** Lets jobs ($1) whose time has come into the queue, behind those that are there, or to the gate of their limit. */
export const promote: Statement<SweptRow> = statement(
  'promote',
  (t) => sql`
  with ${lockedCte(t, sql`j.waits_for in ('time', 'retry') and j.wake_at <= ${t.now}`)}
  update ${t.jobs} j set ${STANDING} = ${standing(t, afterTime, sql`null`)}, seq = nextval('${t.schema}.jobs_seq_seq'), updated_at = ${t.now}
  where ${among(sql`select locked.id from locked`)} and ${from('promote')}
  returning j.id::text, j.type, ${stateAfterGate} as state, ${linksOf(sql`j`)} as links`,
);

/** Gives rows inserted by hand ($1) the settings of their type, and sends them to their next gate. $2, $3: defaults of claim_within_ms and attempts_max. */
export const admit: Statement<SweptRow> = statement(
  'admit',
  (t) => sql`
  with ${lockedCte(t, sql`j.waits_for = 'admit' and not ${poolless(t)}`)}, settings as materialized (
    select locked.id, coalesce(j.claim_within_ms, y.claim_within_ms, $2::bigint) as claim_within_ms,
      coalesce(j.attempts_max, y.attempts_max, $3::integer) as attempts_max, coalesce(j.limit_key, y.limit_key) as limit_key
    from locked ${eachJob(t, sql`j.type, j.claim_within_ms, j.attempts_max, j.limit_key`, sql`j.id = locked.id`)} left join ${t.jobTypes} y on y.type = j.type
  )
  update ${t.jobs} j set claim_within_ms = s.claim_within_ms, attempts_max = s.attempts_max, limit_key = s.limit_key, updated_at = ${t.now},
    ${STANDING} = ${standing(
      t,
      sql`case when j.wants_pool is not null then 'slot' when j.run_at > ${t.now} then 'time' when s.limit_key is not null then 'limit' end`,
      sql`j.run_at`,
      sql`s.claim_within_ms`,
    )}
  from settings s where j.id = s.id and ${among(sql`select s.id from settings s`)} and ${from('admit')}
  returning j.id::text, j.type, ${stateAfterGate} as state, ${linksOf(sql`j`)} as links`,
);

/** Rows inserted by hand, of those that fulfil a condition. */
export const byHand = (t: Names, applies: Sql): Sql =>
  sql`from ${t.jobs} j where j.waits_for = 'admit' and ${applies} order by j.wake_at`;

/** Rows inserted by hand whose type nobody has ever defined. */
export const findUndefined: Statement<{ id: string }> = statement(
  'find-undefined',
  (t) =>
    sql`select j.id::text ${byHand(t, sql`not exists (select from ${t.jobTypes} y where y.type = j.type)`)} limit $1`,
);

/** Rows inserted by hand whose type needs a slot and that name no pool, or one that does not exist. */
export const findPoolless: Statement<{ id: string }> = statement(
  'find-poolless',
  (t) => sql`select j.id::text ${byHand(t, poolless(t))} limit $1`,
);

/** Jobs whose finish_by has passed and that do not run. */
export const expired = (t: Names): Sql =>
  sql`from ${t.jobs} j where j.finish_by <= ${t.now} and j.worker_id is null order by j.finish_by`;

/** Jobs whose finish_by has passed and that do not run. */
export const findExpired: Statement<{ id: string }> = statement(
  'find-expired',
  (t) => sql`select j.id::text ${expired(t)} limit $1`,
);

/** Fails jobs ($1) that do not run and to which this still applies, with one error for all ($2 JSON) and a reason ($3). */
const failing = (name: string, applies: (t: Names) => Sql): Statement<SweptRow> =>
  statement(
    name,
    (t) => sql`
  with ${lockedCte(t, sql`${from('expire')} and ${applies(t)}`)}, ended as (
    delete from ${t.jobs} j where ${among(sql`select locked.id from locked`)} returning j.*
  ), given as (
    select id, 'failed' as state, null::jsonb as result, $2::text::jsonb as error, $3 as reason from ended
  ), ${keepCte(t, sql`null::bigint`)}
  select e.id::text, e.type, 'failed' as state, ${linksOf(sql`e`)} as links from ended e join kept on kept.id = e.id`,
  );

/** Fails jobs whose finish_by has passed. */
export const failExpired: Statement<SweptRow> = failing(
  'fail-expired',
  (t) => sql`j.finish_by <= ${t.now}`,
);

/** Fails rows without a pool. */
export const failPoolless: Statement<SweptRow> = failing(
  'fail-poolless',
  (t) => sql`j.waits_for = 'admit' and ${poolless(t)}`,
);

/** Fails rows whose type is still unknown. */
export const failUndefined: Statement<SweptRow> = failing(
  'fail-undefined',
  (t) =>
    sql`j.waits_for = 'admit' and not exists (select from ${t.jobTypes} y where y.type = j.type)`,
);

/** Claims of dead or stopped workers, of those that fulfil a condition, with what a join adds. */
export const claimsOfEnded = (t: Names, joined: Sql, applies: Sql): Sql => sql`
  from ${t.workers} w join ${t.claims} c on c.worker_id = w.id ${joined}
  where w.state in ('dead', 'stopped') and ${applies}`;

/** Joins the jobs of a claim to it. */
const heldJobs = (
  t: Names,
  columns: Sql,
): Sql => sql`cross join lateral unnest(c.job_ids) as held (id)
  ${eachJob(t, columns, sql`j.id = held.id and j.worker_id = c.worker_id`)}`;

/** Jobs that dead or stopped workers still hold. */
export const findLost: Statement<{ id: string }> = statement(
  'find-lost',
  (t) => sql`select j.id::text ${claimsOfEnded(t, heldJobs(t, sql`j.id`), sql`true`)} limit $1`,
);

/**
 * Takes jobs ($1) back from workers that are not alive: a crash is not an attempt, so it is counted in `crashes`, unless the
 * job still waited for its turn to run alone; the third loss ends the
 * job as poison ($2 JSON error). The token stays: the next claim raises it.
 */
export const reclaim: Statement<SweptRow> = statement(
  'reclaim',
  (t) => sql`
  with lost as materialized (
    select j.id, j.worker_id, j.attempt, j.token, j.started_at, j.type, j.crashes, j.waits_alone from ${t.jobs} j
    where j.id = any($1::uuid[]) and ${from('reclaim')}
      and not exists (select from ${t.workers} w where w.id = j.worker_id and w.state in ('live', 'stopping'))
    order by j.id for update of j skip locked
  ), recorded as (
    insert into ${t.attempts} (job_id, type, token, attempt, worker_id, outcome, error, started_at, ended_at)
    select l.id, l.type, l.token, l.attempt, l.worker_id, 'lost',
      jsonb_build_object('code', 'JOB_LOST', 'name', 'Lost', 'message', 'The worker ended while it ran this job.'), l.started_at, ${t.now}
    from lost l
  ), requeued as (
    update ${t.jobs} j set worker_id = null, started_at = null, expires_at = null, waits_alone = false,
      crashes = j.crashes + case when l.waits_alone then 0 else 1 end, attempt = j.attempt - 1,
      claim_by = ${t.now} + j.claim_within_ms * interval '1 ms', seq = nextval('${t.schema}.jobs_seq_seq'), updated_at = ${t.now}
    from lost l where j.id = l.id and ${among(sql`select l.id from lost l`)} and (l.crashes < 2 or l.waits_alone)
    returning j.id, j.type
  ), ended as (
    delete from ${t.jobs} j
    where ${among(sql`select l.id from lost l where l.crashes >= 2 and not l.waits_alone`)} returning j.*
  ), given as (
    select id, 'failed' as state, null::jsonb as result, $2::text::jsonb as error, 'poison' as reason from ended
  ), ${keepCte(t, sql`null::bigint`, sql`(j.crashes + 1)::smallint`)}
  select id::text, type, 'queued' as state, null::jsonb as links from requeued
  union all select e.id::text, e.type, 'failed', ${linksOf(sql`e`)} from ended e join kept on kept.id = e.id`,
);

/** Whether an instant lies further back than a time of grace in ms. */
const isPast = (t: Names, at: Sql, grace: Sql): Sql =>
  sql`${at} < ${t.now} - ${grace}::bigint * interval '1 ms'`;

/** Claims of jobs one of which was past its timeout by more than a time of grace, of those that fulfil a condition, with what a join adds. */
export const overdueClaims = (t: Names, grace: Sql, joined: Sql, applies: Sql): Sql =>
  sql`from ${t.claims} c ${joined} where ${isPast(t, sql`c.expires_at`, grace)} and ${applies}`;

/** Running jobs that are past their timeout by more than $1 ms, which their worker had to end them. */
export const findOverdue: Statement<{ id: string }> = statement(
  'find-overdue',
  (t) => sql`
  select j.id::text ${overdueClaims(t, sql`$1`, heldJobs(t, sql`j.id, j.expires_at`), isPast(t, sql`j.expires_at`, sql`$1`))}
  limit $2`,
);

/** Ends attempts ($1 ids) that are past their timeout by more than $2 ms: retried after full jitter ($4, $5: default base and max in ms) while attempts remain, else failed with $3. */
export const timeOut: Statement<SweptRow> = statement(
  'time-out',
  (t) => sql`
  with late as materialized (
    select j.id, j.worker_id, j.attempt, j.attempts_max, j.token, j.started_at, j.type from ${t.jobs} j
    where j.id = any($1::uuid[]) and ${from('timeOut')} and j.expires_at < ${t.now} - $2::bigint * interval '1 ms'
    order by j.id for update of j skip locked
  ), recorded as (
    insert into ${t.attempts} (job_id, type, token, attempt, worker_id, outcome, error, started_at, ended_at)
    select l.id, l.type, l.token, l.attempt, l.worker_id, 'timed-out', $3::text::jsonb, l.started_at, ${t.now} from late l
  ), delays as materialized (
    select l.id, random() * least(coalesce(y.backoff_max_ms, $5::bigint),
      coalesce(y.backoff_base_ms, $4::bigint) * power(2, least(l.attempt - 1, 30))) as delay_ms
    from late l left join ${t.jobTypes} y on y.type = l.type where l.attempt < l.attempts_max
  ), deferred as (
    update ${t.jobs} j set worker_id = null, started_at = null, expires_at = null, waits_alone = false, waits_for = 'retry', claim_by = null,
      wake_at = ${t.now} + d.delay_ms * interval '1 ms', error = $3::text::jsonb, updated_at = ${t.now}
    from delays d where j.id = d.id and ${among(sql`select d.id from delays d`)} returning j.id, j.type, ${linksOf(sql`j`)} as links
  ), ended as (
    delete from ${t.jobs} j where ${among(sql`select l.id from late l where l.attempt >= l.attempts_max`)} returning j.*
  ), given as (
    select id, 'failed' as state, null::jsonb as result, $3::text::jsonb as error, null::text as reason from ended
  ), ${keepCte(t, sql`null::bigint`)}
  select id::text, type, 'pending' as state, links from deferred
  union all select e.id::text, e.type, 'failed', ${linksOf(sql`e`)} from ended e join kept on kept.id = e.id`,
);

/** Whether nobody alive runs the row of a job. */
const isLost = (t: Names): Sql =>
  sql`not exists (select from ${t.workers} w where w.id = j.worker_id and w.state in ('live', 'stopping'))`;

/** Rows in the pages from `first` to before `last` that run although nobody runs them, or past their timeout by more than a time of grace. */
export const strays = (t: Names, first: Sql, last: Sql, grace: Sql): Sql => sql`
  from ${t.jobs} j
  where j.ctid >= ('(' || ${first}::bigint || ',0)')::tid and j.ctid < ('(' || ${last}::bigint || ',0)')::tid and j.worker_id is not null
    and (${isPast(t, sql`j.expires_at`, grace)} or ${isLost(t)})`;

/** Rows that a hand or a bug left running: one chunk of pages ($1 to $2) is looked at per tick, so that nothing depends on `claims` alone. $3: grace in ms. */
export const findStray: Statement<{ id: string; lost: boolean }> = statement(
  'find-stray',
  (t) =>
    sql`select j.id::text, ${isLost(t)} as lost ${strays(t, sql`$1`, sql`$2`, sql`$3`)} limit 1000`,
);

/** Counts one more error of a task ($2) on a job ($1): $3 code, $4 message. Returns how often it was the same. */
export const countRowError: Statement<{ count: number }> = statement(
  'count-row-error',
  (t) => sql`
  insert into ${t.rowErrors} as old (job_id, task, code, message, count, last_at) values ($1, $2, $3, $4, 1, ${t.now})
  on conflict (job_id, task) do update set count = case when old.code = excluded.code then old.count + 1 else 1 end,
    code = excluded.code, message = excluded.message, last_at = excluded.last_at
  returning count`,
);

/** Forgets errors of the sweep on rows that it has not met again for a day: three equal ones must lie close together. */
export const pruneRowErrors: Statement<Record<string, never>> = statement(
  'prune-row-errors',
  (t) => sql`delete from ${t.rowErrors} where last_at < ${t.now} - interval '1 day'`,
);

/** Sets a job ($1) aside as failed, with an error ($2 JSON) and with the least that can be stored. */
export const quarantine: Statement<SweptRow> = statement(
  'quarantine',
  (t) => sql`
  with ended as (
    delete from ${t.jobs} j where j.id = $1 and ${from('quarantine')} returning j.*
  ), given as (
    select id, 'failed' as state, null::jsonb as result, $2::text::jsonb as error, 'quarantined by the sweep' as reason from ended
  ), ${keepCte(t, sql`null::bigint`)}, told as (
    insert into ${t.events} (job_id, at, kind, by, detail) select id, ${t.now}, 'quarantined', 'sweep', $2::text::jsonb from ended
  )
  select e.id::text, e.type, 'failed' as state, ${linksOf(sql`e`)} as links from ended e join kept on kept.id = e.id`,
);
