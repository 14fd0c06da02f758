/** Executions: how the work of a fan-out stands, cell by cell. */
import { unstuckError } from '../domain/errors.ts';
import { type Axes, cellOf, type ExecutionState } from '../domain/executions.ts';
import type { JobError } from '../domain/job.ts';
import { checkCount } from '../domain/job-filter.ts';
import { parseJobId } from '../domain/job-id.ts';
import { countByState, listExecutions, readPlan } from '../sql/executions.ts';
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
      throw unstuckError(
        'REQUEST_INVALID',
        `Expected after to be the ordinal of an execution, a whole number, got ${shown(after)}.`,
      );
    if (state !== null && !Object.hasOwn(NONE, state))
      throw unstuckError(
        'REQUEST_INVALID',
        `Expected state to be one of ${Object.keys(NONE).join(', ')}, got ${shown(state)}.`,
      );
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
