/** Workers that pull their jobs over HTTP: they have a lease and no session lock. */
import type { Names, Sql } from '../sql.ts';
import { sql } from '../sql.ts';

/** Migration 12: `workers.pull`. */
export function pull(t: Names): readonly Sql[] {
  return [sql`alter table ${t.workers} add column pull boolean not null default false`];
}
