/** Jobs: reading and changing single jobs. */
import { unstuckError } from '../domain/errors.ts';
import type { Job, JobFilter, JobPage } from '../domain/job.ts';
import { timeOf } from '../domain/job-id.ts';
import { allows, type State, TRANSITIONS, type Verb } from '../domain/transitions.ts';
import { cancelJob, releaseJob, retryJob } from '../sql/admin.ts';
import { findHistory, findJob, listJobs } from '../sql/inspect.ts';
import type { Database } from './database.ts';
import { violates } from './postgres-errors.ts';
import { toJob } from './rows.ts';

/** Who changes a job, and why: both are kept in `events`. */
export interface Actor {
  readonly by?: string | undefined;
  readonly reason?: string | undefined;
}

/** A producer's clock may be ahead of the database's by this much before a look-up needs a second step. */
const CLOCK_SLACK_MS = 86_400_000;

/** Returns a job, live or finished; undefined when there is none. */
export async function readJob(database: Database, id: string): Promise<Job | undefined> {
  const since = new Date(Math.max(0, timeOf(id) - CLOCK_SLACK_MS));
  const [row] = await database.run(findJob, [id, since]);
  if (row !== undefined) return toJob(row);
  // An id from a clock that was far ahead, or not a UUIDv7 at all: every day is looked at.
  const [older] = since.getTime() === 0 ? [] : await database.run(findJob, [id, new Date(0)]);
  return older === undefined ? undefined : toJob(older);
}

/** Returns one page of jobs, newest first. */
export async function readJobs(database: Database, filter: JobFilter): Promise<JobPage> {
  const limit = filter.limit ?? 50;
  const rows = await database.run(listJobs, [
    filter.state,
    filter.type,
    filter.late ?? false,
    filter.after,
    limit + 1,
  ]);
  const jobs = rows.slice(0, limit).map(toJob);
  return { jobs, next: rows.length > limit ? (jobs.at(-1)?.id ?? null) : null };
}

/** One entry of a job's history. */
export interface HistoryEntry {
  readonly at: Date;
  readonly kind: string;
  readonly attempt: number | null;
  readonly token: string | null;
  readonly workerId: string | null;
  readonly by: string | null;
  readonly reason: string | null;
  readonly detail: unknown;
}

/** Returns what happened to a job beside simple success, oldest first. */
export async function readHistory(database: Database, id: string): Promise<HistoryEntry[]> {
  const rows = await database.run(findHistory, [id]);
  return rows.map(({ worker_id, ...row }) => ({ ...row, workerId: worker_id }));
}

/** Cancels a live job. Throws JOB_NOT_FOUND or JOB_STATE_CONFLICT. */
export function cancel(database: Database, id: string, actor: Actor): Promise<Job> {
  return change(database, 'cancel', id, () => database.run(cancelJob, values(id, actor)));
}

/** Makes a held job ready. Throws JOB_NOT_FOUND or JOB_STATE_CONFLICT. */
export function release(database: Database, id: string, actor: Actor): Promise<Job> {
  return change(database, 'release', id, () => database.run(releaseJob, values(id, actor)));
}

/** Runs a finished job again. Throws JOB_NOT_FOUND, JOB_STATE_CONFLICT or KEY_TAKEN. */
export function retry(database: Database, id: string, actor: Actor): Promise<Job> {
  return change(database, 'retry', id, async () => {
    try {
      return await database.run(retryJob, values(id, actor));
    } catch (cause) {
      if (!violates(cause, 'jobs_unique_key')) throw cause;
      throw unstuckError(
        'KEY_TAKEN',
        `Job ${id} cannot be retried: another live job has its unique key. Wait for that job to end, or cancel it.`,
        { cause },
      );
    }
  });
}

function values(id: string, actor: Actor): unknown[] {
  return [id, actor.by ?? null, actor.reason ?? null];
}

/** Tries, and only when nothing changed looks why; the bound keeps two people who undo each other from spinning. */
async function change(
  database: Database,
  verb: Verb,
  id: string,
  attempt: () => Promise<unknown[]>,
): Promise<Job> {
  for (let round = 0; round < 3; round += 1) {
    const changed = await attempt();
    const job = await readJob(database, id);
    if (job === undefined)
      throw unstuckError(
        'JOB_NOT_FOUND',
        `There is no job ${id}. It never existed, or its retention has ended.`,
        { detail: { id } },
      );
    if (changed.length > 0) return job;
    if (!allows(verb, job.state) || (verb === 'release' && job.waitsFor !== 'hold'))
      throw conflict(verb, job);
  }
  throw unstuckError(
    'JOB_STATE_CONFLICT',
    `Job ${id} changed its state three times while ${verb} was tried. Look at it, then try again.`,
  );
}

function conflict(verb: Verb, job: Job): Error {
  const allowed: readonly State[] = TRANSITIONS[verb].from;
  const what = verb === 'release' ? 'a held job' : `one of ${allowed.join(', ')}`;
  return unstuckError(
    'JOB_STATE_CONFLICT',
    `Expected job ${job.id} to be ${what} for ${verb}, it is ${job.state}${job.waitsFor === null ? '' : ` (waits for ${job.waitsFor})`}.`,
    {
      detail: { id: job.id, state: job.state, allowed: [...allowed] },
    },
  );
}
