/** Jobs: reading and changing single jobs. */
import { randomUUID } from 'node:crypto';
import { unstuckError } from '../domain/errors.ts';
import type { Job } from '../domain/job.ts';
import { timeOf } from '../domain/job-id.ts';
import { keyTaken, noSuchJob, type Refusal, restless, wrongState } from '../domain/refusal.ts';
import { allows, type State, TRANSITIONS, type Verb } from '../domain/transitions.ts';
import { type ChangedRow, cancelJob, releaseJob, retryJob } from '../sql/admin.ts';
import { findHistory, findJob } from '../sql/inspect.ts';
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
 * Runs a finished job again, with another input if one is given (JSON text). Tried again for 15 s when the connection is lost; after a lost reply
 * a job that has left the end in which it was found proves success, whoever did it; with another input only the caller's own event does.
 * Only a statement that still runs in the server while its job is looked at, and whose job ends before the next try, can let it run twice.
 * Throws JOB_NOT_FOUND, JOB_STATE_CONFLICT, KEY_TAKEN or DATABASE_UNREACHABLE.
 */
export function retry(
  database: Database,
  id: string,
  actor: Actor,
  input: string | null = null,
): Promise<Job> {
  let endedAt: number | undefined;
  const mark = randomUUID();
  return change(database, id, {
    verb: 'retry',
    attempt: async () => {
      // Read before the first try only: it is what a repeat compares with.
      endedAt ??= (await readJob(database, id))?.finishedAt?.getTime();
      return endedAt === undefined
        ? []
        : requeue(database, id, [...values(id, actor), input, mark]);
    },
    proves: (job) => {
      if (input !== null) return hasMark(database, id, mark);
      return endedAt !== undefined && job.finishedAt?.getTime() !== endedAt;
    },
  });
}

async function requeue(database: Database, id: string, given: unknown[]): Promise<ChangedRow[]> {
  try {
    return await database.run(retryJob, given);
  } catch (cause) {
    if (violates(cause, 'jobs_child'))
      throw unstuckError(
        'JOB_STATE_CONFLICT',
        `Job ${id} cannot be retried: its parent has just made this execution again. Look at the parent.`,
        { cause },
      );
    if (!violates(cause, 'jobs_unique_key')) throw cause;
    throw refusal(keyTaken(id, 'failed'), cause);
  }
}

/** Whether the history of a job holds the event of this very change. */
async function hasMark(database: Database, id: string, mark: string): Promise<boolean> {
  const entries = await readHistory(database, id);
  return entries.some(({ detail }) => (detail as { mark?: unknown } | null)?.mark === mark);
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
    let state: State = 'pending';
    for (let round = 0; round < ROUNDS; round += 1) {
      const changed = await asked.attempt();
      if (changed.length > 0) await followUp(changed);
      const job = await readJob(database, id);
      if (job === undefined) throw refusal(noSuchJob(id));
      if (changed.length > 0 || (lost && (await asked.proves(job)))) return job;
      if (!allows(asked.verb, job.state) || (asked.verb === 'release' && job.waitsFor !== 'hold'))
        throw refusal(wrongState(asked.verb, job), undefined, asked.verb);
      state = job.state;
    }
    throw refusal(restless(asked.verb, id, state));
  }
}

async function proven(database: Database, id: string, asked: Change): Promise<Job | undefined> {
  const job = await readJob(database, id);
  return job !== undefined && (await asked.proves(job)) ? job : undefined;
}

/** A refusal as an error. */
function refusal({ id, state, code, message }: Refusal, cause?: unknown, verb?: Verb): Error {
  const allowed = verb === undefined ? {} : { allowed: [...TRANSITIONS[verb].from] };
  const detail = state === null ? { id } : { id, state, ...allowed };
  return unstuckError(code, message, cause === undefined ? { detail } : { cause });
}

function unavailable(id: string, verb: Verb, cause: unknown): Error {
  return unstuckError(
    'DATABASE_UNREACHABLE',
    `${verb} of job ${id} was not answered within ${RETRY_FOR_MS / 1_000} s: ${(cause as Error).message}. It may or may not have happened; look at the job.`,
    { cause },
  );
}
