/**
 * Requests: enqueues that bear a key. The key, the jobs and what was answered are one transaction, so that whatever is lost on the way, a repeat finds
 * either all of it or nothing.
 */
import { UnstuckError, unstuckError } from '../../domain/errors.ts';
import type { NewJob } from '../../domain/new-job.ts';
import {
  type AnsweredRequest,
  checkRequestKey,
  fromStoredAnswers,
  type RequestAnswer,
  type RequestKey,
  toStoredAnswers,
} from '../../domain/request-key.ts';
import { Committer, type Waiting } from '../../engine/committer.ts';
import { reasonOf } from '../../engine/enqueue-errors.ts';
import type { Enqueuer, Stored } from '../../engine/enqueuer.ts';
import { lockTimeout } from '../../sql/migrate.ts';
import {
  dropRequests,
  noteRequests,
  openRequests,
  readRequests,
  releaseSavepoint,
  rollbackToSavepoint,
  savepoint,
} from '../../sql/requests.ts';
import type { Sql } from '../../sql/sql.ts';
import { textColumn } from '../../storage/columns.ts';
import type { Database, Executor } from '../../storage/database.ts';
import { patiently } from '../../storage/patience.ts';
import {
  codeOf,
  isConnectionLost,
  isLockTimeout,
  isTransient,
} from '../../storage/postgres-errors.ts';
import { LockWaits } from './lock-waits.ts';

/** One request that waits: what it asks to be stored, or why a job of it cannot be. */
interface Asked {
  readonly request: RequestKey;
  readonly jobs: readonly (NewJob | UnstuckError)[];
  readonly size: number;
}
type Batch = Waiting<Asked, AnsweredRequest>[];

/** Somebody else's open transaction may hold a key or a pool: the others of the group must not wait for it long. */
const LOCK_MS = 400;

/** Stores the jobs of requests that bear a key, each once. */
export class Requests {
  #database: Database;
  #enqueuer: Enqueuer;
  #committer: Committer<Asked, AnsweredRequest>;

  constructor(database: Database, enqueuer: Enqueuer) {
    this.#database = database;
    this.#enqueuer = enqueuer;
    this.#committer = new Committer(2, (batch) => this.#flush(batch));
  }

  /**
   * Stores the jobs of a request unless one with its key has been answered within 24 hours; then it is told the same. The key is remembered when at
   * least one job was stored. Throws REQUEST_INVALID, IDEMPOTENCY_MISMATCH, IDEMPOTENCY_IN_FLIGHT or DATABASE_UNREACHABLE; a job that cannot
   * be stored is answered with its error.
   */
  send(request: RequestKey, jobs: readonly (NewJob | UnstuckError)[]): Promise<AnsweredRequest> {
    checkRequestKey(request);
    const size = jobs.reduce((sum, job) => sum + ('size' in job ? job.size : 0), 150);
    return this.#committer.add({ request, jobs, size });
  }

  /** Resolves when every request has been answered. */
  stop(): Promise<void> {
    return this.#committer.drain();
  }

  /** Two of one key cannot be in one group: the second is answered as a repeat of the first. */
  async #flush(batch: Batch): Promise<void> {
    const waits = new LockWaits();
    let open = batch;
    while (open.length > 0) {
      const group = new Map(open.toReversed().map((one) => [keyOf(one.item.request), one]));
      const now = open.filter((one) => group.get(keyOf(one.item.request)) === one);
      await this.#flushGroup(now, waits);
      open = open.filter((one) => !now.includes(one));
    }
  }

  async #flushGroup(batch: Batch, waits: LockWaits): Promise<void> {
    if (batch.length > 1) {
      try {
        const answered = await this.#once(
          batch.map(({ item }) => item),
          waits,
        );
        for (const [place, one] of batch.entries()) settle(one, answered[place]);
        return;
      } catch (error) {
        if (codeOf(error) === 'DATABASE_UNREACHABLE') throw error;
        // One of them is in the way of the others: each by itself then, and whoever is to blame is told.
      }
    }
    for (const one of batch)
      await this.#once([one.item], waits).then(
        ([answer]) => settle(one, answer),
        (error: unknown) => one.reject(error),
      );
  }

  /** Tried again when the connection is lost: what had been committed is found, and is then no repeat. */
  #once(asked: readonly Asked[], waits: LockWaits): Promise<(AnsweredRequest | UnstuckError)[]> {
    let lost = false;
    return patiently('The request', async () => {
      try {
        const outcome = await this.#try(asked, waits);
        return outcome.map((one) =>
          lost && 'replayed' in one ? { ...one, replayed: false } : one,
        );
      } catch (error) {
        if (isConnectionLost(error)) lost = true;
        else if (isLockTimeout(error)) {
          if (asked.length === 1) waits.note();
          throw inFlight(asked[0]?.request, error);
        }
        throw error;
      }
    });
  }

  async #try(
    asked: readonly Asked[],
    waits: LockWaits,
  ): Promise<(AnsweredRequest | UnstuckError)[]> {
    const stored: Stored[] = [];
    const outcome = await this.#database.transaction(async (on) => {
      stored.length = 0;
      await this.#waitFor(on, asked.length === 1 ? waits.ms : LOCK_MS);
      const known = await this.#open(on, asked);
      const fresh = asked.filter((one) => !known.has(one));
      const answers = await this.#store(on, fresh, { stored, waits });
      await this.#note(on, fresh, answers);
      return asked.map(
        (one) => known.get(one) ?? { replayed: false, answers: answers.get(one) ?? [] },
      );
    });
    this.#enqueuer.committed(stored);
    return outcome;
  }

  /** Remembers the requests, and returns what is answered to those that were there. */
  async #open(
    on: Executor,
    asked: readonly Asked[],
  ): Promise<Map<Asked, AnsweredRequest | UnstuckError>> {
    const keys = keysOf(asked);
    const digests = textColumn(asked, ({ request }) => request.digest);
    const opened = await this.#database.run(openRequests, [...keys, digests], on);
    const isNew = new Set(opened.map(keyOf));
    const old = asked.filter(({ request }) => !isNew.has(keyOf(request)));
    if (old.length === 0) return new Map();
    const rows = await this.#database.run(readRequests, keysOf(old), on);
    const byKey = new Map(rows.map((row) => [keyOf(row), row]));
    return new Map(
      old.map((one): [Asked, AnsweredRequest | UnstuckError] => {
        const row = byKey.get(keyOf(one.request));
        // It was there and is gone: its request was refused, or its time ended just now.
        if (row === undefined) return [one, inFlight(one.request)];
        if (row.digest !== one.request.digest) return [one, mismatch(one.request)];
        return [one, { replayed: true, answers: fromStoredAnswers(row.answers) }];
      }),
    );
  }

  async #store(
    on: Executor,
    asked: readonly Asked[],
    { stored, waits }: { readonly stored: Stored[]; readonly waits: LockWaits },
  ): Promise<Map<Asked, RequestAnswer[]>> {
    const jobs = asked.flatMap((one) => one.jobs.filter(isJob));
    const answers = new Map<string, RequestAnswer>();
    // Within a group only whole requests are refused; a request of many jobs stores those that it can.
    const each =
      asked.length === 1 ? await this.#storeParts(on, jobs, waits) : await this.#storeAll(on, jobs);
    for (const [place, job] of jobs.entries()) {
      const answer = each[place] as RequestAnswer;
      answers.set(job.id, answer);
      if (!(answer instanceof UnstuckError)) stored.push({ job, created: answer.created });
    }
    return new Map(
      asked.map((one) => [
        one,
        one.jobs.map((job) => (isJob(job) ? (answers.get(job.id) as RequestAnswer) : job)),
      ]),
    );
  }

  async #storeAll(on: Executor, jobs: readonly NewJob[]): Promise<RequestAnswer[]> {
    return jobs.length === 0 ? [] : this.#enqueuer.enqueueEachIn(on, jobs);
  }

  /** What PostgreSQL refuses is halved down to the job that is to blame; the others are stored. */
  async #storeParts(
    on: Executor,
    jobs: readonly NewJob[],
    waits: LockWaits,
  ): Promise<RequestAnswer[]> {
    const refusals = jobs.map((job) => waits.refusalOf(job));
    const open = jobs.filter((_, place) => refusals[place] === undefined);
    if (open.length === 0) return refusals as UnstuckError[];
    if (open.length < jobs.length) {
      const answers = (await this.#storeParts(on, open, waits)).values();
      return refusals.map((refusal) => refusal ?? (answers.next().value as RequestAnswer));
    }
    await execute(on, savepoint);
    try {
      const answers = await this.#storeAll(on, jobs);
      await execute(on, releaseSavepoint);
      return answers;
    } catch (error) {
      if (isTransient(error) && !isLockTimeout(error)) throw error;
      await execute(on, rollbackToSavepoint);
      await execute(on, releaseSavepoint);
      if (jobs.length <= 1) return [refused(jobs[0], error, waits)];
      if (isLockTimeout(error)) {
        waits.note();
        await this.#waitFor(on, waits.ms);
      }
      const half = Math.ceil(jobs.length / 2);
      const left = await this.#storeParts(on, jobs.slice(0, half), waits);
      return [...left, ...(await this.#storeParts(on, jobs.slice(half), waits))];
    }
  }

  async #waitFor(on: Executor, ms: number): Promise<void> {
    await execute(on, lockTimeout(Math.min(ms, this.#database.config.lockTimeout)));
  }

  async #note(
    on: Executor,
    asked: readonly Asked[],
    answers: ReadonlyMap<Asked, readonly RequestAnswer[]>,
  ): Promise<void> {
    const isStored = (one: Asked): boolean =>
      (answers.get(one) ?? []).some((answer) => !(answer instanceof UnstuckError));
    const kept = asked.filter(isStored);
    const free = asked.filter((one) => !isStored(one));
    if (free.length > 0) await this.#database.run(dropRequests, keysOf(free), on);
    if (kept.length === 0) return;
    const list = kept.map((one) => toStoredAnswers(answers.get(one) ?? []));
    await this.#database.run(noteRequests, [...keysOf(kept), `[${list.join(',')}]`], on);
  }
}

function settle(
  one: Waiting<Asked, AnsweredRequest>,
  answer: AnsweredRequest | UnstuckError | undefined,
): void {
  if (answer === undefined || answer instanceof UnstuckError) one.reject(answer);
  else one.resolve(answer);
}

function execute(on: Executor, { text }: Sql): Promise<unknown> {
  return on.query({ text, values: [] });
}

function isJob(job: NewJob | UnstuckError): job is NewJob {
  return !(job instanceof UnstuckError);
}

/** Why a job could not be stored; what is no refusal of it is thrown. */
function refused(job: NewJob | undefined, error: unknown, waits: LockWaits): UnstuckError {
  const reason = reasonOf(job, error);
  if (!(reason instanceof UnstuckError)) throw reason;
  if (!isLockTimeout(error)) return reason;
  waits.note();
  waits.noteHeld(job, reason);
  return reason;
}

function keyOf({ sender, key }: Pick<RequestKey, 'sender' | 'key'>): string {
  return JSON.stringify([sender, key]);
}

function keysOf(asked: readonly Asked[]): (string | null)[] {
  return [
    textColumn(asked, ({ request }) => request.sender),
    textColumn(asked, ({ request }) => request.key),
  ];
}

function inFlight(request: RequestKey | undefined, cause?: unknown): UnstuckError {
  return unstuckError(
    'IDEMPOTENCY_IN_FLIGHT',
    `A request with the idempotency key ${JSON.stringify(request?.key)} is being served. Send it again in a moment; nothing was stored by this one.`,
    { cause },
  );
}

function mismatch({ key }: RequestKey): UnstuckError {
  return unstuckError(
    'IDEMPOTENCY_MISMATCH',
    `The idempotency key ${JSON.stringify(key)} was used for another request within the last 24 hours. Use a new key; nothing was stored.`,
  );
}
