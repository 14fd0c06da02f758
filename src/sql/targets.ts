/** Targets: remote workers that answer, do not, or are tried; the jobs that wait for them, and when they are asked whether they are back. */
import { afterTime, linksOf, STANDING, standing } from './gates.ts';
import { from } from './guards.ts';
import { among } from './probes.ts';
import { inUtc, type Names, type Sql, type Statement, sql, statement } from './sql.ts';
import type { SweptRow } from './sweep.ts';

/** How long one attempt of a target that is tried may take before it is asked again. */
const TRIAL: Sql = sql`interval '2 minutes'`;
/** The rate of what is sent to a target that is back doubles this often. */
const RAMP: Sql = sql`interval '1 second'`;
/** A target is held by what it says for at most an hour, and tried for at most as long as a trial: what lies further ahead a clock that was put back has left. */
const HOLD_MAX: Sql = sql`interval '1 hour'`;
/** A target's row in `workers`, under which what it works on is held, lives as long as it is used. */
const WORKER_LEASE: Sql = sql`interval '20 days'`;

/** Whether a person has paused the target `g`. */
export const paused = (t: Names): Sql =>
  sql`(g.paused_at is not null and (g.paused_until is null or g.paused_until > ${t.now}))`;

/** Whether the target `g` can be sent a job now. */
export const usable = (t: Names): Sql =>
  sql`((g.state = 'up' or (g.state = 'half-open' and g.trial_job is null)) and not ${paused(t)} and (g.hold_until is null or g.hold_until <= ${t.now} or g.hold_until > ${t.now} + ${HOLD_MAX}))`;

/** A URL as people see it: what follows its path may be a secret. */
export const shownUrl = (url: Sql): Sql => sql`split_part(split_part(${url}, '?', 1), '#', 1)`;

/** How the target `g` stands, in words; null when there is none. */
export const targetInWords = (t: Names): Sql => sql`case
      when ${paused(t)} then concat('paused since ', ${inUtc(sql`g.paused_at`)}, ' by ' || g.paused_by, ': ' || g.paused_reason,
        '; until ' || ${inUtc(sql`g.paused_until`)})
      when g.state = 'down' then concat('down since ', ${inUtc(sql`g.down_since`)}, ', ',
        case g.probes when 0 then 'not asked yet' when 1 then 'asked once' else concat('asked ', g.probes, ' times') end,
        ', next at ', ${inUtc(sql`g.next_probe_at`)}, '; ' || rtrim(g.last_error ->> 'message', '.'))
      when g.state = 'half-open' then concat('tried with one job since ', ${inUtc(sql`g.since`)})
      when g.hold_until > ${t.now} then concat('busy, and asks for nothing before ', ${inUtc(sql`g.hold_until`)})
      when g.state = 'up' then concat('up since ', ${inUtc(sql`g.since`)}) end`;

/** The time of the next probe after now, of `g`: of those that are planned from when it went down, so that none is added by whoever looks late. */
const nextProbe = (t: Names, downSince: Sql): Sql => sql`(
    select case when e.ms < g.probe_for_ms
      then ${downSince} + (floor(e.ms / g.probe_every_ms) + 1) * g.probe_every_ms * interval '1 ms'
      else ${downSince} + (g.probe_for_ms + (floor((e.ms - g.probe_for_ms) / g.probe_then_ms) + 1) * g.probe_then_ms) * interval '1 ms' end
    from (select greatest(0, extract(epoch from ${t.now} - ${downSince}) * 1000) as ms) e)`;

/** Stores where targets are and how they are asked ($1 a JSON list); what is known of their state stays, but one whose address has changed is asked at once. */
export const defineTargets: Statement<Record<string, never>> = statement(
  'define-targets',
  (t) => sql`
  with given as materialized (
    select * from jsonb_to_recordset($1::text::jsonb) as g (name text, url text, health_url text, status_url text, failures_max integer,
      probe_every_ms bigint, probe_for_ms bigint, probe_then_ms bigint, silence_ms bigint, ramp_max integer)
    order by name
  )
  insert into ${t.targets} as old (name, worker_id, url, health_url, status_url, failures_max, probe_every_ms, probe_for_ms, probe_then_ms,
    silence_ms, ramp_max, since, defined_at)
  select name, gen_random_uuid(), url, health_url, status_url, failures_max, probe_every_ms, probe_for_ms, probe_then_ms, silence_ms, ramp_max,
    ${t.now}, ${t.now}
  from given
  on conflict (name) do update set url = excluded.url, health_url = excluded.health_url, status_url = excluded.status_url,
    failures_max = excluded.failures_max, probe_every_ms = excluded.probe_every_ms, probe_for_ms = excluded.probe_for_ms,
    probe_then_ms = excluded.probe_then_ms, silence_ms = excluded.silence_ms, ramp_max = excluded.ramp_max, defined_at = excluded.defined_at,
    next_probe_at = case when old.state <> 'up' and (old.url, old.health_url) is distinct from (excluded.url, excluded.health_url)
      then ${t.now} else old.next_probe_at end
  where (old.url, old.health_url, old.status_url, old.failures_max, old.probe_every_ms, old.probe_for_ms, old.probe_then_ms, old.silence_ms,
      old.ramp_max)
    is distinct from (excluded.url, excluded.health_url, excluded.status_url, excluded.failures_max, excluded.probe_every_ms,
      excluded.probe_for_ms, excluded.probe_then_ms, excluded.silence_ms, excluded.ramp_max)`,
);

/**
 * Makes or renews the rows in `workers` under which targets, those `g` that fulfil a condition, hold what they have accepted; locks none that lives. They
 * handle no types: nobody counts on them for what is queued.
 */
export const enlisting = (t: Names, which: Sql): Sql => sql`
  insert into ${t.workers} as w (id, name, host, pid, pid_started, lease_ms, lease_until, beat_at, state, types, concurrency, version,
    started_at, pull)
  select g.worker_id, 'target ' || g.name, 'target', 0, '', (extract(epoch from ${WORKER_LEASE}) * 1000)::integer, ${t.now} + ${WORKER_LEASE},
    ${t.now}, 'live', '{}', 0, 'http', ${t.now}, true
  from ${t.targets} g where ${which} and not exists (
    select from ${t.workers} w where w.id = g.worker_id and w.state = 'live' and w.lease_until > ${t.now} + ${WORKER_LEASE} / 2)
  order by g.name
  on conflict (id) do update set lease_until = excluded.lease_until, beat_at = excluded.beat_at, state = 'live', ended_at = null`;

/** Enlists targets ($1 names). */
export const enlistTargets: Statement<Record<string, never>> = statement('enlist-targets', (t) =>
  enlisting(t, sql`g.name = any($1::text[])`),
);

/** What a dispatch reads of a target. */
export interface TargetRow {
  readonly name: string;
  readonly url: string;
  readonly state: 'up' | 'down' | 'half-open';
  readonly usable: boolean;
}

/** Targets ($1 names) as they stand. */
export const readTargets: Statement<TargetRow> = statement(
  'read-targets',
  (t) => sql`
  select g.name, g.url, g.state, ${usable(t)} as usable from ${t.targets} g where g.name = any($1::text[])`,
);

/** What became of a target by what was noted. */
export interface NotedRow {
  readonly before: string;
  readonly after: string;
  readonly failures: number;
}

/**
 * Notes that a target ($1) has answered a job as it should: it is up. One that is down is asked at once, for the answer may be an old one. What is written here
 * and below is worked out from the row as it was locked, never from `g`: that is the row of the snapshot, and PostgreSQL checks the constraints on what is made
 * of it before it finds that another has changed it meanwhile.
 */
export const noteAnswered: Statement<NotedRow> = statement(
  'note-answered',
  (t) => sql`
  with before as materialized (
    select g.* from ${t.targets} g
    where g.name = $1 and (g.state <> 'up' or g.failures > 0 or g.last_ok_at is null or g.last_ok_at < ${t.now} - interval '1 second')
    for update
  )
  update ${t.targets} g set last_ok_at = ${t.now}, failures = case when b.state = 'down' then b.failures else 0 end,
    next_probe_at = case when b.state = 'down' then least(b.next_probe_at, ${t.now}) end,
    state = case when b.state = 'down' then 'down' else 'up' end,
    since = case when b.state = 'half-open' then ${t.now} else b.since end,
    down_since = case when b.state = 'down' then b.down_since end, trial_job = null,
    ramp = case when b.state = 'half-open' then 2 else b.ramp end,
    ramp_at = case when b.state = 'half-open' then ${t.now} else b.ramp_at end
  from before b where g.name = b.name
  returning b.state as before, g.state as after, g.failures`,
);

/**
 * Notes that a target ($1) failed the attempt of a job ($2 id, $3 token; $4 JSON error). `charged`: it is up and has answered another since the job was sent
 * before (or else now), so it is the job that fails, if ($5) it may be: then nothing is noted of the target.
 */
export const noteFailed: Statement<NotedRow & { readonly charged: boolean }> = statement(
  'note-failed',
  (t) => sql`
  with before as materialized (
    select g.* from ${t.targets} g where g.name = $1 for update
  ), sent as (
    select coalesce(max(d.sent_at) filter (where d.token < $3::bigint), max(d.sent_at)) as at
    from ${t.dispatches} d where d.job_id = $2::uuid and d.token <= $3::bigint
  ), noted as (
    select b.*, coalesce($5::boolean and b.state = 'up' and b.last_ok_at >= s.at, false) as charged,
      case when b.state = 'half-open' or (b.state = 'up' and b.failures + 1 >= b.failures_max) then 'down' else b.state end as after
    from before b, sent s
  ), changed as (
    update ${t.targets} g set failures = n.failures + 1, last_failed_at = ${t.now}, last_error = $4::text::jsonb, state = n.after,
      since = case when n.after = n.state then n.since else ${t.now} end,
      down_since = case when n.after = 'up' then null else coalesce(n.down_since, ${t.now}) end,
      probes = case when n.state = 'up' and n.after = 'down' then 0 else n.probes end,
      next_probe_at = case when n.after = 'up' then null when n.after = n.state then n.next_probe_at
        else ${nextProbe(t, sql`coalesce(n.down_since, ${t.now})`)} end,
      trial_job = null, ramp = 1, ramp_at = ${t.now} + ${RAMP}
    from noted n where g.name = n.name and not n.charged returning g.state, g.failures
  )
  select n.state as before, coalesce(c.state, n.state) as after, coalesce(c.failures, n.failures) as failures, n.charged
  from noted n left join changed c on true`,
);

/** Sends a target ($1) nothing for $2 ms: it has said so ($3 JSON error), and so answers: one that was tried is up. */
export const holdTarget: Statement<{ before: string }> = statement(
  'hold-target',
  (t) => sql`
  with before as materialized (
    select g.* from ${t.targets} g where g.name = $1 for update
  )
  update ${t.targets} g set hold_until = greatest(b.hold_until, ${t.now} + $2::bigint * interval '1 ms'), last_error = $3::text::jsonb,
    state = case when b.state = 'half-open' then 'up' else b.state end, since = case when b.state = 'half-open' then ${t.now} else b.since end,
    down_since = case when b.state = 'down' then b.down_since end, next_probe_at = case when b.state = 'down' then b.next_probe_at end,
    failures = case when b.state = 'half-open' then 0 else b.failures end, trial_job = null, ramp = 1, ramp_at = ${t.now} + ${RAMP}
  from before b where g.name = b.name returning b.state as before`,
);

/** Targets that are to be asked now whether they are back, with those whose time lies further ahead than it can: a clock was put back. */
export const dueProbes = (t: Names): Sql =>
  sql`from ${t.targets} g where (g.next_probe_at <= ${t.now} or g.next_probe_at > ${t.now}
      + greatest(g.probe_every_ms * interval '1 ms', g.probe_then_ms * interval '1 ms', ${TRIAL})) and not ${paused(t)}`;

/** A target that is asked whether it is back; `probes` is the number of this probe since it went down. */
export interface ProbeRow {
  readonly name: string;
  readonly url: string;
  readonly health_url: string | null;
  readonly probes: number;
}

/** Takes the probes that are due, at most $1: whoever takes one asks, and if it dies the next one comes at its time. */
export const takeProbes: Statement<ProbeRow> = statement(
  'take-probes',
  (t) => sql`
  with due as materialized (
    select g.name ${dueProbes(t)} order by g.next_probe_at limit $1 for update skip locked
  )
  update ${t.targets} g set probes = g.probes + 1, last_probe_at = ${t.now}, state = 'down', trial_job = null,
    since = case when g.state = 'down' then g.since else ${t.now} end, down_since = least(g.down_since, ${t.now}),
    next_probe_at = ${nextProbe(t, sql`least(g.down_since, ${t.now})`)}
  from due where g.name = due.name
  returning g.name, g.url, g.health_url, g.probes`,
);

/** Whether jobs of the type `y` may start: neither it nor its queue is paused. */
const startable = (t: Names): Sql =>
  sql`not exists (select from ${t.pauses} z
      where (z.kind = 'type' and z.name = y.type or z.kind = 'queue' and z.name = y.queue) and (z.until is null or z.until > ${t.now}))`;

/** Jobs that wait for the target `g` and may start. */
const parkedAt = (t: Names): Sql => sql`from ${t.jobTypes} y cross join lateral (
      select j.id from ${t.jobs} j where j.type = y.type and j.waits_for = 'target' order by j.rank, j.seq limit 1) j
    where g.name = any(y.targets) and ${startable(t)}`;

/** Notes that a target ($1) has answered its probe ($2 its number): it is tried with one job, or up when none waits. No row: something else has happened since. */
export const probeAnswered: Statement<{ state: string }> = statement(
  'probe-answered',
  (t) => sql`
  with waits as materialized (
    select g.name, g.down_since, exists (select ${parkedAt(t)}) as any from ${t.targets} g where g.name = $1 and g.state = 'down' and g.probes = $2::integer for update
  )
  update ${t.targets} g set failures = 0, since = ${t.now}, trial_job = null, ramp = 1, ramp_at = ${t.now},
    state = case when w.any then 'half-open' else 'up' end, next_probe_at = case when w.any then ${t.now} + ${TRIAL} end,
    down_since = case when w.any then w.down_since end
  from waits w where g.name = w.name returning g.state`,
);

/** Notes that a target ($1) has not answered its probe ($2 its number, $3 JSON error). */
export const probeFailed: Statement<Record<string, never>> = statement(
  'probe-failed',
  (t) => sql`
  update ${t.targets} g set failures = g.failures + 1, last_failed_at = ${t.now}, last_error = $3::text::jsonb
  where g.name = $1 and g.state = 'down' and g.probes = $2::integer`,
);

/** Types none of whose targets can be sent a job now, with the first of these. */
const closedTypes = (t: Names): Sql => sql`
    select y.type, y.targets[1] as target from ${t.jobTypes} y
    where y.targets is not null and not exists (select from ${t.targets} g where g.name = any(y.targets) and ${usable(t)})`;

/** Queued jobs none of whose targets can take them. */
export const toPark = (t: Names): Sql => sql`
  from (${closedTypes(t)}) c cross join lateral (
    select j.id from ${t.jobs} j where j.type = c.type and j.waits_for is null and j.worker_id is null order by j.rank, j.seq limit 1) j`;

/** What is known of the target `g` when a job is parked, for its history. */
const parkedDetail: Sql = sql`jsonb_build_object('target', g.name, 'url', ${shownUrl(sql`g.url`)}, 'state', g.state, 'down_since', g.down_since, 'probes', g.probes, 'error', g.last_error)`;

/** Why a job is parked at the target `g`. */
const parkedReason = (t: Names): Sql =>
  sql`case when ${paused(t)} then 'its target is paused' when g.state = 'up' then 'its target is busy' else 'its target is down' end`;

/** Queued jobs none of whose targets can take them, at most $1. */
export const findToPark: Statement<{ id: string }> = statement(
  'find-to-park',
  (t) => sql`
  with closed as materialized (${closedTypes(t)})
  select q.id::text from closed c cross join lateral (
    select j.id from ${t.jobs} j where j.type = c.type and j.lane = 0 and j.waits_for is null and j.worker_id is null
    order by j.rank, j.seq limit $1) q limit $1`,
);

/** Parks those of these jobs ($1) that are queued and none of whose targets can take them; they give up their place at a limit. */
export const parkQueued: Statement<SweptRow & { readonly target: string }> = statement(
  'park-queued',
  (t) => sql`
  with closed as materialized (${closedTypes(t)}), picked as materialized (
    select q.id, c.target from (
      select j.id, j.type from ${t.jobs} j where j.id = any($1::uuid[]) and ${from('park')} order by j.id for update skip locked) q
    join closed c on c.type = q.type
  ), parked as (
    update ${t.jobs} j set waits_for = 'target', wake_at = ${t.now} + j.claim_within_ms * interval '1 ms', claim_by = null, updated_at = ${t.now}
    from picked p where j.id = p.id and ${among(sql`select picked.id from picked`)}
    returning j.id, j.type, p.target, ${linksOf(sql`j`)} as links
  ), told as (
    insert into ${t.events} (job_id, at, kind, by, reason, detail)
    select p.id, ${t.now}, 'parked', 'sweep', ${parkedReason(t)}, ${parkedDetail}
    from parked p left join ${t.targets} g on g.name = p.target
  )
  select p.id::text, p.type, 'pending' as state, p.links, p.target from parked p`,
);

/** Notes in the history of a job ($1) that it waits for a target ($2), and why ($3). */
export const noteParked: Statement<Record<string, never>> = statement(
  'note-parked',
  (t) => sql`
  insert into ${t.events} (job_id, at, kind, by, reason, detail)
  select $1::uuid, ${t.now}, 'parked', 'worker', $3, ${parkedDetail} from ${t.targets} g where g.name = $2`,
);

/** Targets that can be sent the next of the jobs that wait for them. */
export const toUnpark = (t: Names): Sql => sql`
  from ${t.targets} g where ${usable(t)} and (g.ramp_at is null or g.ramp_at <= ${t.now} or g.ramp_at > ${t.now} + ${TRIAL}) and exists (select ${parkedAt(t)})`;

/** Jobs that wait for targets although their type has none any more, at most so many of each such type; their types by a loose scan of the index. */
export const toStayHere = (t: Names, limit: Sql = sql`1`): Sql => sql`
  from (
    with recursive parked (type) as (
      (select j.type from ${t.jobs} j where j.waits_for = 'target' order by j.type limit 1)
      union all
      select (select j.type from ${t.jobs} j where j.waits_for = 'target' and j.type > p.type order by j.type limit 1) from parked p where p.type is not null
    )
    select p.type from parked p where p.type is not null and not exists (
      select from ${t.jobTypes} y where y.type = p.type and y.targets is not null)
  ) y cross join lateral (
    select j.id, j.rank, j.seq from ${t.jobs} j where j.type = y.type and j.lane = 0 and j.waits_for = 'target' order by j.rank, j.seq limit ${limit}) j`;

/** So many jobs go on at once whose type has no targets any more. */
const STAY_MAX: Sql = sql`1000`;

/** The jobs that go on next, and to which target: to each as many as its ramp allows. */
const goingOn = (t: Names, lock: Sql): Sql => sql`
  due as materialized (
    select g.name, g.state, least(g.ramp, g.ramp_max) as ramp ${toUnpark(t)} order by g.name limit 100 ${lock}
  ), picked as materialized (
    select q.id, d.name as target from due d cross join lateral (
      select j.id from ${t.jobTypes} y cross join lateral (
        select j.id, j.rank, j.seq from ${t.jobs} j where j.type = y.type and j.lane = 0 and j.waits_for = 'target'
        order by j.rank, j.seq limit d.ramp) j
      where d.name = any(y.targets) and ${startable(t)} order by j.rank, j.seq limit d.ramp) q
    union all select j.id, null ${toStayHere(t, STAY_MAX)}
  )`;

/** Jobs that wait for targets and may go on now. */
export const findParked: Statement<{ id: string }> = statement(
  'find-parked',
  (t) => sql`with ${goingOn(t, sql``)} select distinct p.id::text from picked p`,
);

/**
 * Lets those of these jobs ($1) go on that are next: one to a target that is tried, then twice as many each second. They keep their places, so they are
 * before those that came later.
 */
export const unpark: Statement<SweptRow & { readonly target: string | null }> = statement(
  'unpark',
  (t) => sql`
  with ${goingOn(t, sql`for update skip locked`)}, chosen as materialized (
    select distinct on (p.id) p.id, p.target from picked p where p.id = any($1::uuid[]) order by p.id, p.target
  ), locked as materialized (
    select j.id from ${t.jobs} j where ${among(sql`select chosen.id from chosen`)} and j.waits_for = 'target' order by j.id for update skip locked
  ), gone as (
    update ${t.jobs} j set ${STANDING} = ${standing(t, afterTime, sql`null`)}, updated_at = ${t.now}
    from chosen c where j.id = c.id and ${among(sql`select locked.id from locked`)} and ${from('letIn')}
    returning j.id, j.type, j.waits_for, c.target, ${linksOf(sql`j`)} as links
  ), ramped as (
    update ${t.targets} g set ramp = case when d.state = 'up' then least(2 * g.ramp, g.ramp_max) else 1 end,
      ramp_at = ${t.now} + case when d.state = 'up' then ${RAMP} else ${TRIAL} end
    from due d where g.name = d.name and g.name in (select o.target from gone o)
  ), told as (
    insert into ${t.events} (job_id, at, kind, by, reason, detail)
    select o.id, ${t.now}, 'unparked', 'sweep', case when o.target is null then 'its type has no target any more' else 'its target takes jobs again' end,
      jsonb_build_object('target', o.target) from gone o
  )
  select o.id::text, o.type, case when o.waits_for is null then 'queued' else 'pending' end as state, o.links, o.target from gone o`,
);
