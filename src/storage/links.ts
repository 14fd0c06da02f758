/** Links: stores jobs that others wait for or that wait for others, and lets on whoever waited when one has moved. */
import { cancelChildren, goOn, type JobLinks } from '../sql/links.ts';
import { monotonicMs, sleep } from '../std/timer.ts';
import type { Database } from './database.ts';

/** Whom the moves of some jobs concern. */
export interface Concerned {
  readonly parents: Set<string>;
  readonly pools: Set<string>;
  readonly limitKeys: Set<string>;
}

/** How often a pool that an enqueue has locked is tried again before it is left to the sweep. */
const BUSY_ROUNDS = 4;
const BUSY_MS = 10;
const CHILDREN_MAX = 500;

/** Whether anybody is concerned. */
export function isConcerned({ parents, pools, limitKeys }: Concerned): boolean {
  return parents.size + pools.size + limitKeys.size > 0;
}

/** Adds whom other jobs concern. */
export function addConcerned(to: Concerned, more: Concerned): void {
  for (const id of more.parents) to.parents.add(id);
  for (const key of more.pools) to.pools.add(key);
  for (const key of more.limitKeys) to.limitKeys.add(key);
}

/** Gathers whom jobs concern. */
export function concernedBy(links: Iterable<JobLinks | null>): Concerned {
  const concerned: Concerned = { parents: new Set(), pools: new Set(), limitKeys: new Set() };
  for (const one of links) {
    if (one === null) continue;
    const [parent, pool, limitKey] = one;
    if (parent !== null) concerned.parents.add(parent);
    if (pool !== null) concerned.pools.add(pool);
    if (limitKey !== null) concerned.limitKeys.add(limitKey);
  }
  return concerned;
}

/**
 * Lets on whoever waited for a parent, a slot or a place at a limit; after the commit of what made room. Returns the types that became ready.
 * What is left out (a pool that an open transaction has locked) the sweep lets on within a second.
 */
export async function letOn(database: Database, concerned: Concerned): Promise<Set<string>> {
  const ready = new Set<string>();
  let { parents, pools, limitKeys } = concerned;
  for (let round = 0; parents.size + pools.size + limitKeys.size > 0; round += 1) {
    const told = database.config.notify;
    const rows = await database.run(goOn, [[...parents], [...pools], [...limitKeys], told]);
    for (const { kind, name } of rows) if (kind === 'ready') ready.add(name);
    pools = new Set(rows.flatMap(({ kind, name }) => (kind === 'busy' ? [name] : [])));
    parents = new Set();
    limitKeys = new Set();
    if (round === BUSY_ROUNDS) break;
    if (pools.size > 0) await sleep(BUSY_MS * 2 ** round);
  }
  return ready;
}

/**
 * Cancels the live children of a job that has ended, and theirs, for at most `forMs`; returns how many. What is left the sweep cancels, which finds it
 * by its parents.
 */
export async function cancelChildrenOf(
  database: Database,
  parent: string,
  forMs: number = Number.POSITIVE_INFINITY,
): Promise<number> {
  const until = monotonicMs() + forMs;
  let cancelled = 0;
  const parents = [parent];
  for (let next = parents.shift(); next !== undefined; next = parents.shift()) {
    for (let full = true; full; ) {
      const rows = await database.run(cancelChildren, [next, CHILDREN_MAX]);
      cancelled += rows.length;
      await letOn(database, concernedBy(rows.map((row) => row.links)));
      parents.push(...rows.filter((row) => row.plans).map((row) => row.id));
      full = rows.length === CHILDREN_MAX;
      if (monotonicMs() > until) return cancelled;
    }
  }
  return cancelled;
}
