/** Onward: tells limits, slots and parents that live jobs which were linked to them are gone. */
import type { BulkRow } from '../sql/bulk.ts';
import type { Database } from './database.ts';

/** What a live job that is gone was linked to. */
export type Links = Pick<BulkRow, 'limit_key' | 'slot_pool' | 'parent_id'>;

/** Called after the commit that removed the jobs, with those that were linked to anything. Jobs cannot be linked yet: there is nothing to tell. */
export async function onward(_database: Database, linked: readonly Links[]): Promise<void> {
  if (linked.length === 0) return;
}
