/** Pools: how many jobs of a publisher, a customer, a licence may be live at once; each holds a slot from its enqueue to its end. */
import { unstuckError } from '../domain/errors.ts';
import { checkCount } from '../domain/job-filter.ts';
import { refuseUnknown } from '../domain/known-options.ts';
import { checkPool } from '../domain/slots.ts';
import {
  checkPools,
  deletePool,
  listPools,
  type PoolProblemRow,
  type PoolRow,
  readPool,
  restorePool,
  setPool,
} from '../sql/pools.ts';
import { shown } from '../std/shown.ts';
import type { Database } from '../storage/database.ts';
import { concernedBy, letOn } from '../storage/links.ts';

/** A pool as it is now. */
export interface Pool {
  readonly key: string;
  readonly capacity: number;
  /** Live jobs that hold a slot: counted, so it cannot drift. More than `capacity` after that was lowered; then it drains. */
  readonly reserved: number;
  /** Jobs that wait for a slot. */
  readonly waiting: number;
  /** Jobs that have completed, since the pool was made. */
  readonly processed: number;
  /** The job that has been live for longest among those that hold a slot. */
  readonly oldest: {
    readonly id: string;
    readonly type: string;
    readonly state: string;
    readonly since: Date;
  } | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** What does not fit together in a pool, because somebody has edited rows. */
export interface PoolProblem {
  readonly key: string;
  /** `missing`: live jobs name it, but it is gone; `over`: more holders than capacity (it drains); `room`: jobs wait although there is room. */
  readonly problem: 'missing' | 'over' | 'room';
  readonly capacity: number | null;
  readonly reserved: number;
  readonly waiting: number;
  /** What the repair did about it; null for a check, and where nothing is to be done. */
  readonly repaired: string | null;
}

const CAPACITY_MAX = 1_000_000;
/** An enqueue that was under way, and that has come to nothing, keeps a pool from being deleted once. */
const DELETE_ROUNDS = 3;

/** The pools of an installation. */
export class Pools {
  #database: Database;
  #onReady: (types: ReadonlySet<string>) => void;

  constructor(database: Database, onReady: (types: ReadonlySet<string>) => void) {
    this.#database = database;
    this.#onReady = onReady;
  }

  /**
   * Sets how many slots a pool has, from 0 to 1,000,000, and makes it when it is missing. More slots let waiting jobs in; fewer end nobody: the
   * pool drains. Throws POOL_INVALID or OPTION_UNKNOWN.
   */
  async set(key: string, options: { readonly capacity: number }): Promise<Pool> {
    checkPool(key, 'pools.set');
    refuseUnknown(options, ['capacity'], `pool ${key}`);
    const capacity: unknown = options?.capacity;
    if (!isCapacity(capacity))
      throw unstuckError(
        'POOL_INVALID',
        `Expected the capacity of pool ${shown(key)} to be a whole number from 0 to 1,000,000, got ${shown(capacity)}.`,
      );
    await this.#database.run(setPool, [key, capacity]);
    await this.#letOn(key);
    return (await this.get(key)) as Pool;
  }

  /** Returns a pool; undefined when there is none. */
  async get(key: string): Promise<Pool | undefined> {
    const [row] = await this.#database.run(readPool, [key]);
    return row === undefined ? undefined : toPool(row);
  }

  /** Returns pools in the order of their keys: at most `limit` (1 to 1,000, default 100) behind the key `after`. */
  async list(page: { readonly after?: string; readonly limit?: number } = {}): Promise<Pool[]> {
    const { after = '', limit = 100 } = page;
    const rows = await this.#database.run(listPools, [after, checkCount('limit', limit)]);
    return rows.map(toPool);
  }

  /** Deletes a pool that no live job names. Throws POOL_UNKNOWN or POOL_IN_USE. */
  async delete(key: string): Promise<void> {
    for (let round = 0; round < DELETE_ROUNDS; round += 1) {
      const [gone] = await this.#database.run(deletePool, [key]);
      if (gone !== undefined) return;
    }
    const pool = await this.get(key);
    if (pool === undefined)
      throw unstuckError('POOL_UNKNOWN', `There is no pool ${shown(key)}. Nothing was deleted.`);
    throw unstuckError(
      'POOL_IN_USE',
      `Expected no live job to name pool ${shown(key)}, but ${pool.reserved} hold a slot and ${pool.waiting} wait for one. Wait for them or cancel them; capacity 0 lets nobody in meanwhile.`,
    );
  }

  /** Returns the pools whose rows do not fit together; an empty list proves that every slot is held by a live job, and none is wasted. */
  async check(): Promise<PoolProblem[]> {
    const rows = await this.#database.run(checkPools);
    return rows.map((row) => ({ ...row, problem: problemOf(row), repaired: null }));
  }

  /** Repairs what a hand has broken, and says what it changed. */
  async repair(): Promise<PoolProblem[]> {
    const found = await this.check();
    const repaired: PoolProblem[] = [];
    for (const problem of found)
      repaired.push({ ...problem, repaired: await this.#repair(problem) });
    return repaired;
  }

  async #repair({ key, problem }: PoolProblem): Promise<string | null> {
    if (problem === 'over') return null;
    if (problem === 'room') {
      await this.#letOn(key);
      return 'waiting jobs were let in';
    }
    const [made] = await this.#database.run(restorePool, [key]);
    return made === undefined ? null : `the pool was made again with capacity ${made.capacity}`;
  }

  async #letOn(key: string): Promise<void> {
    const concerned = { ...concernedBy([]), pools: new Set([key]) };
    const ready = await letOn(this.#database, concerned);
    if (ready.size > 0) this.#onReady(ready);
  }
}

function isCapacity(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= CAPACITY_MAX;
}

function problemOf({ capacity, reserved }: PoolProblemRow): PoolProblem['problem'] {
  if (capacity === null) return 'missing';
  return reserved > capacity ? 'over' : 'room';
}

function toPool(row: PoolRow): Pool {
  const { oldest_id: id, oldest_type: type, oldest_state: state, oldest_since: since } = row;
  const known = id !== null && type !== null && state !== null && since !== null;
  return {
    key: row.key,
    capacity: row.capacity,
    reserved: row.reserved,
    waiting: row.waiting,
    processed: Number(row.processed),
    oldest: known ? { id, type, state, since } : null,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
