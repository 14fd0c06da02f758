/** Executions: how the work of a fan-out stands, cell by cell. */
import { unstuckError } from '../domain/errors.ts';
import { type Axes, axisOf, cellOf, type ExecutionState } from '../domain/executions.ts';
import type { JobError } from '../domain/job.ts';
import { checkCount } from '../domain/job-filter.ts';
import { parseJobId } from '../domain/job-id.ts';
import { countByPlace, countByState, listExecutions, readPlan } from '../sql/executions.ts';
import { shown } from '../std/shown.ts';
import type { Database } from '../storage/database.ts';
import { readError } from '../storage/rows.ts';

/** The work of a fan-out as a whole. */
export interface FanOut {
  readonly parentId: string;
  /** The lists whose combinations are the cells. */
  readonly axes: Axes;
  readonly expected: number;
  /** The share that must complete; 0 means any one. */
  readonly success: number;
  /** How many executions are in each state; each of the seven is named. */
  readonly counts: Readonly<Record<ExecutionState, number>>;
}

/** One planned execution. */
export interface Cell {
  readonly ordinal: number;
  /** The combination, or the item, of the plan. */
  readonly cell: unknown;
  readonly state: ExecutionState;
  /** The job of the execution; null when it is missing. */
  readonly jobId: string | null;
  readonly attempt: number;
  readonly waitsFor: string | null;
  readonly progress: number | null;
  readonly error: JobError | null;
}

/** The work of a fan-out by the values of one or two of its axes. */
export interface Matrix {
  readonly parentId: string;
  readonly rows: MatrixAxis;
  /** Null when only one axis was asked for: then there is one column, 0. */
  readonly cols: MatrixAxis | null;
  /** In the order of rows, then columns. What the other axes add is counted together. */
  readonly cells: readonly MatrixCell[];
}

/** An axis of a matrix: its name in the plan, and its values in their order. */
export interface MatrixAxis {
  readonly axis: string;
  readonly values: readonly unknown[];
}

/** How many executions of one row and column are in each state. */
export interface MatrixCell {
  /** The place in `rows.values`. */
  readonly row: number;
  /** The place in `cols.values`. */
  readonly col: number;
  readonly counts: FanOut['counts'];
}

const NONE: FanOut['counts'] = {
  missing: 0,
  pending: 0,
  queued: 0,
  running: 0,
  completed: 0,
  failed: 0,
  cancelled: 0,
};
const ORDINAL_MAX = 1_000_000;
const MATRIX_MAX = 10_000;

/** The executions of an installation's fan-outs. */
export class Executions {
  #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Returns how the work of a parent stands; undefined when it has planned none (yet). Throws JOB_ID_INVALID. */
  async get(parentId: string): Promise<FanOut | undefined> {
    const id = parseJobId(parentId);
    const [plan] = await this.#database.run(readPlan, [id]);
    if (plan === undefined) return undefined;
    const rows = await this.#database.run(countByState, [id]);
    const counts = {
      ...NONE,
      ...Object.fromEntries(rows.map(({ state, count }) => [state, count])),
    };
    const { expected, success } = plan;
    return { parentId: id, axes: plan.axes as Axes, expected, success, counts };
  }

  /**
   * Returns how the work of a parent stands by the values of one axis or two, at most 10,000 cells; undefined when it has planned none (yet). Throws
   * JOB_ID_INVALID, and REQUEST_INVALID for an axis that the plan does not have, the same one twice, or more cells.
   */
  async matrix(
    parentId: string,
    { rows, cols }: { readonly rows: string; readonly cols?: string },
  ): Promise<Matrix | undefined> {
    const id = parseJobId(parentId);
    const [plan] = await this.#database.run(readPlan, [id]);
    if (plan === undefined) return undefined;
    const axes = plan.axes as Axes;
    const row = checkAxis(axes, 'rows', rows);
    const col = cols === undefined ? { stride: 1, length: 1 } : checkAxis(axes, 'cols', cols);
    if (rows === cols) throw invalid('cols to be another axis than rows', cols);
    if (row.length * col.length > MATRIX_MAX)
      throw invalid('rows and cols to have at most 10,000 cells', row.length * col.length);
    const values = [id, row.stride, row.length, col.stride, col.length];
    const counted = plan.expected === 0 ? [] : await this.#database.run(countByPlace, values);
    const cells = new Map<number, MatrixCell>();
    for (const { row_place: at, col_place: across, state, count } of counted) {
      const place = at * col.length + across;
      const { counts = NONE } = cells.get(place) ?? {};
      cells.set(place, { row: at, col: across, counts: { ...counts, [state]: count } });
    }
    return {
      parentId: id,
      rows: { axis: rows, values: axes[rows] ?? [] },
      cols: cols === undefined ? null : { axis: cols, values: axes[cols] ?? [] },
      cells: [...cells.values()],
    };
  }

  /**
   * Returns executions in the order of the plan: at most `limit` (1 to 1,000, default 100) behind the ordinal `after`, of one state or any. Throws
   * JOB_ID_INVALID or REQUEST_INVALID.
   */
  async list(
    parentId: string,
    page: {
      readonly state?: ExecutionState;
      readonly after?: number;
      readonly limit?: number;
    } = {},
  ): Promise<Cell[]> {
    const { state = null, after = -1, limit = 100 } = page;
    checkCount('limit', limit);
    if (!Number.isInteger(after) || after < -1 || after > ORDINAL_MAX)
      throw invalid('after to be the ordinal of an execution, a whole number', after);
    if (state !== null && !Object.hasOwn(NONE, state))
      throw invalid(`state to be one of ${Object.keys(NONE).join(', ')}`, state);
    const id = parseJobId(parentId);
    const [plan] = await this.#database.run(readPlan, [id]);
    const rows = await this.#database.run(listExecutions, [id, after, limit, state]);
    return rows.map((row) => ({
      ordinal: row.ordinal,
      cell: cellOf(plan?.axes as Axes, row.ordinal),
      state: row.state as ExecutionState,
      jobId: row.job_id,
      attempt: row.attempt,
      waitsFor: row.waits_for,
      progress: row.progress,
      error: row.error === null ? null : readError(row.error),
    }));
  }
}

function checkAxis(
  axes: Axes,
  what: string,
  name: string,
): { readonly stride: number; readonly length: number } {
  const axis = axisOf(axes, name);
  if (axis !== undefined) return axis;
  const names = Object.keys(axes).map((one) => one.slice(0, 80));
  throw invalid(`${what} to be an axis of the plan (${names.slice(0, 20).join(', ')})`, name);
}

function invalid(wanted: string, got: unknown): Error {
  return unstuckError('REQUEST_INVALID', `Expected ${wanted}, got ${shown(got)}.`);
}
