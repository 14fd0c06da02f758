/** Link sweep: lets on whoever waits for a slot, a place at a limit or executions, when the end that made room was told to nobody. */
import {
  findParents,
  findWaitingKeys,
  findWaitingPools,
  foldPools,
  lookAtParents,
} from '../sql/links.ts';
import type { Statement } from '../sql/sql.ts';
import type { Work } from '../sql/ticks.ts';
import { monotonicMs } from '../std/timer.ts';
import type { Database } from '../storage/database.ts';
import {
  addConcerned,
  type Concerned,
  cancelChildrenOf,
  concernedBy,
  letOn,
} from '../storage/links.ts';
import { allOf } from './all-of.ts';

/** How many pools, keys of limits or parents one round looks at; the next goes on behind them. */
const LOOK_MAX = 500;
/** Parents are looked at by fewer, because all their executions are counted. */
const PARENTS_MAX = 50;
const ROUND_MS = 200;
/** How long a parent waits before its executions are looked at again. */
const LOOK_AFTER_MS = 30_000;
const FIRST_ID = '00000000-0000-0000-0000-000000000000';

const FIND = { pools: findWaitingPools, limitKeys: findWaitingKeys } as const;

/** The part of a sweep that looks at links. */
export class LinkSweep {
  #database: Database;
  /** Whom the rows that this process has moved concern. */
  #concerned = concernedBy([]);
  /** The pool and the key of a limit behind which the next look goes on. */
  #behind = { pools: '', limitKeys: '' };
  #parent = FIRST_ID;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Notes whom moved rows concern; they are let on at the end of the round. */
  note(concerned: Concerned): void {
    addConcerned(this.#concerned, concerned);
  }

  /** Lets on whom the noted rows concern; returns the types that became ready. */
  async letOn(): Promise<Set<string>> {
    const concerned = this.#concerned;
    this.#concerned = concernedBy([]);
    return letOn(this.#database, concerned);
  }

  /**
   * Looks for whoever could be let on, and lets them; returns the types that became ready. What fails keeps nothing else from being done. `has` tells
   * whether there may be any work of a kind; by default there may be some of each.
   */
  async round(has: (kind: Work) => boolean = () => true): Promise<Set<string>> {
    const ready = new Set<string>();
    await allOf([
      ...(has('children') ? [() => this.#cancelOrphans()] : []),
      ...(has('parents') ? [() => this.#lookAtParents(ready)] : []),
      ...(has('slots') ? [() => this.#lookAtLines('pools', ready)] : []),
      ...(has('limits') ? [() => this.#lookAtLines('limitKeys', ready)] : []),
      () => this.#letOnInto(ready),
      ...(has('done') ? [() => this.#database.run(foldPools)] : []),
    ]);
    return ready;
  }

  async #letOnInto(ready: Set<string>): Promise<void> {
    for (const type of await this.letOn()) ready.add(type);
  }

  async #lookAtParents(ready: Set<string>): Promise<void> {
    const until = monotonicMs() + ROUND_MS;
    for (let full = true; full && monotonicMs() < until; ) {
      const seen = await this.#database.run(lookAtParents, [LOOK_AFTER_MS, PARENTS_MAX]);
      for (const { type, limit_key } of seen) {
        if (type !== null) ready.add(type);
        if (limit_key !== null) this.#concerned.limitKeys.add(limit_key);
      }
      full = seen.length === PARENTS_MAX;
    }
  }

  async #lookAtLines(kind: 'pools' | 'limitKeys', ready: Set<string>): Promise<void> {
    const until = monotonicMs() + ROUND_MS;
    do {
      this.#behind[kind] = await this.#look(FIND[kind], this.#behind[kind], kind);
      await this.#letOnInto(ready);
    } while (this.#behind[kind] !== '' && monotonicMs() < until);
  }

  /** Notes what has room behind a key; returns the key behind which to go on, empty at the end. */
  async #look(
    find: Statement<{ key: string; room: boolean }>,
    behind: string,
    kind: 'pools' | 'limitKeys',
  ): Promise<string> {
    const rows = await this.#database.run(find, [behind, LOOK_MAX]);
    for (const { key, room } of rows) if (room) this.#concerned[kind].add(key);
    return rows.length < LOOK_MAX ? '' : (rows.at(-1)?.key ?? '');
  }

  async #cancelOrphans(): Promise<void> {
    const until = monotonicMs() + ROUND_MS;
    const rows = await this.#database.run(findParents, [this.#parent, LOOK_MAX]);
    const gone = rows.filter(({ live }) => !live);
    for (const { id } of gone) {
      const leftMs = until - monotonicMs();
      if (leftMs <= 0) return; // The next round finds them once more.
      await cancelChildrenOf(this.#database, id, leftMs);
    }
    this.#parent = rows.length < LOOK_MAX ? FIRST_ID : (rows.at(-1)?.id ?? FIRST_ID);
  }
}
