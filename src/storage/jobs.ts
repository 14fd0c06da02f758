/** Jobs: reading and changing single jobs. */
import { unstuckError } from '../domain/errors.ts';
import type { Job, JobFilter, JobPage } from '../domain/job.ts';
import { timeOf } from '../domain/job-id.ts';
import { allows, type State, TRANSITIONS, type Verb } from '../domain/transitions.ts';
import { type ChangedRow, cancelJob, releaseJob, retryJob } from '../sql/admin.ts';
import { findHistory, findJob, listJobs } from '../sql/inspect.ts';
import { monotonicMs, sleep } from '../std/timer.ts';
import type { Database } from './database.ts';
import { cancelChildrenOf, concernedBy, letOn } from './links.ts';
import { isConnectionLost, isTransient, violates } from './postgres-errors.ts';
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

/**
 * Cancels a live job. Tried again for 15 s when the connection is lost; after a lost reply a job that is cancelled proves success, whoever
 * did it. Throws JOB_NOT_FOUND, JOB_STATE_CONFLICT or DATABASE_UNREACHABLE.
 */
export function cancel(database: Database, id: string, actor: Actor): Promise<Job> {
  return change(database, id, {
    verb: 'cancel',
    attempt: () => database.run(cancelJob, values(id, actor)),
    after: () => cancelChildrenOf(database, id),
    proves: (job) => job.state === 'cancelled',
  });
}

/**
 * Makes a held job ready. Tried again for 15 s when the connection is lost; a job is released once in its life, so after a lost reply that
 * event proves success, whoever did it. Throws JOB_NOT_FOUND, JOB_STATE_CONFLICT or DATABASE_UNREACHABLE.
 */
export function release(database: Database, id: string, actor: Actor): Promise<Job> {
  return change(database, id, {
    verb: 'release',
    attempt: () => database.run(releaseJob, values(id, actor)),
    proves: async () =>
      (await readHistory(database, id)).some((entry) => entry.kind === 'released'),
  });
}

/**
 * Runs a finished job again. Tried again for 15 s when the connection is lost; after a lost reply a job that has left the end in which it
 * was found proves success, whoever did it. Only a statement that still runs in the server while its job is looked at, and whose job ends
 * before the next try, can let it run twice. Throws JOB_NOT_FOUND, JOB_STATE_CONFLICT, KEY_TAKEN or DATABASE_UNREACHABLE.
 */
export function retry(database: Database, id: string, actor: Actor): Promise<Job> {
  let endedAt: number | undefined;
  return change(database, id, {
    verb: 'retry',
    attempt: async () => {
      // Read before the first try only: it is what a repeat compares with.
      endedAt ??= (await readJob(database, id))?.finishedAt?.getTime();
      return endedAt === undefined ? [] : requeue(database, id, actor);
    },
    proves: (job) => endedAt !== undefined && job.finishedAt?.getTime() !== endedAt,
  });
}

async function requeue(database: Database, id: string, actor: Actor): Promise<ChangedRow[]> {
  try {
    return await database.run(retryJob, values(id, actor));
  } catch (cause) {
    if (violates(cause, 'jobs_child'))
      throw unstuckError(
        'JOB_STATE_CONFLICT',
        `Job ${id} cannot be retried: its parent has just made this execution again. Look at the parent.`,
        { cause },
      );
    if (!violates(cause, 'jobs_unique_key')) throw cause;
    throw unstuckError(
      'KEY_TAKEN',
      `Job ${id} cannot be retried: another live job has its unique key. Wait for that job to end, or cancel it.`,
      { cause },
    );
  }
}

function values(id: string, actor: Actor): unknown[] {
  return [id, actor.by ?? null, actor.reason ?? null];
}

/** One change of one job by a person. */
interface Change {
  readonly verb: Verb;
  /** Tries once, and answers with the rows that it changed. */
  attempt(): Promise<ChangedRow[]>;
  /** What follows from it, after its commit; the sweep does what is left undone here. */
  after?(): Promise<unknown>;
  /** Whether the job, seen after a reply was lost, shows that the change was made. */
  proves(job: Job): boolean | Promise<boolean>;
}

const RETRY_FOR_MS = 15_000;
const ROUNDS = 3;

/** Nobody knows whether a statement whose reply was lost took effect: the job is looked at before it is tried again, and after. */
async function change(database: Database, id: string, asked: Change): Promise<Job> {
  const until = monotonicMs() + RETRY_FOR_MS;
  let lost = false;
  for (let failures = 0; ; failures += 1) {
    try {
      return (lost ? await proven(database, id, asked) : undefined) ?? (await tryChange());
    } catch (error) {
      if (!isTransient(error)) throw error;
      if (monotonicMs() > until) throw unavailable(id, asked.verb, error);
      lost ||= isConnectionLost(error);
      await sleep(Math.min(1_000, 20 * 2 ** failures));
    }
  }

  /** The change is made whatever becomes of this. */
  async function followUp(changed: readonly ChangedRow[]): Promise<void> {
    try {
      await asked.after?.();
      await letOn(database, concernedBy(changed.map((row) => row.links)));
    } catch (error) {
      if (!isTransient(error)) throw error;
    }
  }

  /** Tries, and only when nothing changed looks why; the bound keeps two people who undo each other from spinning. */
  async function tryChange(): Promise<Job> {
    for (let round = 0; round < ROUNDS; round += 1) {
      const changed = await asked.attempt();
      if (changed.length > 0) await followUp(changed);
      const job = await readJob(database, id);
      if (job === undefined) throw notFound(id);
      if (changed.length > 0 || (lost && (await asked.proves(job)))) return job;
      if (!allows(asked.verb, job.state) || (asked.verb === 'release' && job.waitsFor !== 'hold'))
        throw conflict(asked.verb, job);
    }
    throw unstuckError(
      'JOB_STATE_CONFLICT',
      `Job ${id} changed its state three times while ${asked.verb} was tried. Look at it, then try again.`,
    );
  }
}

async function proven(database: Database, id: string, asked: Change): Promise<Job | undefined> {
  const job = await readJob(database, id);
  return job !== undefined && (await asked.proves(job)) ? job : undefined;
}

function notFound(id: string): Error {
  return unstuckError(
    'JOB_NOT_FOUND',
    `There is no job ${id}. It never existed, or its retention has ended.`,
    { detail: { id } },
  );
}

function unavailable(id: string, verb: Verb, cause: unknown): Error {
  return unstuckError(
    'DATABASE_UNREACHABLE',
    `${verb} of job ${id} was not answered within ${RETRY_FOR_MS / 1_000} s: ${(cause as Error).message}. It may or may not have happened; look at the job.`,
    { cause },
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
