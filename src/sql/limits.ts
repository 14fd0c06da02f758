/** Limits: their amounts, and how much of each is used. */
import { type Names, type Sql, type Statement, sql, statement } from './sql.ts';

/** A limit with its amounts. */
export interface LimitRow {
  readonly name: string;
  readonly running: number | null;
  readonly rate_count: number | null;
  readonly rate_ms: string | null;
  readonly set_by: string | null;
  readonly updated_at: Date;
}

const LIMIT: Sql = sql`l.name, l.running, l.rate_count, l.rate_ms::text, l.set_by, l.updated_at`;

/** Sets the amounts of a limit ($1): $2 running, $3 and $4 the rate, $5 by whom; they stay, whatever the code says. */
export const setLimit: Statement<LimitRow> = statement(
  'set-limit',
  (t) => sql`
  insert into ${t.limits} as l (name, running, rate_count, rate_ms, set_by, updated_at)
  values ($1, $2::integer, $3::integer, $4::bigint, $5, ${t.now})
  on conflict (name) do update set running = excluded.running, rate_count = excluded.rate_count, rate_ms = excluded.rate_ms,
    set_by = excluded.set_by, updated_at = excluded.updated_at
  returning ${LIMIT}`,
);

/** Limits ($1: one name, or null for all) behind the name $2, at most $3. */
export const listLimits: Statement<LimitRow> = statement(
  'list-limits',
  (t) =>
    sql`select ${LIMIT} from ${t.limits} l where ($1::text is null or l.name = $1) and l.name > $2 order by l.name limit $3`,
);

/** Deletes a limit ($1) that no live job counts at. */
export const deleteLimit: Statement<{ name: string }> = statement(
  'delete-limit',
  (t) => sql`
  delete from ${t.limits} l where l.name = $1 and not exists (select from ${usedKeys(t, sql`l.name`)} u) returning l.name`,
);

/** The range of keys of one limit: its name, and its name with "#" and a key behind it. */
const usedKeys = (t: Names, name: Sql): Sql => sql`(
    select j.limit_key from ${t.jobs} j where j.limit_key = ${name} or (j.limit_key >= ${name} || '#' and j.limit_key < ${name} || '$') limit 1)`;

/** How many jobs count at each key of a limit ($1), the fullest lines first, at most $2. */
export const countKeys: Statement<{
  key: string;
  running: number;
  queued: number;
  waiting: number;
}> = statement(
  'count-keys',
  (t) => sql`
  select j.limit_key as key, count(*) filter (where j.worker_id is not null)::integer as running,
    count(*) filter (where j.waits_for is null and j.worker_id is null)::integer as queued,
    count(*) filter (where j.waits_for = 'limit')::integer as waiting
  from ${t.jobs} j where j.limit_key = $1 or (j.limit_key >= $1 || '#' and j.limit_key < $1 || '$')
  group by j.limit_key order by 4 desc, 2 desc, 1 limit $2`,
);

/** The keys of a limit ($1) at which jobs wait. */
export const waitingKeysOf: Statement<{ key: string }> = statement(
  'waiting-keys-of',
  (t) => sql`
  select distinct j.limit_key as key from ${t.jobs} j
  where j.waits_for = 'limit' and (j.limit_key = $1 or (j.limit_key >= $1 || '#' and j.limit_key < $1 || '$')) limit 10000`,
);
