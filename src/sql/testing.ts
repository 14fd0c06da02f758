/** Testing: moves the clock that every statement reads, so that tests do not wait. */
import { type Names, raw, type Sql, type Statement, sql, statement } from './sql.ts';

/** By how many ms the installation's clock is ahead of the server's. */
export const readClockOffset: Statement<{ ms: number }> = statement(
  'read-clock-offset',
  (t) => sql`select (extract(epoch from ${t.now} - statement_timestamp()) * 1000)::float8 as ms`,
);

/** Sets by how many ms the clock is ahead, for every session at once; 0 makes it the server's again. */
export function setClockOffset(t: Names, ms: number): Sql {
  const offset = ms === 0 ? '' : ` + interval '${Math.round(ms)} milliseconds'`;
  return raw(
    `create or replace function ${t.now.text} returns timestamptz language sql stable parallel safe as $$ select statement_timestamp()${offset} $$`,
  );
}
