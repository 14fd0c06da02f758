/** Target look: what people see of remote workers and of what was sent to them, and what they do with them. */
import { eachJob } from './probes.ts';
import { type Names, type Sql, type Statement, sql, statement } from './sql.ts';
import { paused, shownUrl, targetInWords, usable } from './targets.ts';

/** A target as people see it. */
export interface TargetLookRow {
  readonly name: string;
  readonly url: string;
  readonly health_url: string | null;
  readonly status_url: string | null;
  readonly types: string[];
  readonly state: 'up' | 'down' | 'half-open';
  readonly usable: boolean;
  readonly words: string;
  readonly since: Date;
  readonly down_since: Date | null;
  readonly failures: number;
  readonly probes: number;
  readonly last_probe_at: Date | null;
  readonly next_probe_at: Date | null;
  readonly last_ok_at: Date | null;
  readonly last_failed_at: Date | null;
  readonly last_error: { readonly code: string; readonly message: string } | null;
  /** Null when it is over. */
  readonly hold_until: Date | null;
  readonly paused_at: Date | null;
  readonly paused_until: Date | null;
  readonly paused_by: string | null;
  readonly paused_reason: string | null;
  readonly ramp: number;
  readonly ramp_max: number;
  /** Exact to 10,000. */
  readonly parked: number;
  readonly sending: number;
  readonly accepted: number;
}

/** The most rows that one count looks at. */
const COUNT_MAX: Sql = sql`10001`;

/** How many jobs wait for the target `g`. */
const parkedCount = (t: Names): Sql => sql`(
    select count(*)::integer from (
      select from ${t.jobTypes} y cross join lateral (
        select from ${t.jobs} j where j.type = y.type and j.waits_for = 'target' limit ${COUNT_MAX}) j
      where g.name = any(y.targets) limit ${COUNT_MAX}) c)`;

/** The attempts that the target `g` holds, found by its claims. */
const heldBy = (t: Names): Sql => sql`
    select count(*) filter (where h.state = 'sending')::integer as sending, count(*) filter (where h.state = 'accepted')::integer as accepted
    from (
      select distinct d.job_id, d.state from ${t.claims} c cross join lateral unnest(c.job_ids) as held (id)
      ${eachJob(t, sql`j.id, j.token`, sql`j.id = held.id and j.worker_id = c.worker_id`)}
      join ${t.dispatches} d on d.job_id = j.id and d.token = j.token
      where c.worker_id = g.worker_id limit ${COUNT_MAX}) h`;

/** Targets by name: the one called $1, or all, behind the name $2, at most $3. */
export const listTargets: Statement<TargetLookRow> = statement(
  'list-targets',
  (t) => sql`
  select g.name, ${shownUrl(sql`g.url`)} as url, ${shownUrl(sql`g.health_url`)} as health_url, ${shownUrl(sql`g.status_url`)} as status_url,
    array(select y.type from ${t.jobTypes} y where g.name = any(y.targets) order by y.type limit 1000) as types,
    g.state, ${usable(t)} as usable, ${targetInWords(t)} as words, g.since, g.down_since, g.failures, g.probes, g.last_probe_at, g.next_probe_at,
    g.last_ok_at, g.last_failed_at, g.last_error, case when g.hold_until > ${t.now} then g.hold_until end as hold_until,
    case when ${paused(t)} then g.paused_at end as paused_at, case when ${paused(t)} then g.paused_until end as paused_until,
    case when ${paused(t)} then g.paused_by end as paused_by, case when ${paused(t)} then g.paused_reason end as paused_reason,
    g.ramp, g.ramp_max, ${parkedCount(t)} as parked, h.sending, h.accepted
  from ${t.targets} g cross join lateral (${heldBy(t)}) h
  where ($1::text is null or g.name = $1) and g.name > $2 order by g.name limit $3`,
);

/** Targets that can be sent nothing now, or are tried, with what waits for them; at most 100. */
export const listTroubled: Statement<{
  name: string;
  state: string;
  words: string;
  since: Date | null;
  parked: number;
}> = statement(
  'list-troubled-targets',
  (t) => sql`
  select g.name, case when ${paused(t)} then 'paused' when g.state = 'up' then 'busy' else g.state end as state, ${targetInWords(t)} as words,
    case when ${paused(t)} then g.paused_at else g.down_since end as since, ${parkedCount(t)} as parked
  from ${t.targets} g where g.state <> 'up' or not ${usable(t)} order by g.name limit 100`,
);

/** How a target stands, as far as whoever enqueues is told. */
export interface StandingRow {
  readonly name: string;
  readonly state: 'up' | 'down' | 'half-open';
  readonly usable: boolean;
  readonly down_since: Date | null;
  readonly paused_at: Date | null;
  readonly hold_until: Date | null;
  readonly now: Date;
}

/** How targets ($1 names) stand. */
export const readStandings: Statement<StandingRow> = statement(
  'read-standings',
  (t) => sql`
  select g.name, g.state, ${usable(t)} as usable, g.down_since, case when ${paused(t)} then g.paused_at end as paused_at,
    case when g.hold_until > ${t.now} then g.hold_until end as hold_until, ${t.now} as now
  from ${t.targets} g where g.name = any($1::text[])`,
);

const told = (t: Names, kind: Sql, cte: Sql): Sql => sql`
  told as (
    insert into ${t.events} (at, kind, by, reason, detail) select ${t.now}, ${kind}, $2, $3, jsonb_build_object('target', name) from ${cte}
  )`;

/** Sends a target ($1) nothing and asks it nothing ($2 by whom, $3 why) until $4, or until it is resumed; a time that is over pauses nothing. */
export const pauseTarget: Statement<{ name: string }> = statement(
  'pause-target',
  (t) => sql`
  with held as (
    update ${t.targets} g set paused_at = ${t.now}, paused_by = $2, paused_reason = $3, paused_until = $4::timestamptz
    where g.name = $1 and ($4::timestamptz is null or $4::timestamptz > ${t.now}) returning g.name
  ), ${told(t, sql`'target-paused'`, sql`held`)}
  select name from held`,
);

/** Ends the pause of a target ($1) that has one ($2 by whom, $3 why); what waits for it does not go out in one burst. */
export const resumeTarget: Statement<{ name: string }> = statement(
  'resume-target',
  (t) => sql`
  with resumed as (
    update ${t.targets} g set paused_at = null, paused_by = null, paused_reason = null, paused_until = null, ramp = 1, ramp_at = ${t.now}
    where g.name = $1 and g.paused_at is not null returning g.name
  ), ${told(t, sql`'target-resumed'`, sql`resumed`)}
  select name from resumed`,
);

/** Makes the next probe of a target ($1) that is down due; no row when it is not asked by the sweep now. */
export const probeSoon: Statement<{ probes: number }> = statement(
  'probe-soon',
  (t) => sql`
  update ${t.targets} g set next_probe_at = ${t.now} where g.name = $1 and g.state = 'down' and not ${paused(t)} returning g.probes`,
);

/** Where a target ($1) is asked whether it is there. */
export const findProbe: Statement<{ url: string; health_url: string | null }> = statement(
  'find-probe',
  (t) => sql`select g.url, g.health_url from ${t.targets} g where g.name = $1`,
);

/** How the sending of a job stands. */
export interface SentRow {
  readonly target: string;
  /** Null: there is no such target any more. */
  readonly url: string | null;
  readonly words: string | null;
  readonly parked_at: Date | null;
  readonly parked: number;
  readonly sends: number;
  readonly sent_at: Date | null;
  readonly accepted_at: Date | null;
  readonly heard_at: Date | null;
  readonly probes: number;
  readonly last_probe_at: Date | null;
  readonly next_probe_at: Date | null;
  readonly last_error: { readonly code: string; readonly message: string } | null;
}

/** The sending of a job ($1 id) of a type ($2) that has targets: to which, how often, since when it waits; no row when the type has none. */
export const findSent: Statement<SentRow> = statement(
  'find-sent',
  (t) => sql`
  select w.target, ${shownUrl(sql`g.url`)} as url, ${targetInWords(t)} as words, p.at as parked_at, p.parked, s.sends, s.sent_at, s.accepted_at, s.heard_at,
    coalesce(g.probes, 0) as probes, g.last_probe_at, g.next_probe_at, g.last_error
  from (
    select coalesce((select d.target from ${t.dispatches} d where d.job_id = $1::uuid order by d.token desc limit 1), y.targets[1]) as target
    from ${t.jobTypes} y where y.type = $2 and y.targets is not null) w
  left join ${t.targets} g on g.name = w.target
  cross join lateral (
    select coalesce(sum(d.sends), 0)::integer as sends, max(d.sent_at) as sent_at, max(d.accepted_at) as accepted_at, max(d.heard_at) as heard_at
    from ${t.dispatches} d where d.job_id = $1::uuid) s
  cross join lateral (
    select max(e.at) as at, count(*)::integer as parked from (
      select e.at from ${t.events} e where e.job_id = $1::uuid and e.kind = 'parked' order by e.at desc limit 1000) e) p`,
);
