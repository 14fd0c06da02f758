/** Deliveries: the outbox; which are due, who sends them, and what became of them. */
import { type Names, type Sql, type Statement, sql, statement } from './sql.ts';

/** A row of `deliveries` as people see it. */
export interface DeliveryRow {
  readonly id: string;
  readonly purpose: 'notify' | 'alert';
  readonly channel: string;
  readonly address: string | null;
  readonly payload: unknown;
  readonly job_id: string | null;
  readonly state: 'pending' | 'delivered' | 'failed';
  readonly attempts: number;
  readonly next_at: Date | null;
  readonly expires_at: Date;
  readonly sending: boolean;
  readonly last_error: unknown;
  readonly created_at: Date;
  readonly delivered_at: Date | null;
  readonly failed_at: Date | null;
}

/** A delivery that this process is to send; its tries include this one. */
export interface DueRow
  extends Pick<
    DeliveryRow,
    'id' | 'purpose' | 'channel' | 'address' | 'payload' | 'job_id' | 'attempts' | 'created_at'
  > {
  /** Fences the answer. */
  readonly token: string;
}

const COLUMNS: Sql = sql`d.id::text, d.purpose, d.channel, d.address, d.payload, d.job_id::text, d.state, d.attempts,
    d.next_at, d.expires_at, d.leased_until is not null as sending, d.last_error, d.created_at,
    d.delivered_at, d.failed_at`;

/** Deliveries to send now, or to give up. */
export const dueDeliveries = (t: Names): Sql =>
  sql`from ${t.deliveries} d where d.state = 'pending' and d.next_at <= ${t.now}`;

/** How long ended ones are kept. */
const KEPT: Sql = sql`interval '7 days'`;

/** A process that takes one has so long to send it and to say so. */
const LEASE: Sql = sql`interval '60 seconds'`;

/** Tells in the history of a job what became of a row `r` of a CTE (id, job_id, channel, address, attempts). */
const toldCte = (t: Names, rows: Sql, kind: Sql, reason: Sql): Sql => sql`
  told as (
    insert into ${t.events} (job_id, at, kind, by, reason, detail)
    select r.job_id, ${t.now}, ${kind}, 'delivery', ${reason},
      jsonb_build_object('delivery', r.id, 'channel', r.channel, 'attempts', r.attempts)
    from ${rows} r where r.job_id is not null
  )`;

/**
 * Takes deliveries that are due: at most $2 of each channel and $3 in all, none of the channels $1 (as `purpose:channel`). The channels are
 * walked one by one, so that a backlog of one keeps nothing of another waiting; alerts come first.
 */
export const claimDeliveries: Statement<DueRow> = statement(
  'claim-deliveries',
  (t) => sql`
  with recursive channels (purpose, channel) as (
    (select d.purpose, d.channel from ${t.deliveries} d where d.state = 'pending' order by d.purpose, d.channel limit 1)
    union all
    select n.purpose, n.channel from channels c cross join lateral (
      select d.purpose, d.channel from ${t.deliveries} d where d.state = 'pending' and (d.purpose, d.channel) > (c.purpose, c.channel)
      order by d.purpose, d.channel limit 1) n
  ), due as materialized (
    select d.id from (select c.purpose, c.channel from channels c where c.purpose || ':' || c.channel <> all ($1::text[]) order by 1, 2) c
    cross join lateral (
      select d.id from ${t.deliveries} d
      where d.state = 'pending' and d.purpose = c.purpose and d.channel = c.channel and d.next_at <= ${t.now} and d.expires_at > ${t.now}
      order by d.next_at limit $2 for update skip locked) d
    limit $3
  )
  update ${t.deliveries} d set attempts = d.attempts + 1, token = d.token + 1, leased_until = ${t.now} + ${LEASE}, next_at = ${t.now} + ${LEASE}
  where d.id = any (array(select due.id from due)) and d.state = 'pending'
  returning d.id::text, d.purpose, d.channel, d.address, d.payload, d.job_id::text, d.attempts, d.token::text, d.created_at`,
);

/** Gives up what nobody has accepted by its time, at most $1, but what is being sent now: returns how many. One that was never tried says so. */
export const expireDeliveries: Statement<{ id: string; channel: string }> = statement(
  'expire-deliveries',
  (t) => sql`
  with over as materialized (
    select d.id ${dueDeliveries(t)} and d.expires_at <= ${t.now} order by d.next_at limit $1 for update skip locked
  ), failed as (
    update ${t.deliveries} d set state = 'failed', failed_at = ${t.now}, next_at = null, leased_until = null, last_error = coalesce(d.last_error, jsonb_build_object(
      'code', 'DELIVERY_EXPIRED', 'message', 'Its time was over before a process sent it.'))
    where d.id = any (array(select over.id from over)) returning d.id, d.job_id, d.channel, d.attempts, d.last_error
  ), ${toldCte(t, sql`failed`, sql`'not-told'`, sql`r.last_error ->> 'message'`)}
  select f.id::text, f.channel from failed f`,
);

/**
 * Notes that a delivery ($1) was accepted, $2 its note or null. Also when its lease is over and another process sends it again: what was
 * accepted is delivered, and the answer to the other one is not needed.
 */
export const acceptDelivery: Statement<{ id: string }> = statement(
  'accept-delivery',
  (t) => sql`
  with accepted as (
    update ${t.deliveries} d set state = 'delivered', delivered_at = ${t.now}, failed_at = null, next_at = null, leased_until = null, last_error = null
    where d.id = $1 and d.state <> 'delivered' returning d.id, d.job_id, d.channel, d.attempts
  ), ${toldCte(t, sql`accepted`, sql`'told'`, sql`$2::text`)}
  select a.id::text from accepted a`,
);

/**
 * Puts off a delivery ($1) that was sent under the token $2 in vain, by $3 ms, with the error $4 (JSON). One that would come after it expires is
 * tried once more a minute before that, if there is time.
 */
export const deferDelivery: Statement<{ next_at: Date }> = statement(
  'defer-delivery',
  (t) => sql`
  update ${t.deliveries} d set leased_until = null, last_error = $4::text::jsonb,
    next_at = case when ${t.now} + $3::bigint * interval '1 ms' < d.expires_at then ${t.now} + $3::bigint * interval '1 ms'
      when ${t.now} < d.expires_at - interval '2 minutes' then d.expires_at - interval '1 minute'
      else d.expires_at end
  where d.id = $1 and d.state = 'pending' and d.token = $2::text::bigint returning d.next_at`,
);

/** Gives up a delivery ($1) that was sent under the token $2, with the error $3 (JSON). */
export const failDelivery: Statement<{ id: string }> = statement(
  'fail-delivery',
  (t) => sql`
  with failed as (
    update ${t.deliveries} d set state = 'failed', failed_at = ${t.now}, next_at = null, leased_until = null, last_error = $3::text::jsonb
    where d.id = $1 and d.state = 'pending' and d.token = $2::text::bigint returning d.id, d.job_id, d.channel, d.attempts, d.last_error
  ), ${toldCte(t, sql`failed`, sql`'not-told'`, sql`r.last_error ->> 'message'`)}
  select f.id::text from failed f`,
);

/** Leaves a delivery ($1, token $2) to another process: this one does not know its channel, which $3 (JSON) says. The try is not counted. */
export const leaveDelivery: Statement<{ id: string }> = statement(
  'leave-delivery',
  (t) => sql`
  update ${t.deliveries} d set leased_until = null, next_at = ${t.now}, attempts = d.attempts - 1, last_error = coalesce(d.last_error, $3::text::jsonb)
  where d.id = $1 and d.state = 'pending' and d.token = $2::text::bigint returning d.id::text`,
);

/** Makes a failed delivery ($1) pending again under the same id, for $4 ms: $2 by, $3 reason. */
export const retryDelivery: Statement<{ id: string }> = statement(
  'retry-delivery',
  (t) => sql`
  with again as (
    update ${t.deliveries} d set state = 'pending', failed_at = null, attempts = 0, next_at = ${t.now},
      expires_at = ${t.now} + $4::bigint * interval '1 ms'
    where d.id = $1 and d.state = 'failed' returning d.id, d.job_id, d.channel
  ), told as (
    insert into ${t.events} (job_id, at, kind, by, reason, detail)
    select a.job_id, ${t.now}, 'tell-again', $2, $3, jsonb_build_object('delivery', a.id, 'channel', a.channel)
    from again a where a.job_id is not null
  )
  select a.id::text from again a`,
);

/** One delivery ($1). */
export const findDelivery: Statement<DeliveryRow> = statement(
  'find-delivery',
  (t) => sql`select ${COLUMNS} from ${t.deliveries} d where d.id = $1`,
);

/** Deliveries, newest first, $5 at most: $1 the id after which to go on, $2 job, $3 state, $4 purpose, each null for any. */
export const listDeliveries: Statement<DeliveryRow> = statement(
  'list-deliveries',
  (t) => sql`
  select ${COLUMNS} from ${t.deliveries} d
  where ($1::uuid is null or d.id < $1) and ($2::uuid is null or d.job_id = $2) and ($3::text is null or d.state = $3)
    and ($4::text is null or d.purpose = $4)
  order by d.id desc limit $5`,
);

/** Forgets deliveries that ended 7 days ago, at most $1; returns how many. */
export const pruneDeliveries: Statement<{ gone: number }> = statement(
  'prune-deliveries',
  (t) => sql`
  with gone as (
    delete from ${t.deliveries} d where d.ctid = any (array(
      select o.ctid from ${t.deliveries} o where o.state <> 'pending' and coalesce(o.delivered_at, o.failed_at) < ${t.now} - ${KEPT}
      order by coalesce(o.delivered_at, o.failed_at) limit $1 for update skip locked))
      and d.state <> 'pending' returning d.id
  )
  select count(*)::integer as gone from gone`,
);
