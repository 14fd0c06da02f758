/** Findings: says of every group of late jobs why, who is to act, and when it is looked at again. */
import { explain } from '../domain/explain.ts';
import type { Log } from '../domain/log.ts';
import { findLateGroups, storeFindings } from '../sql/findings.ts';
import type { Database } from '../storage/database.ts';
import { overdueGraceMs } from './sweep-tasks.ts';

/** A finding is current until this long after it was made; it is renewed long before. */
const LOOK_MS = 30_000;

/** Looks at every group of late jobs and stores one finding for each; new ones are logged once. */
export async function refreshFindings(database: Database, log: Log): Promise<void> {
  const groups = await database.run(findLateGroups, [overdueGraceMs(database.config)]);
  const findings = groups.map((group) => ({
    ...explain(group),
    kind: group.kind,
    subject: group.subject,
    count: group.count,
    oldest: group.oldest,
    look_ms: LOOK_MS,
  }));
  for (const stored of await database.run(storeFindings, [JSON.stringify(findings)])) {
    if (stored.fresh)
      log.warn('finding', { kind: stored.kind, subject: stored.subject, reason: stored.reason });
  }
}
