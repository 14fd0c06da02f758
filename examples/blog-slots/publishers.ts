// Publishers and their quotas: how many posts of one may be under way at once.
import type { Pool, Unstuck } from 'unstuck';

/** Returns the pool that counts the slots of a publisher. */
export function slotsOf(publisher: string): string {
  return `blog-slots:${publisher}`;
}

/** Gives a publisher so many slots; fewer than are in use end no post, they let no further one in. */
export function setQuota(
  unstuck: Pick<Unstuck, 'pools'>,
  publisher: string,
  slots: number,
): Promise<Pool> {
  return unstuck.pools.set(slotsOf(publisher), { capacity: slots });
}

/** Returns a publisher's slots: used, waited for, and how many posts have been published with them. Throws when it has no quota. */
export async function quotaOf(unstuck: Pick<Unstuck, 'pools'>, publisher: string): Promise<Pool> {
  const pool = await unstuck.pools.get(slotsOf(publisher));
  if (pool === undefined) throw new Error(`Expected publisher ${publisher} to have a quota.`);
  return pool;
}
