/** Ticks: who does the next round of a loop that all processes share, and whether there is anything to do in a round of the sweep. */
import { silentActions } from './bulk-actions.ts';
import { dueDeliveries } from './deliveries.ts';
import { dueLooks } from './dispatches.ts';
import { toPrune } from './fleet.ts';
import { dueAt, standingAt } from './gates.ts';
import { children } from './links.ts';
import { dueSchedules } from './schedules.ts';
import { type Names, raw, type Sql, type Statement, sql, statement } from './sql.ts';
import { byHand, claimsOfEnded, expired, overdueClaims, strays } from './sweep.ts';
import { dueProbes, toPark, toStayHere, toUnpark } from './targets.ts';

/** The kinds of work of a round of the sweep that one look tells apart. */
export type Work =
  | 'by-hand'
  | 'time'
  | 'retry'
  | 'expired'
  | 'lost'
  | 'overdue'
  | 'stray'
  | 'slots'
  | 'limits'
  | 'parents'
  | 'children'
  | 'done'
  | 'prune'
  | 'schedules'
  | 'bulk-actions'
  | 'deliveries'
  | 'targets';

/**
 * Where each kind of work is looked for: with the conditions of the statements that do it, or fewer of them, so that a look never misses what they
 * would find. Each is one probe of an index, or of a table that is small, whatever the backlog. `strays`: one chunk of the table.
 */
const looks = (t: Names): Readonly<Record<Work, readonly Sql[]>> => ({
  'by-hand': [byHand(t, sql`true`)],
  time: [dueAt(t, sql`'time'`)],
  retry: [dueAt(t, sql`'retry'`)],
  expired: [expired(t)],
  lost: [claimsOfEnded(t, sql``, sql`true`)],
  overdue: [overdueClaims(t, sql`$3`, sql``, sql`true`)],
  stray: [strays(t, sql`$4`, sql`$5`, sql`$3`)],
  slots: [standingAt(t, sql`'slot'`)],
  limits: [standingAt(t, sql`'limit'`)],
  parents: [dueAt(t, sql`'executions'`)],
  children: [children(t)],
  done: [sql`from ${t.poolDone}`],
  prune: toPrune(t),
  schedules: dueSchedules(t),
  'bulk-actions': [silentActions(t)],
  deliveries: [dueDeliveries(t)],
  targets: [dueProbes(t), toPark(t), toUnpark(t), toStayHere(t), dueLooks(t, sql`1`, sql``)],
});

/** The kinds of work of which there is any, as an array. */
const workIn = (t: Names): Sql => {
  const found = Object.entries(looks(t)).map(([kind, places]) => {
    const any = places.map(({ text }) => `(select true ${text} limit 1)`);
    return `case when ${any.join(' or ')} then '${kind}' end`;
  });
  return raw(`array_remove(array[${found.join(',\n      ')}], null)`);
};

/** What taking a tick of the sweep answers. */
export interface Tick {
  readonly taken: boolean;
  /** Milliseconds until the next one. */
  readonly next_ms: number;
  /** What there is to do in a round that was taken; null when it has not been looked for: then everything is tried. */
  readonly work: readonly Work[] | null;
  /** The pages of the table of live jobs. */
  readonly pages: number;
}

const tick = (name: string, look: (t: Names) => Sql): Statement<Tick> =>
  statement(
    name,
    (t) => sql`
  with next as materialized (
    select least(${t.now} + $2::bigint * interval '1 ms', min(m.wake_at)) as at
    from (values ('time'), ('retry')) as g (gate) cross join lateral (
      select j.wake_at from ${t.jobs} j where j.waits_for = g.gate and j.wake_at > ${t.now} order by j.wake_at limit 1) m
  ), due as materialized (
    select k.name from ${t.ticks} k
    where k.name = $1 and (k.next_at <= ${t.now} or k.next_at > ${t.now} + 2 * $2::bigint * interval '1 ms')
    for update skip locked
  ), looked as materialized (
    select ${look(t)} as work from due
  ), taken as (
    update ${t.ticks} k set next_at = next.at, last_ok_at = case when looked.work = '{}' then ${t.now} else k.last_ok_at end
    from due, next, looked where k.name = due.name returning looked.work
  )
  select exists (select from taken) as taken, (select taken.work from taken) as work,
    (extract(epoch from case when exists (select from taken) then next.at
      else least(next.at, greatest(k.next_at, ${t.now})) end - ${t.now}) * 1000)::float8 as next_ms,
    (pg_relation_size(${t.literal} || '.jobs') / current_setting('block_size')::bigint)::float8 as pages
  from next, ${t.ticks} k where k.name = $1`,
  );

/**
 * Takes the tick of the sweep ($1 its name, $2 ms until the next at the latest) if it is due, or lies absurdly far ahead because a clock jumped,
 * and looks for what there is to do. A round in which that is nothing has ended well with this. The next one is then, or when the next job's
 * time comes. $3: grace of running jobs in ms; $4 to $5: the pages of `jobs` that are looked at for strays.
 */
export const takeTick: Statement<Tick> = tick('take-tick', workIn);

/** The same without a look ($1, $2), for when that fails: one kind of work that cannot be looked for must not keep the others from being done. */
export const takeTickBlindly: Statement<Tick> = tick('take-tick-blindly', () => sql`null::text[]`);

/** Notes that the round of a tick ($1) ended well. */
export const endTick: Statement<Record<string, never>> = statement(
  'end-tick',
  (t) => sql`update ${t.ticks} set last_ok_at = ${t.now} where name = $1`,
);
