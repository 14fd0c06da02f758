/** Audit: reads what people did to many jobs at once. */
import { listAudit } from '../sql/audit.ts';
import type { Database } from './database.ts';

/** One entry: who did what to many jobs, and why. */
export interface AuditEntry {
  readonly id: string;
  readonly at: Date;
  readonly by: string | null;
  /** `retry`, `cancel`, `delete` or `reset-stuck`. */
  readonly action: string;
  readonly reason: string | null;
  /** What was chosen and asked, and how far it came. */
  readonly detail: unknown;
}

/** One page of entries, newest first. */
export interface AuditPage {
  readonly entries: readonly AuditEntry[];
  /** Pass as `after` to get the next page; null on the last one. */
  readonly next: string | null;
}

/** Returns one page of entries, newest first; it is cut when their details exceed 16 MiB. */
export async function readAudit(
  database: Database,
  { limit, after }: { readonly limit: number; readonly after: string | undefined },
): Promise<AuditPage> {
  const rows = await database.run(listAudit, [after, limit + 1]);
  const entries = rows.slice(0, limit).map(({ found: _found, ...entry }) => entry);
  const more = (rows[0]?.found ?? 0) > entries.length;
  return { entries, next: more ? (entries.at(-1)?.id ?? null) : null };
}
