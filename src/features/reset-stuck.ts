/** Reset stuck: puts running jobs whose attempt has run for too long back into the queue, by hand and whatever their own timeout. */
import { checkActor } from '../domain/bulk.ts';
import { unstuckError } from '../domain/errors.ts';
import { JobIds } from '../domain/job-id.ts';
import { shown } from '../std/shown.ts';
import type { Database } from '../storage/database.ts';
import type { Actor } from '../storage/jobs.ts';
import { patiently } from '../storage/patience.ts';
import { type ResetCall, resetSome, walkRunning } from '../storage/reset-stuck.ts';

/** What resetting stuck jobs answers. */
export interface ResetStuck {
  readonly success: true;
  readonly resetCount: number;
  readonly jobIds: readonly string[];
  /** The same in words. */
  readonly message: string;
}

const BATCH = 500;
const MINUTES_MAX = 5_256_000;

/** Resets; throws REQUEST_INVALID when the minutes are none, and DATABASE_UNREACHABLE. */
export async function resetStuck(
  database: Database,
  timeoutMinutes: number,
  actor: Actor,
): Promise<ResetStuck> {
  const good = Number.isFinite(timeoutMinutes) && timeoutMinutes >= 0;
  if (!good || timeoutMinutes > MINUTES_MAX)
    throw unstuckError(
      'REQUEST_INVALID',
      `Expected timeoutMinutes to be a number from 0 to ${MINUTES_MAX}, got ${shown(timeoutMinutes)}.`,
    );
  checkActor(actor);
  const call: ResetCall = {
    auditId: new JobIds().next(Date.now()),
    olderMs: Math.round(timeoutMinutes * 60_000),
    by: actor.by ?? null,
    reason: actor.reason ?? null,
    facts: { timeoutMinutes },
  };
  const jobIds = await resetAll(database, call);
  return {
    success: true,
    resetCount: jobIds.length,
    jobIds,
    message: inWords(jobIds, timeoutMinutes),
  };
}

/** Each job is met once, in the order of the ids: one that runs again meanwhile and hangs again is left for the next time. */
async function resetAll(database: Database, call: ResetCall): Promise<string[]> {
  const patient = <T>(work: () => Promise<T>): Promise<T> => patiently('The reset', work);
  const done: string[] = [];
  for (let after: string | undefined; ; ) {
    const from = after;
    const { ids, next } = await patient(() => walkRunning(database, call.olderMs, from));
    for (let start = 0; start < ids.length; start += BATCH) {
      const batch = ids.slice(start, start + BATCH);
      done.push(...(await patient(() => resetSome(database, call, batch, [...done]))));
    }
    if (next === undefined) return done;
    after = next;
  }
}

function inWords(jobIds: readonly string[], minutes: number): string {
  const longer = `longer than ${minutes} ${minutes === 1 ? 'minute' : 'minutes'}`;
  if (jobIds.length === 0) return `No job has been running for ${longer}; nothing was reset.`;
  const jobs = jobIds.length === 1 ? '1 job that had' : `${jobIds.length} jobs that had`;
  return `Reset ${jobs} been running for ${longer}.`;
}
