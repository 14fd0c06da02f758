/** Retention: forgets what has been kept for long enough. */
import type { Log } from '../domain/log.ts';
import { pruneAlerts } from '../sql/alerts.ts';
import { pruneAudit } from '../sql/audit.ts';
import { pruneDeliveries } from '../sql/deliveries.ts';
import { pruneDispatches } from '../sql/dispatches.ts';
import { pruneFanOuts, pruneLinks } from '../sql/links.ts';
import { pruneRequests } from '../sql/requests.ts';
import type { Statement } from '../sql/sql.ts';
import { pruneRowErrors } from '../sql/sweep.ts';
import { monotonicMs } from '../std/timer.ts';
import type { Database } from '../storage/database.ts';
import { retain, unlessForbidden } from '../storage/partitions.ts';
import { allOf } from './all-of.ts';

const RETENTION_EVERY_MS = 600_000;
/** Executions of fan-outs that are gone, requests and deliveries are forgotten by so many, for so long at a time. */
const PART_MAX = 10_000;
const PRUNE_MS = 60_000;

/** Does one round; returns the milliseconds until the next one, about ten minutes. What fails keeps nothing else from being forgotten. */
export async function retention(database: Database, log: Log): Promise<number> {
  await allOf([
    () => database.run(pruneRowErrors),
    () => database.run(pruneLinks),
    () => forgetInParts(database, pruneFanOuts),
    () => database.run(pruneAudit, [database.config.keepFailed]),
    () => forgetInParts(database, pruneRequests),
    () => database.run(pruneAlerts, [database.config.keepFailed, PART_MAX]),
    () => forgetInParts(database, pruneDeliveries),
    () => forgetInParts(database, pruneDispatches),
    () => movePartitions(database, log),
  ]);
  return RETENTION_EVERY_MS * (0.9 + Math.random() * 0.2);
}

async function forgetInParts(
  database: Database,
  prune: Statement<{ gone: number }>,
): Promise<void> {
  const until = monotonicMs() + PRUNE_MS;
  for (let gone = 1; gone > 0 && monotonicMs() < until; ) {
    const [row] = await database.run(prune, [PART_MAX]);
    gone = row?.gone ?? 0;
  }
}

async function movePartitions(database: Database, log: Log): Promise<void> {
  const done = await unlessForbidden(database, log, retain(database));
  if (done !== undefined && done.made.length + done.dropped.length > 0)
    log.info('retention', { made: done.made.length, dropped: done.dropped });
}
