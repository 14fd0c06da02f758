/** Row mover: applies what moves late rows to a batch of them, of which one that fails keeps no other from being moved. */
import type { Log } from '../domain/log.ts';
import type { Statement } from '../sql/sql.ts';
import { countRowError, quarantine, type SweptRow } from '../sql/sweep.ts';
import type { Database, Executor } from '../storage/database.ts';
import { makePartitions } from '../storage/partitions.ts';
import { codeOf, isPartitionMissing, isTransient } from '../storage/postgres-errors.ts';

/** What moves rows. */
export interface Applied<Row extends SweptRow> {
  readonly name: string;
  /** $1: ids; it checks again whether they are to be moved. */
  readonly apply: Statement<Row>;
  /** The values of `apply` after $1. */
  readonly applyValues: readonly unknown[];
}

/** How long the statements of one batch took. */
export interface Pace {
  /** Whether any of them ran out of time. */
  late: boolean;
  /** How many single rows did. */
  slowRows: number;
}

const SAME_ERRORS_MAX = 3;
/** Rows that each took too long by themselves: with so many in one batch it is the database that is slow. */
const SLOW_ROWS_MAX = 2;

/** Moves rows, and sets those aside that cannot be moved. */
export class RowMover {
  #database: Database;
  #log: Log;

  constructor(database: Database, log: Log) {
    this.#database = database;
    this.#log = log;
  }

  /**
   * Halves a batch that fails down to the row that makes it fail: one bad row never stops the healer (E7). All on one connection: the
   * locks of a failed batch are gone before its next statement runs, or the halves would skip each other's rows.
   */
  apply<Row extends SweptRow>(
    task: Applied<Row>,
    ids: readonly string[],
    pace: Pace = { late: false, slowRows: 0 },
  ): Promise<(Row | SweptRow)[]> {
    return this.#database.hold((on) => this.#applyOn(on, task, ids, pace));
  }

  async #applyOn<Row extends SweptRow>(
    on: Executor,
    task: Applied<Row>,
    ids: readonly string[],
    pace: Pace,
  ): Promise<(Row | SweptRow)[]> {
    try {
      return await this.#database.run(task.apply, [ids, ...task.applyValues], on);
    } catch (error) {
      if (isPartitionMissing(error)) await makePartitions(this.#database);
      const late = codeOf(error) === '57014';
      if (!late && isTransient(error)) throw error;
      if (late) pace.late = true;
      if (late && ids.length === 1) pace.slowRows += 1;
      if (ids.length === 1) return this.#blame(task.name, ids[0] as string, error);
      const half = Math.ceil(ids.length / 2);
      const first = await this.#applyOn(on, task, ids.slice(0, half), pace);
      // The rest would take as long, row by row: it waits for the next round.
      if (pace.slowRows >= SLOW_ROWS_MAX) return first;
      return [...first, ...(await this.#applyOn(on, task, ids.slice(half), pace))];
    }
  }

  /** Three equal errors on one row: it is set aside as failed, with the error, and reported. */
  async #blame(task: string, id: string, error: unknown): Promise<SweptRow[]> {
    const message = (error as Error).message.slice(0, 1_000);
    const [counted] = await this.#database.run(countRowError, [id, task, codeOf(error), message]);
    this.#log.error('sweep_row_failed', { job: id, task, error, count: counted?.count });
    if ((counted?.count ?? 0) < SAME_ERRORS_MAX) return [];
    const stored = {
      code: 'JOB_QUARANTINED',
      name: 'UnstuckError',
      message: `The sweep (${task}) failed ${SAME_ERRORS_MAX} times on this job: ${message}`,
    };
    try {
      return await this.#database.run(quarantine, [id, JSON.stringify(stored)]);
    } catch (refusal) {
      // Not even that can be stored: the row stays, is tried in every round, and is late until somebody mends what refuses it.
      this.#log.error('quarantine_refused', { job: id, task, error: refusal });
      return [];
    }
  }
}
