/** Enqueuer: stores new jobs, in groups, in a way that a lost reply neither loses nor doubles one. */
import { UnstuckError, unstuckError } from '../domain/errors.ts';
import type { Enqueued } from '../domain/job.ts';
import type { Log } from '../domain/log.ts';
import type { CheckedJob } from '../domain/new-job.ts';
import { ATTEMPTS_DEFAULT } from '../domain/retry-policy.ts';
import { enqueueDistinct, enqueueJobs, findConflicts, undoRepeats } from '../sql/enqueue.ts';
import { monotonicMs, sleep } from '../std/timer.ts';
import { jsonColumn, plainColumn, textColumn } from '../storage/columns.ts';
import type { Database, Executor } from '../storage/database.ts';
import {
  codeOf,
  isConnectionLost,
  isLockTimeout,
  isTransient,
  violates,
} from '../storage/postgres-errors.ts';
import { Committer, type Waiting } from './committer.ts';
import { Notifier, readyPayload } from './notifier.ts';

/** A job that is ready to be sent: checked, encoded, with its id. */
export interface NewJob extends CheckedJob {
  readonly id: string;
  /** About how many characters are sent for it. */
  readonly size: number;
}

type Batch = Waiting<NewJob, Enqueued>[];
/** What is known so far, by the id of the job that was sent. */
type Answers = Map<string, Enqueued>;

/** How jobs are stored, and why some were not. */
interface Steps {
  readonly insert: (open: readonly NewJob[]) => Promise<readonly string[]>;
  readonly lookUp: (open: readonly NewJob[]) => Promise<Answers>;
  readonly lookFirst?: boolean;
}

/** Where jobs are stored, and whether they may be stored already. */
interface Storing {
  readonly executor?: Executor | undefined;
  readonly again?: boolean;
}

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

  /** Stores many jobs; resolves when it is settled what became of each, in their order. */
  async enqueueAll(jobs: readonly NewJob[]): Promise<PromiseSettledResult<Enqueued>[]> {
    if (jobs.every((job) => job.key === undefined)) return this.#plain.addAll(jobs);
    return Promise.allSettled(jobs.map((job) => this.enqueue(job)));
  }

  /** Stores jobs in the caller's transaction, without repeating anything (the transaction is the caller's). */
  async enqueueIn(executor: Executor, jobs: readonly NewJob[]): Promise<Enqueued[]> {
    const types = jobs.map((job) => job.type);
    const payload = this.#database.config.notify ? readyPayload(types) : null;
    const answers: Answers = new Map();
    await this.#answerAll(jobs, answers, {
      insert: (open) => this.#store(open, payload, { executor }),
      lookUp: (open) => this.#findConflicts(open, executor),
    });
    return jobs.map((job) => answers.get(job.id) ?? created(job.id));
  }

  /** Resolves when everything enqueued so far is settled. */
  async stop(): Promise<void> {
    await Promise.all([this.#plain.drain(), this.#keyed.drain()]);
    await this.#notifier.stop();
  }

  /** What a statement has answered stays answered: only the others are tried again, or a job that ended meanwhile would run twice. */
  async #flush(batch: Batch, maybeStored = false): Promise<void> {
    const jobs = batch.map((waiting) => waiting.item);
    const answers: Answers = new Map();
    let repeated = maybeStored;
    const until = monotonicMs() + RETRY_FOR_MS;
    for (let round = 0; ; round += 1) {
      try {
        const open = unanswered(jobs, answers);
        return await this.#flushOnce(open, answers, repeated).finally(() =>
          resolve(batch, answers),
        );
      } catch (error) {
        // Ids are new: that one is there already means that the statement had come through.
        if (!repeated && violates(error, 'jobs_pkey')) {
          repeated = true;
          continue;
        }
        repeated ||= isConnectionLost(error);
        // Only a key can be held by a transaction of somebody else; a locked table is an outage.
        const keyHeld = isLockTimeout(error) && jobs[0]?.key !== undefined;
        if (keyHeld || !isTransient(error)) {
          const rest = batch.filter(({ item }) => !answers.has(item.id));
          return await this.#alone(rest, error, repeated);
        }
        if (monotonicMs() > until) throw unavailable(error);
        await sleep(Math.min(1_000, 20 * 2 ** round));
      }
    }
  }

  /** `repeated`: a reply was lost, so any of these jobs may be stored, and may have run since (A2). */
  #flushOnce(jobs: readonly NewJob[], answers: Answers, repeated: boolean): Promise<void> {
    const insert = async (open: readonly NewJob[]): Promise<readonly string[]> => {
      const types = new Set(open.map((job) => job.type));
      const stored = repeated
        ? await this.#storeAgain(open)
        : await this.#store(open, this.#notifier.take(types), {});
      if (stored.length > 0) this.#onStored(types);
      return stored;
    };
    const lookUp = async (open: readonly NewJob[]): Promise<Answers> => {
      const found = await this.#findConflicts(open);
      for (const { id, reason } of repeated ? found.values() : [])
        if (reason === 'repeated') found.set(id, created(id));
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
      if (round > 0 || steps.lookFirst === true)
        for (const [id, found] of await steps.lookUp(open)) answers.set(id, found);
      open = unanswered(open, answers);
      if (open.length === 0) return;
      for (const id of await steps.insert(open)) answers.set(id, created(id));
      open = unanswered(open, answers);
    }
    const [left] = open;
    if (left !== undefined) throw keyRestless(left);
  }

  /** Stores what is not stored yet, and returns its ids. Only a key, or a job that is sent again, can find something in its way. */
  async #store(
    jobs: readonly NewJob[],
    payload: string | null,
    { executor, again = false }: Storing,
  ): Promise<string[]> {
    const { claimWithin } = this.#database.config;
    const values = [...columnsOf(jobs), claimWithin, ATTEMPTS_DEFAULT, payload];
    const keyed = jobs.some((job) => job.key !== undefined);
    if (!keyed && !again) {
      await this.#database.run(enqueueJobs, values, executor);
      return jobs.map((job) => job.id);
    }
    const patience = keyed && executor === undefined ? KEY_PATIENCE : null;
    const rows = await this.#database.run(enqueueDistinct, [...values, patience], executor);
    return rows.map((row) => row.id);
  }

  /** The rows are inserted again, and those that had run meanwhile taken out before anybody sees them. */
  #storeAgain(jobs: readonly NewJob[]): Promise<readonly string[]> {
    return this.#database.transaction(async (executor) => {
      const payload = readyPayload(jobs.map((job) => job.type));
      const stored = await this.#store(jobs, payload, { executor, again: true });
      const undone = await this.#database.run(undoRepeats, [stored], executor);
      const gone = new Set(undone.map((row) => row.id));
      return stored.filter((id) => !gone.has(id));
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
      else if (holder !== undefined)
        answers.set(job.id, { id: holder, created: false, reason: 'key-live' });
    }
    return answers;
  }

  /** One bad row rejects only its own call (A13): the others are stored one by one. */
  async #alone(batch: Batch, error: unknown, maybeStored: boolean): Promise<void> {
    if (batch.length === 1) throw reasonOf(batch[0]?.item, error);
    for (const waiting of batch) {
      await this.#flush([waiting], maybeStored).catch((own: unknown) => waiting.reject(own));
    }
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
    if (answer !== undefined) waiting.resolve(answer);
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

function reasonOf(job: NewJob | undefined, error: unknown): unknown {
  if (error instanceof UnstuckError) return error;
  return isLockTimeout(error) ? keyBusy(job, error) : refused(error);
}

function keyBusy(job: NewJob | undefined, cause: unknown): Error {
  return unstuckError(
    'KEY_BUSY',
    `The key ${JSON.stringify(job?.key)} is held by an open transaction of another session. Nothing was stored; try again when that transaction has ended.`,
    { cause },
  );
}

function keyRestless({ key }: NewJob): Error {
  return unstuckError(
    'KEY_BUSY',
    `The key ${JSON.stringify(key)} was taken and freed again ${KEY_ROUNDS} times. Nothing was stored for it; try again.`,
  );
}

function refused(cause: unknown): Error {
  return unstuckError(
    'ENQUEUE_REFUSED',
    `PostgreSQL refused to store the job (${codeOf(cause)}): ${(cause as Error).message}. Nothing was stored.`,
    { cause },
  );
}
