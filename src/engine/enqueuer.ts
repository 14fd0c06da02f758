/** Enqueuer: stores new jobs, in groups, in a way that a lost reply neither loses nor doubles one. */
import { UnstuckError } from '../domain/errors.ts';
import type { Enqueued } from '../domain/job.ts';
import type { Log } from '../domain/log.ts';
import type { NewJob } from '../domain/new-job.ts';
import { ATTEMPTS_DEFAULT } from '../domain/retry-policy.ts';
import {
  enqueueDistinct,
  enqueueJobs,
  findConflicts,
  notify,
  takeBack,
  undoRepeats,
} from '../sql/enqueue.ts';
import { monotonicMs, sleep } from '../std/timer.ts';
import { jsonColumn, plainColumn, textColumn } from '../storage/columns.ts';
import type { Database, Executor } from '../storage/database.ts';
import { concernedBy } from '../storage/links.ts';
import {
  isConnectionLost,
  isLockTimeout,
  isTransient,
  violates,
} from '../storage/postgres-errors.ts';
import { Committer, type Waiting } from './committer.ts';
import { keyRestless, reasonOf, unavailable } from './enqueue-errors.ts';
import { LettingOn } from './letting-on.ts';
import { type Answer, answerOf, isLinked, refuseTaken, sendLinked } from './linked-jobs.ts';
import { limitPayload, Notifier, readyPayload } from './notifier.ts';

type Batch = Waiting<NewJob, Enqueued>[];
/** What is known so far, by the id of the job that was sent. */
type Answers = Map<string, Answer>;

/** How jobs are stored, and why some were not. */
interface Steps {
  readonly insert: (open: readonly NewJob[]) => Promise<Answers>;
  readonly lookUp: (open: readonly NewJob[]) => Promise<Answers>;
  readonly lookFirst?: boolean;
}

/** Where jobs are stored, whether they may be stored already, and how long a lock is waited for (null: as long as the session allows). */
interface Storing {
  readonly executor?: Executor | undefined;
  readonly again?: boolean;
  readonly patience?: string | null;
}

/** What is known of a batch before it is sent, and whether it may wait for a pool that somebody holds. */
interface Flushing {
  readonly maybeStored: boolean;
  readonly patient: boolean;
}

const NEW: Flushing = { maybeStored: false, patient: false };
/** A batch that was set aside may have been sent before. */
const HELD: Flushing = { maybeStored: true, patient: true };

const RETRY_FOR_MS = 15_000;
const KEY_ROUNDS = 20;
/** A key or a pool that somebody's open transaction holds must not hold up the other jobs for long. */
const KEY_PATIENCE = '200ms';

/**
 * Group-commits enqueues. Jobs with a unique key, and those with links, go through committers of their own: a key or a pool held elsewhere must
 * not delay plain jobs.
 */
export class Enqueuer {
  #database: Database;
  #lettingOn: LettingOn;
  #notifier: Notifier;
  #plain: Committer<NewJob, Enqueued>;
  #keyed: Committer<NewJob, Enqueued>;
  #linked: Committer<NewJob, Enqueued>;
  /** Jobs whose pool an open transaction of somebody holds: they wait for it here, and take one connection at most. */
  #held: Committer<NewJob, Enqueued>;
  #onStored: (types: ReadonlySet<string>) => void;

  constructor(database: Database, log: Log, onStored: (types: ReadonlySet<string>) => void) {
    this.#database = database;
    this.#lettingOn = new LettingOn(database, log, onStored);
    this.#notifier = new Notifier(database, log);
    this.#onStored = onStored;
    this.#plain = new Committer(2, (batch) => this.#flush(batch, NEW));
    this.#keyed = new Committer(1, (batch) => this.#flush(batch, NEW));
    this.#linked = new Committer(1, (batch) => this.#flushLinked(batch, NEW));
    this.#held = new Committer(1, (batch) => this.#flushLinked(batch, HELD));
  }

  /** Stores a job; resolves after COMMIT. Rejects only this call when only this job cannot be stored. */
  enqueue(job: NewJob): Promise<Enqueued> {
    return this.#committerOf(job).add(job);
  }

  /** Stores many jobs; resolves when it is settled what became of each, in their order. */
  async enqueueAll(jobs: readonly NewJob[]): Promise<PromiseSettledResult<Enqueued>[]> {
    const [first] = jobs;
    if (first === undefined) return [];
    const committer = this.#committerOf(first);
    if (jobs.every((job) => this.#committerOf(job) === committer)) return committer.addAll(jobs);
    return Promise.allSettled(jobs.map((job) => this.enqueue(job)));
  }

  #committerOf(job: NewJob): Committer<NewJob, Enqueued> {
    if (isLinked(job)) return this.#linked;
    return job.key === undefined ? this.#plain : this.#keyed;
  }

  /** Stores jobs in the caller's transaction, without repeating anything (the transaction is the caller's): all of them, or none. */
  async enqueueIn(executor: Executor, jobs: readonly NewJob[]): Promise<Enqueued[]> {
    const answers: Answers = new Map();
    await this.#answerAll(jobs, answers, {
      insert: (open) => this.#storeIn(executor, open),
      lookUp: (open) => this.#findConflicts(open, executor),
    });
    const given = jobs.map((job) => answers.get(job.id) ?? created(job.id));
    const refusal = given.find((answer) => answer instanceof UnstuckError);
    if (refusal === undefined) return given as Enqueued[];
    await this.#database.run(takeBack, [jobs.map((job) => job.id)], executor);
    throw refusal;
  }

  async #storeIn(executor: Executor, jobs: readonly NewJob[]): Promise<Answers> {
    const { notify: tells } = this.#database.config;
    const payload = tells ? readyPayload(jobs.map((job) => job.type)) : null;
    const answers: Answers = new Map();
    const [linked, plain] = split(jobs);
    if (plain.length > 0) add(answers, await this.#store(plain, payload, { executor }));
    if (linked.length > 0) add(answers, await this.#storeLinked(linked, payload, { executor }));
    const limited = linked.flatMap((job) => job.limitKey ?? []);
    // Let in after the commit, by whoever hears of it: limits are never locked in a transaction of a user.
    if (tells && limited.length > 0)
      await this.#database.run(notify, [limitPayload(limited)], executor);
    return answers;
  }

  /** Resolves when everything enqueued so far is settled. */
  async stop(): Promise<void> {
    await Promise.all([this.#plain, this.#keyed, this.#linked].map((one) => one.drain()));
    await this.#held.drain();
    await this.#lettingOn.drain();
    await this.#notifier.stop();
  }

  /** What a statement has answered stays answered: only the others are tried again, or a job that ended meanwhile would run twice. */
  async #flush(batch: Batch, how: Flushing): Promise<void> {
    const jobs = batch.map((waiting) => waiting.item);
    const answers: Answers = new Map();
    let repeated = how.maybeStored;
    const until = monotonicMs() + RETRY_FOR_MS;
    for (let round = 0; ; round += 1) {
      try {
        const open = unanswered(jobs, answers);
        return await this.#flushOnce(open, answers, {
          maybeStored: repeated,
          patient: how.patient,
        }).finally(() => resolve(batch, answers));
      } catch (error) {
        // Ids are new: that one is there already means that the statement had come through.
        if (!repeated && violates(error, 'jobs_pkey')) {
          repeated = true;
          continue;
        }
        repeated ||= isConnectionLost(error);
        // Only a key can be held by a transaction of somebody else; a locked table is an outage.
        const [first] = jobs;
        const keyHeld =
          isLockTimeout(error) && first !== undefined && this.#committerOf(first) !== this.#plain;
        if (keyHeld || !isTransient(error)) {
          const rest = batch.filter(({ item }) => !answers.has(item.id));
          const next = { maybeStored: repeated, patient: how.patient };
          if (keyHeld && first.pool !== undefined) return await this.#apart(rest, error, next);
          return await this.#alone(rest, error, next);
        }
        if (monotonicMs() > until) throw unavailable(error, RETRY_FOR_MS);
        await sleep(Math.min(1_000, 20 * 2 ** round));
      }
    }
  }

  /** `maybeStored`: a reply was lost, so any of these jobs may be stored, and may have run since (A2). */
  #flushOnce(jobs: readonly NewJob[], answers: Answers, how: Flushing): Promise<void> {
    const { maybeStored: repeated } = how;
    const patience = how.patient ? null : KEY_PATIENCE;
    const insert = async (open: readonly NewJob[]): Promise<Answers> => {
      const types = new Set(open.map((job) => job.type));
      const stored = repeated
        ? await this.#storeAgain(open, patience)
        : await this.#storeNew(open, this.#notifier.take(types), { patience });
      if (stored.size > 0) this.#onStored(types);
      return stored;
    };
    const lookUp = async (open: readonly NewJob[]): Promise<Answers> => {
      const found = await this.#findConflicts(open);
      for (const [id, answer] of repeated ? found : [])
        if (!(answer instanceof UnstuckError) && answer.reason === 'repeated')
          found.set(id, created(id));
      return found;
    };
    return this.#answerAll(jobs, answers, { insert, lookUp, lookFirst: repeated });
  }

  /**
   * Inserts and looks up by turns until every job has its answer; a key whose holder ended in between is simply tried again. Jobs that may
   * be stored are looked up first: their keys may be somebody else's by now.
   */
  async #answerAll(jobs: readonly NewJob[], answers: Answers, steps: Steps): Promise<void> {
    let open = jobs;
    for (let round = 0; open.length > 0 && round <= KEY_ROUNDS; round += 1) {
      if (round > 0 || steps.lookFirst === true) add(answers, await steps.lookUp(open));
      open = unanswered(open, answers);
      if (open.length === 0) return;
      add(answers, await steps.insert(open));
      open = unanswered(open, answers);
    }
    const [left] = open;
    if (left !== undefined) throw keyRestless(left, KEY_ROUNDS);
  }

  /** After the jobs are answered for, those that wait for a place at a limit are let in, as far as there is room. */
  async #flushLinked(batch: Batch, how: Flushing): Promise<void> {
    await this.#flush(batch, how);
    const limitKeys = new Set(batch.flatMap(({ item }) => item.limitKey ?? []));
    this.#lettingOn.add({ ...concernedBy([]), limitKeys });
  }

  #storeNew(jobs: readonly NewJob[], payload: string | null, storing: Storing): Promise<Answers> {
    const linked = jobs[0] !== undefined && isLinked(jobs[0]);
    return linked ? this.#storeLinked(jobs, payload, storing) : this.#store(jobs, payload, storing);
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

  /** Stores what is not stored yet, and answers for it. Only a key, or a job that is sent again, can find something in its way. */
  async #store(
    jobs: readonly NewJob[],
    payload: string | null,
    { executor, again = false, patience = null }: Storing,
  ): Promise<Answers> {
    const { claimWithin } = this.#database.config;
    const values = [...columnsOf(jobs), claimWithin, ATTEMPTS_DEFAULT, payload];
    const keyed = jobs.some((job) => job.key !== undefined);
    if (!keyed && !again) {
      await this.#database.run(enqueueJobs, values, executor);
      return new Map(jobs.map(({ id }) => [id, created(id)]));
    }
    const rows = await this.#database.run(
      enqueueDistinct,
      [...values, keyed ? patience : null],
      executor,
    );
    return new Map(rows.map(({ id }) => [id, created(id)]));
  }

  /** The rows are inserted again, and those that had run meanwhile taken out before anybody sees them. */
  #storeAgain(jobs: readonly NewJob[], patience: string | null): Promise<Answers> {
    return this.#database.transaction(async (executor) => {
      const payload = readyPayload(jobs.map((job) => job.type));
      const stored = await this.#storeNew(jobs, payload, { executor, again: true, patience });
      const undone = await this.#database.run(undoRepeats, [[...stored.keys()]], executor);
      for (const { id } of undone) stored.delete(id);
      return stored;
    });
  }

  /** Says why jobs were not stored, as far as the reason is still there. */
  async #findConflicts(open: readonly NewJob[], executor?: Executor): Promise<Answers> {
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

  /** One bad row rejects only its own call (A13): the others are stored one by one. */
  async #alone(batch: Batch, error: unknown, how: Flushing): Promise<void> {
    if (batch.length === 1) throw reasonOf(batch[0]?.item, error);
    await this.#flushEach(
      batch.map((waiting) => [waiting]),
      how,
    );
  }

  /** Somebody's open transaction holds one of the pools: jobs of others are stored at once, and those of that one wait for it apart. */
  async #apart(batch: Batch, error: unknown, how: Flushing): Promise<void> {
    if (how.patient) throw reasonOf(batch[0]?.item, error);
    const groups = byPool(batch);
    if (groups.length > 1) return this.#flushEach(groups, how);
    for (const waiting of batch)
      void this.#held.add(waiting.item).then(
        (answer) => waiting.resolve(answer),
        (own: unknown) => waiting.reject(own),
      );
  }

  async #flushEach(groups: readonly Batch[], how: Flushing): Promise<void> {
    for (const group of groups)
      await this.#flush(group, how).catch((own: unknown) => {
        for (const waiting of group) waiting.reject(own);
      });
  }
}

/** The fields of jobs in the order of `enqueueJobs`. */
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

function unanswered(jobs: readonly NewJob[], answers: Answers): readonly NewJob[] {
  return answers.size === 0 ? jobs : jobs.filter((job) => !answers.has(job.id));
}

function resolve(batch: Batch, answers: Answers): void {
  for (const waiting of batch) {
    const answer = answers.get(waiting.item.id);
    if (answer instanceof UnstuckError) waiting.reject(answer);
    else if (answer !== undefined) waiting.resolve(answer);
  }
}

function byPool(batch: Batch): Batch[] {
  const groups = new Map<string, Batch>();
  for (const waiting of batch) {
    const pool = waiting.item.pool ?? '';
    groups.set(pool, [...(groups.get(pool) ?? []), waiting]);
  }
  return [...groups.values()];
}

function add(answers: Answers, more: Answers): void {
  for (const [id, answer] of more) answers.set(id, answer);
}

function split(jobs: readonly NewJob[]): [linked: readonly NewJob[], plain: readonly NewJob[]] {
  const linked = jobs.filter(isLinked);
  return linked.length === 0 ? [linked, jobs] : [linked, jobs.filter((job) => !isLinked(job))];
}

function created(id: string): Enqueued {
  return { id, created: true, reason: 'created' };
}
