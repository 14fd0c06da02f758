/** Alerts: who looks at the rules in a round, what became of each alert, and what channels are to be told. */
import { type Names, type Sql, type Statement, sql, statement } from './sql.ts';

/** A row of `alerts`. */
export interface AlertRow {
  readonly id: string;
  readonly rule: string;
  readonly subject: string;
  readonly severity: string;
  readonly state: string;
  readonly summary: string;
  readonly count: string;
  readonly detail: unknown;
  readonly since: Date;
  readonly fired_at: Date | null;
  readonly fired_times: number;
  readonly clear_since: Date | null;
  readonly resolved_at: Date | null;
  readonly told: unknown;
  readonly acknowledged_at: Date | null;
  readonly acknowledged_by: string | null;
  readonly acknowledge_reason: string | null;
  readonly silenced_at: Date | null;
  readonly silenced_until: Date | null;
  readonly silenced_by: string | null;
  readonly silence_reason: string | null;
  readonly next_look: Date | null;
  readonly current: boolean;
  readonly updated_at: Date;
}

const columns = (
  t: Names,
): Sql => sql`a.id::text, a.rule, a.subject, a.severity, a.state, a.summary, a.count::text, a.detail, a.since,
    a.fired_at, a.fired_times, a.clear_since, a.resolved_at, a.told, a.acknowledged_at, a.acknowledged_by, a.acknowledge_reason, a.silenced_at,
    a.silenced_until, a.silenced_by, a.silence_reason, a.next_look, coalesce(a.next_look >= ${t.now}, true) as current, a.updated_at`;

/**
 * Takes the tick of the alerts ($1 its name, $2 ms until the next): a row when it was due, or lies absurdly far ahead because a clock jumped. Its
 * text is what `lock-alert-round` knows the round by.
 */
export const takeAlertTick: Statement<{ round: string }> = statement(
  'take-alert-tick',
  (t) => sql`
  with due as materialized (
    select k.name from ${t.ticks} k
    where k.name = $1 and (k.next_at <= ${t.now} or k.next_at > ${t.now} + 2 * $2::bigint * interval '1 ms')
    for update skip locked
  )
  update ${t.ticks} k set next_at = ${t.now} + $2::bigint * interval '1 ms' from due where k.name = due.name returning k.next_at::text as round`,
);

/** Makes a tick ($1) due again in $2 ms: what it was taken for has failed. */
export const hastenTick: Statement<Record<string, never>> = statement(
  'hasten-tick',
  (t) =>
    sql`update ${t.ticks} k set next_at = least(k.next_at, ${t.now} + $2::bigint * interval '1 ms') where k.name = $1`,
);

/** Holds the tick $1 until the transaction ends, if its round is still $2: a process that was asleep since then finds none, and does nothing. */
export const lockAlertRound: Statement<{ now: Date }> = statement(
  'lock-alert-round',
  (t) => sql`
  select ${t.now} as now from ${t.ticks} k where k.name = $1 and k.next_at = $2::text::timestamptz for update`,
);

/** The alerts that are not over, of the rules $1, and those over of the subjects $2 (JSON: rule, subject). A rule has at most 1,000 subjects. */
export const readLiveAlerts: Statement<AlertRow> = statement(
  'read-live-alerts',
  (t) => sql`
  select ${columns(t)} from ${t.alerts} a where a.next_look is not null and a.rule = any ($1::text[])
  union all
  select l.* from (select g.rule, g.subject from jsonb_to_recordset($2::text::jsonb) as g (rule text, subject text) limit 200000) g cross join lateral (
    select ${columns(t)} from ${t.alerts} a where a.rule = g.rule and a.subject = g.subject and a.next_look is null) l
  limit 200000`,
);

/**
 * Stores the steps of a round: $1 a JSON list (id, rule, subject, severity, state, summary, count, detail, fired_times, stamps, is_clear, tell,
 * closed), $2 ms until the next look. `stamps` are the instants that are now, `tell` what channels are told now.
 */
export const storeAlerts: Statement<{ id: string }> = statement('store-alerts', (t) => {
  const stamped = (name: Sql, old: Sql): Sql =>
    sql`case when ${name} = any (g.stamps) then ${t.now} else ${old} end`;
  const told = (old: Sql): Sql =>
    sql`${old} || coalesce((select jsonb_object_agg(e.key, jsonb_build_object('state', e.value, 'at', ${t.now})) from jsonb_each_text(g.tell) e), '{}')`;
  const nextLook = sql`case when not g.closed then ${t.now} + $2::bigint * interval '1 ms' end`;
  return sql`
  with given as materialized (
    select * from jsonb_to_recordset($1::text::jsonb) as g (id uuid, rule text, subject text, severity text, state text, summary text,
      count bigint, detail jsonb, fired_times integer, stamps text[], is_clear boolean, tell jsonb, closed boolean)
  ), moved as (
    update ${t.alerts} a set severity = g.severity, state = g.state, summary = g.summary, count = g.count, detail = g.detail,
      fired_times = g.fired_times, since = ${stamped(sql`'since'`, sql`a.since`)}, fired_at = ${stamped(sql`'fired_at'`, sql`a.fired_at`)},
      resolved_at = ${stamped(sql`'resolved_at'`, sql`a.resolved_at`)},
      clear_since = case when g.is_clear then ${stamped(sql`'clear_since'`, sql`a.clear_since`)} end,
      acknowledged_at = case when 'fired_at' = any (g.stamps) then null else a.acknowledged_at end,
      acknowledged_by = case when 'fired_at' = any (g.stamps) then null else a.acknowledged_by end,
      acknowledge_reason = case when 'fired_at' = any (g.stamps) then null else a.acknowledge_reason end,
      told = ${told(sql`a.told`)}, next_look = ${nextLook}, updated_at = ${t.now}
    from given g where a.id = g.id returning a.id
  )
  insert into ${t.alerts} (id, rule, subject, severity, state, summary, count, detail, fired_times, since, fired_at, told, next_look, updated_at)
  select g.id, g.rule, g.subject, g.severity, g.state, g.summary, g.count, g.detail, g.fired_times, ${t.now},
    ${stamped(sql`'fired_at'`, sql`null`)}, ${told(sql`'{}'::jsonb`)}, ${nextLook}, ${t.now}
  from given g where not exists (select from moved m where m.id = g.id)
  on conflict (rule, subject) do nothing returning id::text`;
});

/** Forgets alerts ($1 ids) that never fired. */
export const dropAlerts: Statement<Record<string, never>> = statement(
  'drop-alerts',
  (t) =>
    sql`delete from ${t.alerts} a where a.id = any ($1::uuid[]) and a.state <> 'firing' and a.fired_at is null`,
);

/** Ends alerts that nobody has looked at for an hour: their rules are gone. */
export const closeForgottenAlerts: Statement<{ rule: string; subject: string }> = statement(
  'close-forgotten-alerts',
  (t) => sql`
  update ${t.alerts} a set state = 'resolved', resolved_at = ${t.now}, next_look = null, updated_at = ${t.now}
  where a.id = any (array(select o.id from ${t.alerts} o where o.next_look < ${t.now} - interval '1 hour' order by o.next_look limit 1000))
  returning a.rule, a.subject`,
);

/** How long an alert is told: later it would be no news. */
const EXPIRES: Sql = sql`interval '1 day'`;

/** Puts messages into the outbox: $1 a JSON list (channel, payload). Their ids are ordered by time, as those of all deliveries. */
export const tellChannels: Statement<{ id: string }> = statement(
  'tell-channels',
  (t) => sql`
  insert into ${t.deliveries} (purpose, channel, payload, expires_at)
  select 'alert', g.channel, g.payload, ${t.now} + ${EXPIRES}
  from jsonb_to_recordset($1::text::jsonb) as g (channel text, payload jsonb) returning id::text`,
);

/** Messages of alerts that were made in the last minute, by channel: those on their way and those that have ended, each by its own index. */
export const countRecentMessages: Statement<{ channel: string; count: number }> = statement(
  'count-recent-messages',
  (t) => {
    const recent = sql`d.purpose = 'alert' and d.payload ->> 'event' <> 'alert.test' and d.created_at > ${t.now} - interval '1 minute'`;
    return sql`
  select r.channel, count(*)::integer as count from (
    select d.channel from ${t.deliveries} d where d.state = 'pending' and ${recent}
    union all
    select d.channel from ${t.deliveries} d
    where d.state <> 'pending' and coalesce(d.delivered_at, d.failed_at) > ${t.now} - interval '1 minute' and ${recent}) r
  group by r.channel`;
  },
);

/**
 * Hands what the channel $1 could not deliver, tried $3 times or more or given up within a day, to the channel $2, once: the copy is a delivery of
 * its own, which says what it is a copy of. There is none when the channel $2 was told the same by itself, and that has not failed.
 */
export const handToFallback: Statement<{ id: string }> = statement('hand-to-fallback', (t) => {
  const same = sql`d.purpose = 'alert' and d.channel = $2 and d.payload ->> 'event' = h.payload ->> 'event'
      and d.payload -> 'data' -> 'items' @> (h.payload -> 'data' -> 'items') and d.created_at >= h.created_at - interval '1 minute'`;
  return sql`
  with found as materialized (
    (select d.id from ${t.deliveries} d
    where d.state = 'pending' and d.purpose = 'alert' and d.channel = $1 and d.attempts >= $3 and d.last_error is not null
      and not d.payload ? 'handed_to' order by d.next_at limit 100)
    union all
    (select d.id from ${t.deliveries} d
    where d.state = 'failed' and coalesce(d.delivered_at, d.failed_at) > ${t.now} - ${EXPIRES} and d.purpose = 'alert' and d.channel = $1
      and not d.payload ? 'handed_to' limit 100)
  ), handed as (
    update ${t.deliveries} d set payload = d.payload || jsonb_build_object('handed_to', $2::text)
    from found f where d.id = f.id and not d.payload ? 'handed_to' and d.state <> 'delivered' returning d.id, d.payload, d.created_at
  )
  insert into ${t.deliveries} (purpose, channel, payload, expires_at)
  select 'alert', $2::text, (h.payload - 'handed_to') || jsonb_build_object('instead_of', $1::text), ${t.now} + ${EXPIRES} from handed h
  where not exists (select from ${t.deliveries} d where d.state = 'pending' and ${same})
    and not exists (select from ${t.deliveries} d where d.state <> 'pending' and d.delivered_at is not null
      and coalesce(d.delivered_at, d.failed_at) >= h.created_at - interval '1 minute' and ${same})
  returning id::text`;
});

/** Whether alerts wait to be sent, or to be tried again, now. */
export const alertsAreDue: Statement<{ due: boolean }> = statement(
  'alerts-are-due',
  (t) => sql`
  select exists (select from ${t.deliveries} d where d.state = 'pending' and d.purpose = 'alert' and d.next_at <= ${t.now}) as due`,
);

/** Alerts: $1 states, $2 rule or null, $3 limit; what fires first, the latest first. */
export const listAlerts: Statement<AlertRow> = statement(
  'list-alerts',
  (t) => sql`
  select ${columns(t)} from ${t.alerts} a where a.state = any ($1::text[]) and ($2::text is null or a.rule = $2)
  order by array_position(array['firing', 'pending', 'resolved'], a.state), a.updated_at desc, a.id limit $3`,
);

/** One alert ($1). */
export const findAlert: Statement<AlertRow> = statement(
  'find-alert',
  (t) => sql`select ${columns(t)} from ${t.alerts} a where a.id = $1`,
);

/** Writes what a person did about an alert into the audit, from a CTE `changed` (id, rule, subject). $2 by, $3 reason. */
const auditCte = (t: Names, action: Sql): Sql => sql`
  audited as (
    insert into ${t.audit} (id, at, by, action, reason, detail)
    select ${t.schema}.new_id(), ${t.now}, $2, ${action}, $3, jsonb_build_object('alert', a.id, 'rule', a.rule, 'subject', a.subject, 'ended', true) from changed a
  )`;

/** Acknowledges an alert ($1) that fires, $2 by, $3 reason; one that was stays as it is. */
export const acknowledgeAlert: Statement<AlertRow> = statement(
  'acknowledge-alert',
  (t) => sql`
  with changed as (
    update ${t.alerts} a set acknowledged_at = ${t.now}, acknowledged_by = $2, acknowledge_reason = $3, updated_at = ${t.now}
    where a.id = $1 and a.state = 'firing' and a.acknowledged_at is null returning a.*
  ), ${auditCte(t, sql`'acknowledge-alert'`)}
  select ${columns(t)} from changed a`,
);

/** Silences an alert ($1), $2 by, $3 reason, $4 ms, or null until it is ended. */
export const silenceAlert: Statement<AlertRow> = statement(
  'silence-alert',
  (t) => sql`
  with changed as (
    update ${t.alerts} a set silenced_at = ${t.now}, silenced_until = ${t.now} + $4::bigint * interval '1 ms', silenced_by = $2,
      silence_reason = $3, updated_at = ${t.now}
    where a.id = $1 returning a.*
  ), ${auditCte(t, sql`'silence-alert'`)}
  select ${columns(t)} from changed a`,
);

/** Ends the silence of an alert ($1), $2 by, $3 reason. */
export const unsilenceAlert: Statement<AlertRow> = statement(
  'unsilence-alert',
  (t) => sql`
  with changed as (
    update ${t.alerts} a set silenced_at = null, silenced_until = null, silenced_by = null, silence_reason = null, updated_at = ${t.now}
    where a.id = $1 and a.silenced_at is not null returning a.*
  ), ${auditCte(t, sql`'unsilence-alert'`)}
  select ${columns(t)} from changed a`,
);

/** Forgets at most $2 alerts that have been over for $1 ms; returns how many. */
export const pruneAlerts: Statement<{ gone: number }> = statement(
  'prune-alerts',
  (t) => sql`
  with gone as (
    delete from ${t.alerts} a where a.id = any (array(
      select o.id from ${t.alerts} o where o.next_look is null and o.updated_at < ${t.now} - $1::bigint * interval '1 ms' order by o.updated_at limit $2))
    and a.next_look is null returning a.id
  )
  select count(*)::integer as gone from gone`,
);
