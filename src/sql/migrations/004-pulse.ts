/** The pulse of a worker's process: which of its loops have none. */
import type { Names, Sql } from '../sql.ts';
import { sql } from '../sql.ts';

/** Migration 4: `workers.stalled`. */
export function pulse(t: Names): readonly Sql[] {
  return [sql`alter table ${t.workers} add column stalled text[] not null default '{}'`];
}
