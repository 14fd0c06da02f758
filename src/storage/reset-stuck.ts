/** Reset stuck: finds running jobs that have run for too long, and puts some of them back into the queue in one transaction with the entry in `audit`. */
import { noteAudit, openAudit } from '../sql/audit.ts';
import { findLongRunning, resetJobs } from '../sql/reset-stuck.ts';
import type { Database } from './database.ts';

/** One reset of many jobs: its entry in `audit`, and what is asked. */
export interface ResetCall {
  readonly auditId: string;
  readonly olderMs: number;
  readonly by: string | null;
  readonly reason: string | null;
  /** For the entry. */
  readonly facts: Readonly<Record<string, unknown>>;
}

/** A stretch of the live jobs, in the order of their ids. */
export interface Walked {
  /** Those that have run for too long. */
  readonly ids: readonly string[];
  /** Where to go on; undefined at the end. */
  readonly next: string | undefined;
}

const WALK_ROWS = 20_000;
const FIRST_ID = '00000000-0000-0000-0000-000000000000';

/** Looks at up to 20,000 live jobs behind an id. */
export async function walkRunning(
  database: Database,
  olderMs: number,
  after: string = FIRST_ID,
): Promise<Walked> {
  const rows = await database.run(findLongRunning, [after, olderMs, WALK_ROWS]);
  return {
    ids: rows.flatMap(({ id, last }) => (last ? [] : [id])).toSorted(),
    next: rows.find(({ last }) => last)?.id,
  };
}

/**
 * Puts those of these jobs (in the order of their ids, and behind those of every call before) back that still run for too long; returns which. A
 * repeat of a call that was committed finds that in the entry, and answers the same.
 */
export function resetSome(
  database: Database,
  call: ResetCall,
  ids: readonly string[],
  before: readonly string[],
): Promise<readonly string[]> {
  return database.transaction(async (on) => {
    const { auditId, by, reason, olderMs } = call;
    const cursor = ids.at(-1) ?? '';
    const detail = JSON.stringify({ ...call.facts, resetCount: 0, jobIds: [] });
    const [row] = await database.run(openAudit, [auditId, by, 'reset-stuck', reason, detail], on);
    const entry = (row?.detail ?? {}) as { cursor?: string; jobIds?: readonly string[] };
    if (entry.cursor !== undefined && entry.cursor >= cursor)
      return (entry.jobIds ?? []).slice(before.length);
    const reset = await database.run(resetJobs, [ids, by, reason, auditId, olderMs], on);
    const jobIds = [...before, ...reset.map(({ id }) => id)];
    const note = JSON.stringify({ cursor, resetCount: jobIds.length, jobIds });
    await database.run(noteAudit, [auditId, note, false], on);
    return jobIds.slice(before.length);
  });
}
