/** Executions: the plan of a fan-out, which of its executions are missing, and how each stands. */
import { stateOfRow } from './guards.ts';
import { type Names, type Sql, type Statement, sql, statement } from './sql.ts';

/** The plan of a parent as it is stored. */
export interface PlanRow {
  readonly axes: unknown;
  readonly expected: number;
  readonly success: number;
  /** Whether the time by which it is to end has come. */
  readonly over: boolean;
}

const PLAN: Sql = sql`f.axes, f.expected, f.success`;

/** Reads the plan of a parent ($1). */
export const readPlan: Statement<PlanRow> = statement(
  'read-plan',
  (t) =>
    sql`select ${PLAN}, (f.finish_at <= ${t.now}) is true as over from ${t.fanOuts} f where f.parent_id = $1`,
);

/**
 * Stores the plan of a parent ($1) that worker $2 runs under the token $3: $4 type of the executions, $5 axes, $6 how many, $7 the share that must
 * complete, $8 ms until it ends with what it has, or null. The first plan stays. No row: the attempt is not ours any more.
 */
export const storePlan: Statement<PlanRow> = statement(
  'store-plan',
  (t) => sql`
  with held as materialized (
    select j.id from ${t.jobs} j where j.id = $1 and j.lane = 0 and j.worker_id = $2 and j.token = $3 for update
  )
  insert into ${t.fanOuts} as f (parent_id, child_type, axes, expected, success, finish_at, created_at)
  select h.id, $4, $5::text::json, $6::integer, $7::double precision, ${t.now} + $8::bigint * interval '1 ms', ${t.now} from held h
  on conflict (parent_id) do update set child_type = f.child_type
  returning ${PLAN}, (f.finish_at <= ${t.now}) is true as over`,
);

/** Ordinals ($2 at most) of a parent ($1) that are planned and neither live nor ended. */
export const findMissing: Statement<{ ordinal: number }> = statement(
  'find-missing',
  (t) => sql`
  select o.ordinal from ${t.fanOuts} f cross join lateral generate_series(0, f.expected - 1) as o (ordinal)
  where f.parent_id = $1 and not exists (select from ${t.jobs} j where j.parent_id = $1 and j.ordinal = o.ordinal)
    and not exists (select from ${t.executions} e where e.parent_id = $1 and e.ordinal = o.ordinal)
  order by o.ordinal limit $2`,
);

/** How many executions of a parent ($1) are live, and how many have ended in each state. */
export const countExecutions: Statement<{ state: string; count: number }> = statement(
  'count-executions',
  (t) => sql`
  select 'live' as state, count(*)::integer as count from ${t.jobs} j where j.parent_id = $1
  union all
  select e.state, count(*)::integer from ${t.executions} e where e.parent_id = $1 group by e.state`,
);

/** An execution that has ended. */
export interface EndedRow {
  readonly ordinal: number;
  readonly child_id: string;
  readonly state: 'completed' | 'failed' | 'cancelled';
  readonly result: unknown;
  readonly error: unknown;
}

/** The executions of a parent ($1) that have ended, behind the ordinal $2, at most $3. */
export const readEnded: Statement<EndedRow> = statement(
  'read-ended',
  (t) => sql`
  select e.ordinal, e.child_id::text, e.state, e.result, e.error from ${t.executions} e
  where e.parent_id = $1 and e.ordinal > $2 order by e.ordinal limit $3`,
);

/** How one planned execution stands. */
export interface ExecutionRow {
  readonly ordinal: number;
  readonly state: string;
  readonly job_id: string | null;
  readonly attempt: number;
  readonly waits_for: string | null;
  readonly progress: number | null;
  readonly error: unknown;
}

const executionRows = (t: Names): Sql => sql`
  select o.ordinal, coalesce(l.state, e.state, 'missing') as state, coalesce(l.id, e.child_id)::text as job_id,
    coalesce(l.attempt, e.attempt, 0) as attempt, l.waits_for, l.progress, coalesce(l.error, e.error) as error
  from ${t.fanOuts} f cross join lateral generate_series(0, f.expected - 1) as o (ordinal)
  left join lateral (select j.id, ${stateOfRow} as state, j.attempt, j.waits_for, j.progress, j.error
    from ${t.jobs} j where j.parent_id = f.parent_id and j.ordinal = o.ordinal) l on true
  left join ${t.executions} e on e.parent_id = f.parent_id and e.ordinal = o.ordinal and l.id is null
  where f.parent_id = $1`;

/** Every planned execution of a parent ($1) behind the ordinal $2, at most $3, of one state ($4) or any (null). */
export const listExecutions: Statement<ExecutionRow> = statement(
  'list-executions',
  (t) => sql`
  select r.* from (${executionRows(t)}) r where r.ordinal > $2 and ($4::text is null or r.state = $4) order by r.ordinal limit $3`,
);

/**
 * The planned executions of a parent ($1) counted by state and by their places on two axes: of each axis how many executions share one place in a
 * row ($2, $4), and how many places it has ($3, $5).
 */
export const countByPlace: Statement<{
  row_place: number;
  col_place: number;
  state: string;
  count: number;
}> = statement(
  'count-by-place',
  (t) => sql`
  select (r.ordinal / $2::integer) % $3::integer as row_place, (r.ordinal / $4::integer) % $5::integer as col_place, r.state, count(*)::integer as count
  from (${executionRows(t)}) r group by 1, 2, 3 order by 1, 2, 3`,
);

/** The planned executions of a parent ($1) counted by state: missing, pending, queued, running, completed, failed, cancelled. */
export const countByState: Statement<{ state: string; count: number }> = statement(
  'count-by-state',
  (t) =>
    sql`select r.state, count(*)::integer as count from (${executionRows(t)}) r group by r.state order by r.state`,
);
