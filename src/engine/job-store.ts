/** Job store: sends new jobs, plain, keyed and linked, and tells what stands in the way of those that were not stored. */
import type { Enqueued } from '../domain/job.ts';
import type { NewJob } from '../domain/new-job.ts';
import { ATTEMPTS_DEFAULT } from '../domain/retry-policy.ts';
import {
  enqueueAlike,
  enqueueDistinct,
  enqueueJobs,
  findConflicts,
  notify,
  takeBack,
  undoRepeats,
} from '../sql/enqueue.ts';
import { jsonColumn, plainColumn, textColumn } from '../storage/columns.ts';
import type { Database, Executor } from '../storage/database.ts';
import { type Answer, answerOf, isLinked, refuseTaken, sendLinked } from './linked-jobs.ts';
import { limitPayload, readyPayload } from './notifier.ts';

/** What is known so far, by the id of the job that was sent. */
export type Answers = Map<string, Answer>;

/** The answers to a statement, or that it has created every job that it was sent. */
export type Answered = Answers | 'all created';

/** Where jobs are stored, and how long a lock is waited for (null: as long as the session allows). */
export interface Storing {
  readonly executor?: Executor | undefined;
  readonly patience?: string | null;
}

/** Stores new jobs with as few statements as their kinds allow. */
export class JobStore {
  #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Stores jobs in the caller's transaction, and has those let in after its commit that wait at a limit. */
  async storeIn(executor: Executor, jobs: readonly NewJob[]): Promise<Answers> {
    const { notify: tells } = this.#database.config;
    const payload = tells ? readyPayload(jobs.map((job) => job.type)) : null;
    const answers: Answers = new Map();
    const [linked, plain] = split(jobs);
    if (plain.length > 0) {
      const stored = await this.#storePlain(plain, payload, { executor });
      add(answers, stored === 'all created' ? allCreated(plain) : stored);
    }
    if (linked.length > 0) add(answers, await this.#storeLinked(linked, payload, { executor }));
    const limited = linked.flatMap((job) => job.limitKey ?? []);
    // Let in after the commit, by whoever hears of it: limits are never locked in a transaction of a user.
    if (tells && limited.length > 0)
      await this.#database.run(notify, [limitPayload(limited)], executor);
    return answers;
  }

  /** Stores new jobs that are all linked or all not, and answers for them; one that is not answered for has found something in its way. */
  store(jobs: readonly NewJob[], payload: string | null, storing: Storing): Promise<Answered> {
    return areLinked(jobs)
      ? this.#storeLinked(jobs, payload, storing)
      : this.#storePlain(jobs, payload, storing);
  }

  async #storeLinked(
    jobs: readonly NewJob[],
    payload: string | null,
    { executor, patience = null }: Storing,
  ): Promise<Answers> {
    const rows = await sendLinked(this.#database, jobs, { executor, payload, patience });
    const answers: Answers = new Map();
    for (const row of rows) {
      const answer = answerOf(row);
      if (answer !== undefined) answers.set(row.id as string, answer);
    }
    return answers;
  }

  /** Only a key can find something in its way. */
  async #storePlain(
    jobs: readonly NewJob[],
    payload: string | null,
    storing: Storing,
  ): Promise<Answered> {
    if (jobs.some((job) => job.key !== undefined))
      return this.#storeDistinct(jobs, payload, storing);
    const alike = jobs.every((job) => isLike(job, jobs[0]));
    await (alike
      ? this.#database.run(enqueueAlike, alikeValues(jobs, payload), storing.executor)
      : this.#database.run(enqueueJobs, this.#values(jobs, payload), storing.executor));
    return 'all created';
  }

  /** Stores what is not stored yet and whose keys are free, and answers for it. */
  async #storeDistinct(
    jobs: readonly NewJob[],
    payload: string | null,
    { executor, patience = null }: Storing,
  ): Promise<Answers> {
    const keyed = jobs.some((job) => job.key !== undefined);
    const values = [...this.#values(jobs, payload), keyed ? patience : null];
    return allCreated(await this.#database.run(enqueueDistinct, values, executor));
  }

  #values(jobs: readonly NewJob[], payload: string | null): (string | number | null)[] {
    const { claimWithin } = this.#database.config;
    const traces = textColumn(jobs, (job) => job.trace);
    const told = textColumn(jobs, (job) => job.notify);
    return [...columnsOf(jobs), claimWithin, ATTEMPTS_DEFAULT, payload, traces, told];
  }

  /** The rows are inserted again, and those that had run meanwhile taken out before anybody sees them. */
  storeAgain(jobs: readonly NewJob[], patience: string | null): Promise<Answers> {
    return this.#database.transaction(async (executor) => {
      const payload = readyPayload(jobs.map((job) => job.type));
      const storing = { executor, patience };
      const stored = await (areLinked(jobs)
        ? this.#storeLinked(jobs, payload, storing)
        : this.#storeDistinct(jobs, payload, storing));
      const undone = await this.#database.run(undoRepeats, [[...stored.keys()]], executor);
      for (const { id } of undone) stored.delete(id);
      return stored;
    });
  }

  /** Says why jobs were not stored, as far as the reason is still there. */
  async findConflicts(open: readonly NewJob[], executor?: Executor): Promise<Answers> {
    const ids = open.map((job) => job.id);
    const keys = open.flatMap((job) => job.key ?? []);
    const rows = await this.#database.run(findConflicts, [ids, keys], executor);
    const byId = new Set(rows.map((row) => row.id));
    const byKey = new Map(
      rows.flatMap((row) => (row.key === null ? [] : [[row.key, row.id] as const])),
    );
    const answers: Answers = new Map();
    for (const job of open) {
      const holder = job.key === undefined ? undefined : byKey.get(job.key);
      if (byId.has(job.id)) answers.set(job.id, { id: job.id, created: false, reason: 'repeated' });
      else if (holder !== undefined) answers.set(job.id, refuseTaken(job, holder));
    }
    return answers;
  }

  /** Takes jobs out again that the caller's transaction has stored. */
  async takeBack(executor: Executor, jobs: readonly NewJob[]): Promise<void> {
    await this.#database.run(takeBack, [jobs.map((job) => job.id)], executor);
  }
}

/** The fields of jobs in the order of `enqueueJobs`, but for the traces and whom to tell. */
function columnsOf(jobs: readonly NewJob[]): (string | null)[] {
  return [
    plainColumn(jobs, (job) => job.id),
    textColumn(jobs, (job) => job.type),
    jsonColumn(jobs, (job) => job.input),
    plainColumn(jobs, (job) => (job.rank === 0 ? undefined : job.rank)),
    plainColumn(jobs, (job) => job.hold),
    plainColumn(jobs, (job) => job.runAt),
    plainColumn(jobs, (job) => job.delayMs),
    plainColumn(jobs, (job) => job.finishBy),
    plainColumn(jobs, (job) => job.claimWithinMs),
    plainColumn(jobs, (job) => job.attemptsMax),
    textColumn(jobs, (job) => job.key),
    textColumn(jobs, (job) => job.tags && textColumn(job.tags, (tag) => tag)),
  ];
}

/** Whether a job says nothing beside its input that another one does not say as well, and nothing that most jobs do not say. */
function isLike(job: NewJob, other: NewJob | undefined): boolean {
  return (
    job.type === other?.type &&
    job.rank === other.rank &&
    job.claimWithinMs === other.claimWithinMs &&
    job.claimWithinMs !== undefined &&
    job.attemptsMax === other.attemptsMax &&
    job.attemptsMax !== undefined &&
    job.hold === undefined &&
    job.runAt === undefined &&
    job.delayMs === undefined &&
    job.finishBy === undefined &&
    job.tags === undefined &&
    job.trace === undefined &&
    job.notify === undefined
  );
}

/** The values of `enqueueAlike`. */
function alikeValues(
  jobs: readonly NewJob[],
  payload: string | null,
): (string | number | null | undefined)[] {
  const [first] = jobs;
  return [
    plainColumn(jobs, (job) => job.id),
    jsonColumn(jobs, (job) => job.input),
    first?.type,
    first?.rank,
    first?.claimWithinMs,
    first?.attemptsMax,
    payload,
  ];
}

/** Adds more answers. */
export function add(answers: Answers, more: Answers): void {
  for (const [id, answer] of more) answers.set(id, answer);
}

/** Of jobs that are all linked or all not. */
function areLinked([first]: readonly NewJob[]): boolean {
  return first !== undefined && isLinked(first);
}

function split(jobs: readonly NewJob[]): [linked: readonly NewJob[], plain: readonly NewJob[]] {
  const linked = jobs.filter(isLinked);
  return linked.length === 0 ? [linked, jobs] : [linked, jobs.filter((job) => !isLinked(job))];
}

function allCreated(jobs: readonly { readonly id: string }[]): Answers {
  return new Map(jobs.map(({ id }) => [id, created(id)]));
}

/** The answer for a job that was stored. */
export function created(id: string): Enqueued {
  return { id, created: true, reason: 'created' };
}
