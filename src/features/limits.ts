/** Limits: their amounts can be changed while jobs run, by the name that types and queues have given them. */
import { unstuckError } from '../domain/errors.ts';
import { checkCount } from '../domain/job-filter.ts';
import { refuseUnknown } from '../domain/known-options.ts';
import { isLimitName, type LimitAmounts, parseAmounts } from '../domain/limits.ts';
import {
  countKeys,
  deleteLimit,
  type LimitRow,
  listLimits,
  setLimit,
  waitingKeysOf,
} from '../sql/limits.ts';
import { shown } from '../std/shown.ts';
import type { Database } from '../storage/database.ts';
import { concernedBy, letOn } from '../storage/links.ts';

/** A limit and how much of it is used. */
export interface LimitStatus {
  /** `type:NAME`, `queue:NAME`, or a name of its own. */
  readonly name: string;
  readonly running: number | null;
  readonly rate: { readonly count: number; readonly perMs: number } | null;
  /** Who has set it; null: the code. */
  readonly setBy: string | null;
  readonly updatedAt: Date;
}

/** How many jobs count at one key of a limit. */
export interface LimitKeyStatus {
  readonly key: string;
  readonly running: number;
  readonly queued: number;
  readonly waiting: number;
}

/** The limits of an installation. */
export class Limits {
  #database: Database;
  #onReady: (types: ReadonlySet<string>) => void;

  constructor(database: Database, onReady: (types: ReadonlySet<string>) => void) {
    this.#database = database;
    this.#onReady = onReady;
  }

  /**
   * Sets the amounts of a limit; they stay, whatever the code says, until they are set again. More let waiting jobs in at once; fewer end
   * nobody. Throws LIMIT_INVALID or OPTION_UNKNOWN.
   */
  async set(
    name: string,
    amounts: LimitAmounts,
    { by = 'unknown' }: { readonly by?: string } = {},
  ): Promise<LimitStatus> {
    if (!isLimitName(name) && !/^(type|queue):./.test(name))
      throw unstuckError(
        'LIMIT_INVALID',
        `Expected the name of a limit: type:NAME, queue:NAME or a name of its own, got ${shown(name)}.`,
      );
    refuseUnknown(amounts, ['running', 'rate'], `limit ${name}`);
    const { running, rateCount, rateMs } = parseAmounts(name, amounts ?? {}, `limit ${name}`);
    const [row] = await this.#database.run(setLimit, [name, running, rateCount, rateMs, by]);
    const waiting = await this.#database.run(waitingKeysOf, [name]);
    const limitKeys = new Set(waiting.map(({ key }) => key));
    const ready = await letOn(this.#database, { ...concernedBy([]), limitKeys });
    if (ready.size > 0) this.#onReady(ready);
    return toStatus(row as LimitRow);
  }

  /** Returns a limit; undefined when there is none. */
  async get(name: string): Promise<LimitStatus | undefined> {
    const [row] = await this.#database.run(listLimits, [name, '', 1]);
    return row === undefined ? undefined : toStatus(row);
  }

  /** Returns limits in the order of their names: at most `limit` (1 to 1,000, the default) behind the name `after`. Throws REQUEST_INVALID. */
  async list(
    page: { readonly after?: string; readonly limit?: number } = {},
  ): Promise<LimitStatus[]> {
    const { after = '', limit = 1_000 } = page;
    const values = [null, after, checkCount('limit', limit)];
    return (await this.#database.run(listLimits, values)).map(toStatus);
  }

  /** Returns how many jobs count at each key of a limit, the longest lines first; at most 100. */
  async keys(name: string): Promise<LimitKeyStatus[]> {
    return this.#database.run(countKeys, [name, 100]);
  }

  /** Deletes a limit at which no live job counts. Throws LIMIT_UNKNOWN or LIMIT_IN_USE. */
  async delete(name: string): Promise<void> {
    const [gone] = await this.#database.run(deleteLimit, [name]);
    if (gone !== undefined) return;
    if ((await this.get(name)) === undefined)
      throw unstuckError('LIMIT_UNKNOWN', `There is no limit ${shown(name)}. Nothing was deleted.`);
    throw unstuckError(
      'LIMIT_IN_USE',
      `Expected no live job to count at limit ${shown(name)}. Wait for them or cancel them. Nothing was deleted.`,
    );
  }
}

function toStatus(row: LimitRow): LimitStatus {
  const { rate_count: count, rate_ms: perMs } = row;
  return {
    name: row.name,
    running: row.running,
    rate: count === null || perMs === null ? null : { count, perMs: Number(perMs) },
    setBy: row.set_by,
    updatedAt: row.updated_at,
  };
}
