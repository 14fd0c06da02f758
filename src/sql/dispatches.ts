/** Dispatches: what was sent to a target of which attempt, who may call back about it, and what is looked after. */
import { type Names, type Sql, type Statement, sql, statement } from './sql.ts';
import { enlisting } from './targets.ts';

/** What became of a dispatch that was to begin. */
export interface BegunRow {
  /** Whether the attempt is still that of the worker. */
  readonly held: boolean;
  /** Under whom the attempt is held now; null when the target takes none just now. */
  readonly worker_id: string | null;
}

/**
 * Before a job ($1 id, $2 token) of a worker ($3) is sent to a target ($4): hands the attempt over to the row of the target, so that it outlives the process
 * that sends, and notes what lets the target call back ($5 hash in hex). $6: after so many ms it is looked after. Its claim bears the id of the job, and is
 * deleted when the dispatch is closed.
 */
export const beginDispatch: Statement<BegunRow> = statement(
  'begin-dispatch',
  (t) => sql`
  with held as materialized (
    select j.id, j.expires_at from ${t.jobs} j where j.id = $1::uuid and j.lane = 0 and j.token = $2::bigint and j.worker_id = $3::uuid for update
  ), tried as (
    update ${t.targets} g set trial_job = held.id from held where g.name = $4 and g.state = 'half-open' and g.trial_job is null returning g.worker_id
  ), taking as materialized (
    select g.worker_id from ${t.targets} g where g.name = $4 and g.state = 'up' union all select tried.worker_id from tried
  ), moved as (
    update ${t.jobs} j set worker_id = taking.worker_id, updated_at = ${t.now} from held, taking where j.id = $1::uuid and j.lane = 0 and j.id = held.id
    returning j.worker_id, j.expires_at
  ), alive as (${enlisting(t, sql`g.worker_id in (select moved.worker_id from moved)`)}
  ), claimed as (
    insert into ${t.claims} as c (id, worker_id, job_ids, expires_at, created_at)
    select $1::uuid, moved.worker_id, array[$1::uuid], moved.expires_at, ${t.now} from moved
    on conflict (id) do update set worker_id = excluded.worker_id, expires_at = excluded.expires_at, created_at = excluded.created_at
  ), noted as (
    insert into ${t.dispatches} as d (job_id, token, target, digest, state, sent_at, look_at)
    select $1::uuid, $2::bigint, $4, decode($5, 'hex'), 'sending', ${t.now}, ${t.now} + $6::bigint * interval '1 ms' from moved
    on conflict (job_id, token) do update set target = excluded.target, digest = excluded.digest, state = 'sending', sends = d.sends + 1,
      sent_at = excluded.sent_at, look_at = excluded.look_at, closed_at = null
  )
  select exists (select from held) as held, (select moved.worker_id::text from moved) as worker_id`,
);

/** Notes that a target works on an attempt ($1 job, $2 token): it is looked after when it has been silent for as long as it may. */
export const acceptDispatch: Statement<Record<string, never>> = statement(
  'accept-dispatch',
  (t) => sql`
  update ${t.dispatches} d set state = 'accepted', accepted_at = coalesce(d.accepted_at, ${t.now}), heard_at = ${t.now},
    look_at = ${t.now} + g.silence_ms * interval '1 ms'
  from ${t.targets} g where d.job_id = $1::uuid and d.token = $2::bigint and d.state <> 'closed' and g.name = d.target`,
);

/** Looks after an attempt ($1 job, $2 token) in $3 ms. */
export const lookLater: Statement<Record<string, never>> = statement(
  'look-later',
  (t) => sql`
  update ${t.dispatches} d set look_at = ${t.now} + $3::bigint * interval '1 ms' where d.job_id = $1::uuid and d.token = $2::bigint and d.state <> 'closed'`,
);

/** Deletes the claims of dispatches that are closed, of which a CTE `closed` has job and time; not that of a later dispatch of the same job. */
const unclaimedCte = (t: Names): Sql => sql`
  unclaimed as (
    delete from ${t.claims} c using closed d where c.id = d.job_id and c.created_at = d.sent_at
  )`;

/**
 * Before an attempt ($1 job, $2 token) is sent again: notes what lets the target call back ($3 hash in hex), which is another one when the secret of the target
 * has been changed meanwhile. $4: after so many ms it is looked after.
 */
export const repeatDispatch: Statement<Record<string, never>> = statement(
  'repeat-dispatch',
  (t) => sql`
  update ${t.dispatches} d set digest = decode($3, 'hex'), sends = d.sends + 1, sent_at = ${t.now}, look_at = ${t.now} + $4::bigint * interval '1 ms'
  where d.job_id = $1::uuid and d.token = $2::bigint and d.state <> 'closed'`,
);

/** Nothing more is to be looked after of an attempt ($1 job, $2 token). */
export const closeDispatch: Statement<{ job_id: string }> = statement(
  'close-dispatch',
  (t) => sql`
  with closed as (
    update ${t.dispatches} d set state = 'closed', look_at = null, closed_at = ${t.now}
    where d.job_id = $1::uuid and d.token = $2::bigint and d.state <> 'closed' returning d.job_id, d.sent_at
  ), ${unclaimedCte(t)}
  select d.job_id::text from closed d`,
);

/** Dispatches that are to be looked after now, the same number at most of each target: those of one that nobody here knows are in nobody's way. */
export const dueLooks = (t: Names, limit: Sql, lock: Sql): Sql =>
  sql`from ${t.targets} g cross join lateral (
      select d.* from ${t.dispatches} d where d.target = g.name and d.look_at <= ${t.now} order by d.look_at limit ${limit} ${lock}) d`;

/** An attempt that a target holds and has said nothing of for too long. */
export interface LookRow {
  readonly id: string;
  readonly token: string;
  readonly target: string;
  readonly worker_id: string;
  readonly accepted: boolean;
  readonly type: string;
  readonly input: unknown;
  readonly attempt: number;
  readonly attempts_max: number;
  readonly trace: unknown;
  /** Whether the target is down. */
  readonly down: boolean;
  readonly silence_ms: number;
}

/** So many dispatches of a target are looked through at once; most of them are those of attempts that were ended by a call, and are closed here. */
const DUE_MAX: Sql = sql`1000`;

/**
 * Takes, for $3 ms, dispatches that are to be looked after, at most $2, of targets that this process knows ($1 names), and closes those whose attempt has
 * ended meanwhile, whoever knows them.
 */
export const takeLooks: Statement<LookRow> = statement(
  'take-looks',
  (t) => sql`
  with due as materialized (
    select d.job_id, d.token, d.target, d.look_at ${dueLooks(t, DUE_MAX, sql`for update skip locked`)}
  ), live as materialized (
    select due.job_id, due.token, due.target, due.look_at, j.worker_id, j.type, j.input, j.attempt, j.attempts_max, j.trace
    from due cross join lateral (
      select j.* from ${t.jobs} j join ${t.targets} g on g.name = due.target and g.worker_id = j.worker_id
      where j.id = due.job_id and j.lane = 0 and j.token = due.token offset 0) j
  ), closed as (
    update ${t.dispatches} d set state = 'closed', look_at = null, closed_at = ${t.now}
    from due where d.job_id = due.job_id and d.token = due.token
      and not exists (select from live l where l.job_id = due.job_id and l.token = due.token)
    returning d.job_id, d.sent_at
  ), ${unclaimedCte(t)}, mine as materialized (
    select l.job_id, l.token from live l where l.target = any($1::text[]) order by l.look_at limit $2
  ), taken as (
    update ${t.dispatches} d set look_at = ${t.now} + $3::bigint * interval '1 ms'
    from mine where d.job_id = mine.job_id and d.token = mine.token
    returning d.job_id, d.token, d.accepted_at is not null as accepted
  )
  select l.job_id::text as id, l.token::text, l.target, l.worker_id::text, taken.accepted, l.type, l.input, l.attempt, l.attempts_max, l.trace,
    g.state = 'down' as down, g.silence_ms::float8 as silence_ms
  from taken join live l on l.job_id = taken.job_id and l.token = taken.token join ${t.targets} g on g.name = l.target`,
);

/** Whether whoever holds the secret with this hash ($1 in hex) may speak for the attempt of a job ($2 id, $3 token), and for which target. */
export const findCallback: Statement<{ target: string; token: string }> = statement(
  'find-callback',
  (t) => sql`
  select d.target, d.token::text from ${t.dispatches} d where d.job_id = $1::uuid and d.digest = decode($2, 'hex')`,
);

/** Forgets dispatches that were closed more than a day ago, at most $1. */
export const pruneDispatches: Statement<{ gone: number }> = statement(
  'prune-dispatches',
  (t) => sql`
  with gone as (
  delete from ${t.dispatches} d using (
    select d.job_id, d.token from ${t.dispatches} d where d.closed_at < ${t.now} - interval '1 day' order by d.closed_at limit $1 for update skip locked
  ) old where d.job_id = old.job_id and d.token = old.token returning d.job_id
  )
  select count(*)::integer as gone from gone`,
);
