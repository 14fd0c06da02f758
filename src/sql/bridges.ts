/** Bridges: how each Redis list stood when it was last looked at, and who looks next. */
import { inUtc, type Names, raw, type Sql, type Statement, sql, statement } from './sql.ts';

/** A row of `bridges`. */
export interface BridgeRow {
  readonly name: string;
  readonly list: string;
  readonly dead_list: string;
  readonly take_from: string;
  readonly address: string;
  readonly late_ms: string;
  readonly state: string;
  readonly last_error: string | null;
  readonly away_at: Date | null;
  readonly looked_at: Date | null;
  readonly next_look: Date;
  readonly waiting: string;
  readonly waiting_oldest_at: Date | null;
  readonly waiting_growth: number | null;
  readonly processing: string;
  readonly processing_oldest_at: Date | null;
  readonly processing_growth: number | null;
  readonly dead: string;
  readonly dead_oldest_at: Date | null;
  readonly dead_growth: number | null;
  readonly taken_times: string;
  readonly lost_look_at: Date | null;
  readonly lost_times: string;
  readonly lost_ids: string[];
  readonly created_at: Date;
  readonly updated_at: Date;
}

/** Only a row that says something else is written. */
const SETTINGS: Sql = sql`list = excluded.list, dead_list = excluded.dead_list, take_from = excluded.take_from, address = excluded.address, every_ms = excluded.every_ms,
    late_ms = excluded.late_ms`;

/** Stores the settings of a bridge: $1 name, $2 list, $3 dead list, $4 address, $5 ms between two looks, $6 ms until a message is late, $7 end. */
export const registerBridge: Statement<{ name: string }> = statement(
  'register-bridge',
  (t) => sql`
  insert into ${t.bridges} as b (name, list, dead_list, address, every_ms, late_ms, take_from, next_look, created_at, updated_at)
  values ($1, $2, $3, $4, $5::bigint, $6::bigint, $7, ${t.now}, ${t.now}, ${t.now})
  on conflict (name) do update set ${SETTINGS}, updated_at = ${t.now}
  where (b.list, b.dead_list, b.take_from, b.address, b.every_ms, b.late_ms)
    is distinct from (excluded.list, excluded.dead_list, excluded.take_from, excluded.address, excluded.every_ms, excluded.late_ms)
  returning b.name`,
);

/**
 * Takes the next look at a bridge ($1 to $7 as above) when it is due, or lies absurdly far ahead because a clock jumped; one that somebody has
 * deleted is there again. `seek`: whether lost messages have not been looked for in $8 ms (null: never are), and that is noted.
 */
export const takeBridgeLook: Statement<{ seek: boolean }> = statement(
  'take-bridge-look',
  (t) => sql`
  insert into ${t.bridges} as b (name, list, dead_list, address, every_ms, late_ms, take_from, next_look, created_at, updated_at)
  values ($1, $2, $3, $4, $5::bigint, $6::bigint, $7, ${t.now} + $5::bigint * interval '1 ms', ${t.now}, ${t.now})
  on conflict (name) do update set ${SETTINGS}, next_look = excluded.next_look,
    lost_look_at = case when $8::bigint is not null and (b.lost_look_at is null or b.lost_look_at <= ${t.now} - $8::bigint * interval '1 ms') then ${t.now} else b.lost_look_at end
  where b.next_look <= ${t.now} or b.next_look > ${t.now} + 2 * $5::bigint * interval '1 ms'
  returning $8::bigint is not null and coalesce(b.lost_look_at = ${t.now}, false) as seek`,
);

/** When the oldest message of a list was sent: what it says itself ($at, ms since 1970), else since when it has been seen to be the oldest. */
const oldestAt = (t: Names, list: string, length: string, at: string, same: string): Sql =>
  raw(`case when ${length}::bigint = 0 then null
      when ${at}::float8 is not null then least(to_timestamp(${at}::float8 / 1000), ${t.now.text})
      when ${same} then coalesce(b.${list}_oldest_at, ${t.now.text}) else ${t.now.text} end`);

/** By how much a list grows in a minute: measured anew when the base is a minute old. */
const growth = (t: Names, list: string, length: string): Sql =>
  raw(`case when b.base_at <= ${t.now.text} - interval '1 minute'
      then (${length}::bigint - b.base_${list}) / (extract(epoch from ${t.now.text} - b.base_at)::float8 / 60) else b.${list}_growth end`);

const based = (t: Names, list: string, length: string): Sql =>
  raw(
    `case when b.base_at > ${t.now.text} - interval '1 minute' then b.base_${list} else ${length}::bigint end`,
  );

/**
 * Stores what a look has found: $1 name; lengths of the list $2, of what is being processed $3, of the dead list $4; the mark of the list's oldest message $5 and when it
 * was sent $6; when the oldest of the processed was taken $7; the mark of the oldest dead one $8 and since when it is dead $9; how many
 * have ever been taken $10. Times in ms since 1970, null when unknown.
 */
export const storeBridgeLook: Statement<{ name: string }> = statement(
  'store-bridge-look',
  (t) => sql`
  update ${t.bridges} b set state = 'up', last_error = null, away_at = null, looked_at = ${t.now}, waiting = $2::bigint, processing = $3::bigint,
    dead = $4::bigint, head_mark = $5::text, dead_mark = $8::text, taken_times = $10::bigint,
    waiting_oldest_at = ${oldestAt(t, 'waiting', '$2', '$6', 'b.head_mark = $5::text and b.taken_times = $10::bigint')},
    processing_oldest_at = ${oldestAt(t, 'processing', '$3', '$7', 'b.processing > 0')},
    dead_oldest_at = ${oldestAt(t, 'dead', '$4', '$9', 'b.dead_mark = $8::text')},
    waiting_growth = ${growth(t, 'waiting', '$2')}, processing_growth = ${growth(t, 'processing', '$3')}, dead_growth = ${growth(t, 'dead', '$4')},
    base_waiting = ${based(t, 'waiting', '$2')}, base_processing = ${based(t, 'processing', '$3')}, base_dead = ${based(t, 'dead', '$4')},
    base_at = case when b.base_at > ${t.now} - interval '1 minute' then b.base_at else ${t.now} end, updated_at = ${t.now}
  where b.name = $1 returning b.name`,
);

/** Notes that the Redis of a bridge ($1) could not be asked, and why ($2); what was last measured stays. */
export const storeBridgeAway: Statement<{ name: string }> = statement(
  'store-bridge-away',
  (t) => sql`
  update ${t.bridges} b set state = 'away', last_error = $2, away_at = coalesce(b.away_at, ${t.now}), updated_at = ${t.now}
  where b.name = $1 returning b.name`,
);

/** Adds lost messages that were found and sent: $1 name, $2 their ids. The latest 20 are named. */
export const noteBridgeLost: Statement<{ name: string }> = statement(
  'note-bridge-lost',
  (t) => sql`
  update ${t.bridges} b set lost_times = b.lost_times + cardinality($2::text[]), lost_ids = ($2::text[] || b.lost_ids)[1:20], updated_at = ${t.now}
  where b.name = $1 returning b.name`,
);

const COLUMNS: Sql = sql`b.name, b.list, b.dead_list, b.take_from, b.address, b.late_ms::text, b.state, b.last_error, b.away_at, b.looked_at, b.next_look,
    b.waiting::text, b.waiting_oldest_at, b.waiting_growth, b.processing::text, b.processing_oldest_at, b.processing_growth,
    b.dead::text, b.dead_oldest_at, b.dead_growth, b.taken_times::text, b.lost_look_at, b.lost_times::text, b.lost_ids, b.created_at, b.updated_at`;

/** One bridge ($1). */
export const findBridge: Statement<BridgeRow> = statement(
  'find-bridge',
  (t) => sql`select ${COLUMNS} from ${t.bridges} b where b.name = $1`,
);

/** Bridges behind the name $1, at most $2. */
export const listBridges: Statement<BridgeRow> = statement(
  'list-bridges',
  (t) => sql`select ${COLUMNS} from ${t.bridges} b where b.name > $1 order by b.name limit $2`,
);

/** Deletes a bridge ($1); a process that runs it brings it back. */
export const deleteBridge: Statement<{ name: string }> = statement(
  'delete-bridge',
  (t) => sql`delete from ${t.bridges} b where b.name = $1 returning b.name`,
);

/** Looks that are overdue by more than this are those of a bridge that no process runs. */
export const LOOK_GRACE: Sql = sql`interval '15 seconds'`;

/** Bridges that nobody runs, whose Redis is away, or whose messages nobody takes: at most 200, in the shape of late groups. */
export const lateBridges = (t: Names): Sql => sql`
  (select 'bridge', b.name, greatest(b.waiting, 1)::text, case when b.next_look < ${t.now} - ${LOOK_GRACE} then b.next_look
      when b.state = 'away' then b.away_at else b.waiting_oldest_at end, 0, 0, 0,
    case when b.next_look < ${t.now} - ${LOOK_GRACE} then concat('no process has looked at it since ', ${inUtc(sql`b.next_look`)})
      when b.state = 'away' then concat('Redis has been away since ', ${inUtc(sql`b.away_at`)}, ': ', b.last_error) end
  from ${t.bridges} b
  where b.next_look < ${t.now} - ${LOOK_GRACE} or b.state = 'away' or b.waiting_oldest_at < ${t.now} - b.late_ms * interval '1 ms'
  order by b.name limit 200)`;
