/** Enqueuer: stores new jobs, in groups, in a way that a lost reply neither loses nor doubles one. */
import { UnstuckError } from '../domain/errors.ts';
import type { Enqueued } from '../domain/job.ts';
import type { Log } from '../domain/log.ts';
import { Meter } from '../domain/meter.ts';
import type { NewJob } from '../domain/new-job.ts';
import { monotonicMs, sleep } from '../std/timer.ts';
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
import { type Answered, type Answers, add, created, JobStore } from './job-store.ts';
import { LettingOn } from './letting-on.ts';
import { type Answer, isLinked } from './linked-jobs.ts';
import { Notifier } from './notifier.ts';
import { traceSend, traceSendAll, traceSendOne } from './send-trace.ts';
import type { Traces } from './tracing.ts';

type Batch = Waiting<NewJob, Enqueued>[];
/** How jobs are stored, and why some were not. */
interface Steps {
  readonly insert: (open: readonly NewJob[]) => Promise<Answered>;
  readonly lookUp: (open: readonly NewJob[]) => Promise<Answers>;
  readonly lookFirst?: boolean;
}

/** What is known of a batch before it is sent, and whether it may wait for a pool that somebody holds. */
interface Flushing {
  readonly maybeStored: boolean;
  readonly patient: boolean;
  /** Whether the ids come from elsewhere: a job that is there already was stored by another call, which is told. */
  readonly ownIds: boolean;
}

/** A committer for each kind of jobs: none of them waits for what only another kind can find in its way. */
interface Committers {
  readonly plain: Committer<NewJob, Enqueued>;
  readonly keyed: Committer<NewJob, Enqueued>;
  readonly linked: Committer<NewJob, Enqueued>;
}

/** A job of somebody's transaction, and whether that made it: else another one has its key. */
export interface Stored {
  readonly job: NewJob;
  readonly created: boolean;
}

const NEW: Flushing = { maybeStored: false, patient: false, ownIds: false };
/** Of these any may be stored, and may have ended. */
const ONCE: Flushing = { maybeStored: true, patient: false, ownIds: true };

const RETRY_FOR_MS = 15_000;
const KEY_ROUNDS = 20;
/** A key or a pool that somebody's open transaction holds must not hold up the other jobs for long. */
const KEY_PATIENCE = '200ms';

/**
 * Group-commits enqueues. Jobs with a unique key, and those with links, go through committers of their own: a key or a pool held elsewhere must
 * not delay plain jobs.
 */
export class Enqueuer {
  #config: Traces;
  #store: JobStore;
  #lettingOn: LettingOn;
  #notifier: Notifier;
  #new: Committers;
  #once: Committers;
  /** Jobs whose pool an open transaction of somebody holds: they wait for it here, and take one connection at most. */
  #held: Committers['linked'];
  #heldOnce: Committers['linked'];
  #onStored: (types: ReadonlySet<string>) => void;
  #meter: Meter;

  constructor(
    database: Database,
    log: Log,
    onStored: (types: ReadonlySet<string>) => void,
    meter: Meter = new Meter(),
  ) {
    this.#config = database.config;
    this.#meter = meter;
    this.#store = new JobStore(database);
    this.#lettingOn = new LettingOn(database, log, onStored);
    this.#notifier = new Notifier(database, log);
    this.#onStored = onStored;
    this.#new = this.#committers(NEW);
    this.#once = this.#committers(ONCE);
    this.#held = this.#patient(NEW);
    this.#heldOnce = this.#patient(ONCE);
  }

  #committers(how: Flushing): Committers {
    return {
      plain: new Committer(2, (batch) => this.#flush(batch, how)),
      keyed: new Committer(1, (batch) => this.#flush(batch, how)),
      linked: new Committer(1, (batch) => this.#flushLinked(batch, how)),
    };
  }

  /** A batch that was set aside may have been sent before. */
  #patient(how: Flushing): Committers['linked'] {
    const patient = { ...how, maybeStored: true, patient: true };
    return new Committer(1, (batch) => this.#flushLinked(batch, patient));
  }

  /** Stores a job; resolves after COMMIT. Rejects only this call when only this job cannot be stored. */
  enqueue(job: NewJob): Promise<Enqueued> {
    return traceSendOne(this.#config, job, (traced) => this.#new[kindOf(traced)].add(traced));
  }

  /** Stores many jobs; resolves when it is settled what became of each, in their order. */
  enqueueAll(jobs: readonly NewJob[]): Promise<PromiseSettledResult<Enqueued>[]> {
    return traceSendAll(this.#config, jobs, (traced) => addAll(this.#new, traced));
  }

  /**
   * Stores many jobs whose ids come from elsewhere and may have been stored by anybody, at any time: each is stored once for as long as it is kept
   * after its end, and one that was there is told as `repeated`. No id may stand twice among them.
   */
  enqueueOnce(jobs: readonly NewJob[]): Promise<PromiseSettledResult<Enqueued>[]> {
    return traceSendAll(this.#config, jobs, (traced) => addAll(this.#once, traced));
  }

  /** Stores jobs in the caller's transaction, without repeating anything (the transaction is the caller's): all of them, or none. */
  enqueueIn(executor: Executor, jobs: readonly NewJob[]): Promise<Enqueued[]> {
    return traceSend(this.#config, jobs, (traced) => this.#storeAllIn(executor, traced));
  }

  /** The same, but one that is refused keeps no other from being stored: answers for each, in their order. */
  enqueueEachIn(executor: Executor, jobs: readonly NewJob[]): Promise<Answer[]> {
    return traceSend(this.#config, jobs, (traced) => this.#storeEachIn(executor, traced));
  }

  async #storeAllIn(executor: Executor, jobs: readonly NewJob[]): Promise<Enqueued[]> {
    const given = await this.#storeEachIn(executor, jobs);
    const refusal = given.find((answer) => answer instanceof UnstuckError);
    if (refusal === undefined) {
      for (const [index, job] of jobs.entries())
        this.#meter.enqueued(job.type, (given[index] as Enqueued).created);
      return given as Enqueued[];
    }
    await this.#store.takeBack(executor, jobs);
    throw refusal;
  }

  async #storeEachIn(executor: Executor, jobs: readonly NewJob[]): Promise<Answer[]> {
    const answers: Answers = new Map();
    await this.#answerAll(jobs, answers, {
      insert: (open) => this.#store.storeIn(executor, open),
      lookUp: (open) => this.#store.findConflicts(open, executor),
    });
    return jobs.map((job) => answers.get(job.id) ?? created(job.id));
  }

  /** Counts jobs whose transaction has been committed, tells the workers of this process of them, and lets those in that wait at a limit. */
  committed(stored: readonly Stored[]): void {
    if (stored.length === 0) return;
    for (const { job, created: isNew } of stored) this.#meter.enqueued(job.type, isNew);
    const jobs = stored.map(({ job }) => job);
    this.#onStored(new Set(jobs.map((job) => job.type)));
    const limitKeys = new Set(jobs.flatMap((job) => job.limitKey ?? []));
    if (limitKeys.size > 0) this.#lettingOn.add({ ...concernedBy([]), limitKeys });
  }

  /** Resolves when everything enqueued so far is settled. */
  async stop(): Promise<void> {
    const first = [this.#new, this.#once].flatMap((all) => [all.plain, all.keyed, all.linked]);
    await Promise.all(first.map((one) => one.drain()));
    await Promise.all([this.#held.drain(), this.#heldOnce.drain()]);
    await this.#lettingOn.drain();
    await this.#notifier.stop();
  }

  /** What a statement has answered stays answered: only the others are tried again, or a job that ended meanwhile would run twice. */
  async #flush(batch: Batch, how: Flushing): Promise<void> {
    let rest = batch;
    let repeated = how.maybeStored;
    const until = monotonicMs() + RETRY_FOR_MS;
    for (let round = 0; ; round += 1) {
      const answers: Answers = new Map();
      const jobs = rest.map((waiting) => waiting.item);
      try {
        await this.#flushOnce(jobs, answers, { ...how, maybeStored: repeated });
        return answerAll(rest, answers, this.#meter);
      } catch (error) {
        answerAll(
          rest.filter(({ item }) => answers.has(item.id)),
          answers,
          this.#meter,
        );
        rest = rest.filter(({ item }) => !answers.has(item.id));
        // Ids are new: that one is there already means that the statement had come through.
        if (!repeated && violates(error, 'jobs_pkey')) {
          repeated = true;
          continue;
        }
        repeated ||= isConnectionLost(error);
        // Only a key can be held by a transaction of somebody else; a locked table is an outage.
        const [first] = jobs;
        const keyHeld = isLockTimeout(error) && first !== undefined && kindOf(first) !== 'plain';
        if (keyHeld || !isTransient(error)) {
          const next = { ...how, maybeStored: repeated };
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
    const insert = async (open: readonly NewJob[]): Promise<Answered> => {
      const types = new Set(open.map((job) => job.type));
      const stored = repeated
        ? await this.#store.storeAgain(open, patience)
        : await this.#store.store(open, this.#notifier.take(types), { patience });
      if (stored === 'all created' || stored.size > 0) this.#onStored(types);
      return stored;
    };
    const lookUp = async (open: readonly NewJob[]): Promise<Answers> => {
      const found = await this.#store.findConflicts(open);
      for (const [id, answer] of repeated && !how.ownIds ? found : [])
        if (!(answer instanceof UnstuckError) && answer.reason === 'repeated')
          found.set(id, created(id));
      return found;
    };
    return this.#answerAll(jobs, answers, { insert, lookUp, lookFirst: repeated });
  }

  /**
   * Inserts and looks up by turns until every job has its answer; a key whose holder ended in between is simply tried again. Jobs that may
   * be stored are looked up first: their keys may be somebody else's by now. Those that have no answer then have been created.
   */
  async #answerAll(jobs: readonly NewJob[], answers: Answers, steps: Steps): Promise<void> {
    let open = jobs;
    for (let round = 0; open.length > 0 && round <= KEY_ROUNDS; round += 1) {
      if (round > 0 || steps.lookFirst === true) add(answers, await steps.lookUp(open));
      open = unanswered(open, answers);
      if (open.length === 0) return;
      const inserted = await steps.insert(open);
      if (inserted === 'all created') return;
      add(answers, inserted);
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
      void (how.ownIds ? this.#heldOnce : this.#held).add(waiting.item).then(
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

function kindOf(job: NewJob): keyof Committers {
  if (isLinked(job)) return 'linked';
  return job.key === undefined ? 'plain' : 'keyed';
}

async function addAll(
  committers: Committers,
  jobs: readonly NewJob[],
): Promise<PromiseSettledResult<Enqueued>[]> {
  const [first] = jobs;
  if (first === undefined) return [];
  const kind = kindOf(first);
  if (jobs.every((job) => kindOf(job) === kind)) return committers[kind].addAll(jobs);
  return Promise.allSettled(jobs.map((job) => committers[kindOf(job)].add(job)));
}

function unanswered(jobs: readonly NewJob[], answers: Answers): readonly NewJob[] {
  return answers.size === 0 ? jobs : jobs.filter((job) => !answers.has(job.id));
}

/** Tells each what is known of its job; one without an answer has been created. */
function answerAll(batch: Batch, answers: Answers, meter: Meter): void {
  for (const waiting of batch) {
    const { id, type } = waiting.item;
    const answer = answers.get(id) ?? created(id);
    if (answer instanceof UnstuckError) waiting.reject(answer);
    else {
      meter.enqueued(type, answer.created);
      waiting.resolve(answer);
    }
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
