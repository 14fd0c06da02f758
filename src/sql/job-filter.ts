/**
 * Job filter: jobs that fit conditions, live and finished, in the order of their ids. Both are read through one view in one order, so that a page is
 * full as soon as enough rows fit; what cannot fit (live jobs, other outcomes, other days) is not read at all.
 */
import { columns, type JobRow } from './inspect.ts';
import { type Names, type Sql, type Statement, sql, statement } from './sql.ts';

/**
 * The conditions: $1 to $6 the states, $7 whether live jobs fit, $8 whether finished ones do, $9 and $10 bounds of `finished_at` (the end not
 * included), $11 type, $12 queue, $13 tag, $14 key, $15 error code, $16 late, $17 and $18 bounds of `created_at` (the end not included), $19 the
 * limit of rows, $20 ids. A condition from $11 on that is not asked is null. A list of parameters lets the partitions of other outcomes be left
 * out when the statement is run (an array as one parameter does not), and of live rows `finished_at` is a constant: those conditions are
 * decided before a row is read.
 */
const fits = (
  t: Names,
): Sql => sql`v.state in ($1::text, $2::text, $3::text, $4::text, $5::text, $6::text)
    and ($7::boolean or v.finished_at is not null) and ($8::boolean or v.finished_at is null)
    and (v.finished_at is null or v.finished_at >= $9::timestamptz) and (v.finished_at is null or v.finished_at < $10::timestamptz)
    and ($11::text is null or v.type = $11)
    and ($12::text is null or v.type in (select y.type from ${t.jobTypes} y where y.queue = $12))
    and ($13::text is null or $13 = any(v.tags)) and ($14::text is null or v.key = $14)
    and ($15::text is null or v.error ->> 'code' = $15) and (not $16::boolean or v.deadline < ${t.now})
    and ($17::timestamptz is null or v.created_at >= $17) and ($18::timestamptz is null or v.created_at < $18)`;

/** By their ids jobs are found in the index; the same condition beside "or there are none" would walk through everything. */
const AMONG = sql`and v.id = any($20::uuid[])`;
const ANY = sql``;

/** A job of a page, and how many there would be if all were small. */
export type ListedRow = JobRow & { readonly found: number };

/** What the inputs and results of a page hold at most, in bytes as JSON, beside those of its first job: a thousand of 2 MiB would be more than a text can hold. */
const PAGE_BYTES = sql`16777216`;

const size = sql`octet_length(v.input::text) + coalesce(octet_length(v.result::text), 0)`;

const listed = (name: string, also: Sql): Statement<ListedRow> =>
  statement(
    name,
    (t) => sql`
  select p.* from (
    select ${columns(t)}, v.late, count(*) over ()::integer as found, row_number() over page as place, sum(${size}) over page as bytes
    from (
      select v.*, coalesce(v.deadline < ${t.now}, false) as late from ${t.allJobs} v
      where ${fits(t)} ${also} order by v.id desc limit $19) v
    window page as (order by v.id desc rows unbounded preceding)) p
  where p.place = 1 or p.bytes <= ${PAGE_BYTES} order by p.place`,
  );

/** Jobs, newest first: $1 to $19 as above, $20 the id before which to go on. It must always be one: then it is looked up in the index. */
export const listJobs: Statement<ListedRow> = listed('list-jobs', sql`and v.id < $20::uuid`);

/** The same of jobs that are named: $20 their ids, $21 the id before which to go on. */
export const listNamedJobs: Statement<ListedRow> = listed(
  'list-named-jobs',
  sql`${AMONG} and v.id < $21::uuid`,
);

/** A job as a change of many sees it. */
export interface SelectedRow {
  readonly id: string;
  readonly state: string;
  readonly finished_at: Date | null;
}

const selected = (name: string, also: Sql): Statement<SelectedRow> =>
  statement(
    name,
    (t) => sql`
  select v.id, v.state, v.finished_at from ${t.allJobs} v where ${fits(t)} ${also} order by v.id limit $19`,
  );

/** Jobs in the order of their ids: $1 to $19 as above, $20 the id after which to go on. */
export const selectJobs: Statement<SelectedRow> = selected(
  'select-jobs',
  sql`and v.id > $20::uuid`,
);

/** The same of jobs that are named: $20 their ids, $21 the id after which to go on. */
export const selectNamedJobs: Statement<SelectedRow> = selected(
  'select-named-jobs',
  sql`${AMONG} and v.id > $21::uuid`,
);

const counted = (name: string, also: Sql): Statement<{ count: number }> =>
  statement(
    name,
    (t) => sql`
  select count(*)::integer as count from (select from ${t.allJobs} v where ${fits(t)} ${also} limit $19) as fitting`,
  );

/** How many jobs fit, at most the limit: $1 to $19 as above. */
export const countJobs: Statement<{ count: number }> = counted('count-jobs', ANY);

/** The same of jobs that are named: $20 their ids. */
export const countNamedJobs: Statement<{ count: number }> = counted('count-named-jobs', AMONG);

/** The states of jobs that exist, of a list of ids ($1). One snapshot: a job that moves meanwhile is seen exactly once. */
export const findStates: Statement<SelectedRow> = statement(
  'find-states',
  (t) =>
    sql`select v.id, v.state, v.finished_at from ${t.allJobs} v where v.id = any($1::uuid[]) order by v.id`,
);
