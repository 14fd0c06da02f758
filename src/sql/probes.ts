/**
 * Probes: how statements reach rows of `jobs` by their ids, one index probe for each. Written as a plain join the planner chose by what it
 * believed of the table, and with statistics from a quieter hour it walked the whole backlog for a batch of 20 (a million jobs: 700,000
 * pages instead of 300). These forms leave it no choice, also where its settings cannot be pinned (behind a pooler).
 */
import { type Names, type Sql, sql } from './sql.ts';

/** Limits an UPDATE or DELETE of `jobs j` to the rows of a list of ids (a query of one column), beside whatever joins it. */
export const among = (ids: Sql): Sql => sql`j.id = any (array(${ids}))`;

/** Joins rows of `jobs` as `j` to what stands before it: `where` names the id. `offset 0` keeps it from becoming a plain join. */
export const eachJob = (t: Names, columns: Sql, where: Sql): Sql =>
  sql`cross join lateral (select ${columns} from ${t.jobs} j where ${where} offset 0) j`;

/** Whether a row of `jobs j` exists, asked once per row of what stands before it. */
export const hasJob = (t: Names, where: Sql): Sql =>
  sql`exists (select from ${t.jobs} j where ${where} offset 0)`;
