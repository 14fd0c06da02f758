/** Enqueuer: stores new jobs, in groups, in a way that a lost reply neither loses nor doubles one. */
import { unstuckError } from '../domain/errors.ts';
import type { Enqueued } from '../domain/job.ts';
import type { Log } from '../domain/log.ts';
import { ATTEMPTS_DEFAULT } from '../domain/retry-policy.ts';
import { enqueueJobs, findConflicts, undoRepeats } from '../sql/enqueue.ts';
import { monotonicMs, sleep } from '../std/timer.ts';
import type { Database, Executor } from '../storage/database.ts';
import {
  codeOf,
  isConnectionLost,
  isLockTimeout,
  isTransient,
} from '../storage/postgres-errors.ts';
import { Committer, type Waiting } from './committer.ts';
import { Notifier, readyPayload } from './notifier.ts';

/** A job that is ready to be sent: checked, encoded, with its id. */
export interface NewJob {
  readonly id: string;
  readonly type: string;
  readonly key: string | undefined;
  /** The JSON object that `enqueueJobs` reads. */
  readonly json: string;
  readonly size: number;
}

type Batch = Waiting<NewJob, Enqueued>[];

const RETRY_FOR_MS = 15_000;
const KEY_ROUNDS = 20;
/** A key that somebody's open transaction holds must not hold up the other keyed jobs for long. */
const KEY_PATIENCE = '200ms';

/** Group-commits enqueues. Jobs with a unique key go through a committer of their own: one key held elsewhere must not delay plain jobs. */
export class Enqueuer {
  #database: Database;
  #notifier: Notifier;
  #plain: Committer<NewJob, Enqueued>;
  #keyed: Committer<NewJob, Enqueued>;
  #onStored: (types: ReadonlySet<string>) => void;

  constructor(database: Database, log: Log, onStored: (types: ReadonlySet<string>) => void) {
    this.#database = database;
    this.#notifier = new Notifier(database, log);
    this.#onStored = onStored;
    this.#plain = new Committer(2, (batch) => this.#flush(batch));
    this.#keyed = new Committer(1, (batch) => this.#flush(batch));
  }

  /** Stores a job; resolves after COMMIT. Rejects only this call when only this job cannot be stored. */
  enqueue(job: NewJob): Promise<Enqueued> {
    return (job.key === undefined ? this.#plain : this.#keyed).add(job);
  }

  /** Stores jobs in the caller's transaction: one statement, no retry (the transaction is the caller's). */
  async enqueueIn(executor: Executor, jobs: readonly NewJob[]): Promise<Enqueued[]> {
    const payload = this.#database.config.notify ? readyPayload(jobs.map((job) => job.type)) : null;
    const stored = await this.#store(jobs, payload, executor);
    const missed = jobs.filter((job) => !stored.has(job.id));
    const answers =
      missed.length === 0 ? new Map<string, Enqueued>() : await this.#classify(missed, executor);
    return jobs.map((job) => answers.get(job.id) ?? created(job.id));
  }

  /** Resolves when everything enqueued so far is settled. */
  async stop(): Promise<void> {
    await Promise.all([this.#plain.drain(), this.#keyed.drain()]);
    await this.#notifier.stop();
  }

  async #flush(batch: Batch, maybeStored = false): Promise<void> {
    const jobs = batch.map((waiting) => waiting.item);
    let repeated = maybeStored;
    const until = monotonicMs() + RETRY_FOR_MS;
    for (let round = 0; ; round += 1) {
      try {
        return await this.#flushOnce(batch, jobs, repeated);
      } catch (error) {
        if (!isTransient(error)) return await this.#alone(batch, error, repeated);
        // Only a key can be held by a transaction of somebody else; a locked table is an outage.
        if (isLockTimeout(error) && jobs[0]?.key !== undefined)
          return await this.#alone(batch, error, repeated);
        if (monotonicMs() > until) throw unavailable(error);
        repeated ||= isConnectionLost(error);
        await sleep(Math.min(1_000, 20 * 2 ** round));
      }
    }
  }

  /** After a lost reply the rows are inserted again, and those that had run meanwhile taken out before anybody sees them (A2). */
  async #flushOnce(batch: Batch, jobs: readonly NewJob[], repeated: boolean): Promise<void> {
    const types = new Set(jobs.map((job) => job.type));
    const stored = repeated
      ? await this.#storeAgain(jobs)
      : await this.#store(jobs, this.#notifier.take(types));
    const missed = jobs.filter((job) => !stored.has(job.id));
    const answers = missed.length === 0 ? undefined : await this.#classify(missed);
    for (const { item, done } of batch) {
      const answer = answers?.get(item.id) ?? created(item.id);
      done.resolve(repeated && answer.reason === 'repeated' ? created(item.id) : answer);
    }
    if (stored.size > 0) this.#onStored(types);
  }

  async #store(
    jobs: readonly NewJob[],
    payload: string | null,
    executor?: Executor,
  ): Promise<Set<string>> {
    const list = `[${jobs.map((job) => job.json).join(',')}]`;
    const keyed = executor === undefined && jobs[0]?.key !== undefined;
    const { claimWithin } = this.#database.config;
    const values = [list, payload, claimWithin, ATTEMPTS_DEFAULT, keyed ? KEY_PATIENCE : null];
    const rows = await this.#database.run(enqueueJobs, values, executor);
    return new Set(rows.map((row) => row.id));
  }

  #storeAgain(jobs: readonly NewJob[]): Promise<Set<string>> {
    return this.#database.transaction(async (client) => {
      const stored = await this.#store(jobs, readyPayload(jobs.map((job) => job.type)), client);
      for (const undone of await this.#database.run(undoRepeats, [[...stored]], client))
        stored.delete(undone.id);
      return stored;
    });
  }

  /** Says why jobs were not stored; a key whose holder ended in between is simply tried again. */
  async #classify(missed: readonly NewJob[], executor?: Executor): Promise<Map<string, Enqueued>> {
    const answers = new Map<string, Enqueued>();
    let open = missed;
    for (let round = 0; open.length > 0 && round < KEY_ROUNDS; round += 1) {
      await this.#answerConflicts(open, answers, executor);
      open = open.filter((job) => !answers.has(job.id));
      if (open.length === 0) break;
      for (const id of await this.#store(open, null, executor)) answers.set(id, created(id));
      open = open.filter((job) => !answers.has(job.id));
    }
    const [left] = open;
    if (left !== undefined)
      throw unstuckError(
        'KEY_BUSY',
        `The key ${JSON.stringify(left.key)} was taken and freed again ${KEY_ROUNDS} times. Nothing was stored for it; try again.`,
      );
    return answers;
  }

  async #answerConflicts(
    open: readonly NewJob[],
    answers: Map<string, Enqueued>,
    executor?: Executor,
  ): Promise<void> {
    const keys = open.flatMap((job) => job.key ?? []);
    const rows = await this.#database.run(
      findConflicts,
      [open.map((job) => job.id), keys],
      executor,
    );
    const byId = new Set(rows.map((row) => row.id));
    const byKey = new Map(
      rows.flatMap((row) => (row.key === null ? [] : [[row.key, row.id] as const])),
    );
    for (const job of open) {
      const holder = job.key === undefined ? undefined : byKey.get(job.key);
      if (byId.has(job.id)) answers.set(job.id, { id: job.id, created: false, reason: 'repeated' });
      else if (holder !== undefined)
        answers.set(job.id, { id: holder, created: false, reason: 'key-live' });
    }
  }

  /** One bad row rejects only its own call (A13): the others are stored one by one. */
  async #alone(batch: Batch, error: unknown, maybeStored: boolean): Promise<void> {
    if (batch.length === 1)
      throw isLockTimeout(error) ? keyBusy(batch[0]?.item, error) : refused(error);
    for (const waiting of batch) {
      await this.#flush([waiting], maybeStored).catch((own: unknown) => waiting.done.reject(own));
    }
  }
}

function created(id: string): Enqueued {
  return { id, created: true, reason: 'created' };
}

function unavailable(cause: unknown): Error {
  return unstuckError(
    'DATABASE_UNREACHABLE',
    `The job could not be stored within ${RETRY_FOR_MS / 1_000} s: ${(cause as Error).message}. It may or may not be stored; enqueue it with a key to repeat it safely.`,
    { cause },
  );
}

function keyBusy(job: NewJob | undefined, cause: unknown): Error {
  return unstuckError(
    'KEY_BUSY',
    `The key ${JSON.stringify(job?.key)} is held by an open transaction of another session. Nothing was stored; try again when that transaction has ended.`,
    { cause },
  );
}

function refused(cause: unknown): Error {
  return unstuckError(
    'ENQUEUE_REFUSED',
    `PostgreSQL refused to store the job (${codeOf(cause)}): ${(cause as Error).message}. Nothing was stored.`,
    { cause },
  );
}
