/** Unstuck: the object that users hold; the only place that wires the floors together. */
import { answersOf } from './domain/batch.ts';
import { checkActor } from './domain/bulk.ts';
import type { ConnectOptions } from './domain/connect-options.ts';
import type { AnyJob, InputOf } from './domain/define-job.ts';
import {
  type DeliveryConfig,
  parseDeliveryOptions,
  takeDeliveryOptions,
} from './domain/delivery-options.ts';
import type { Enqueued, EnqueueOptions, Job, JobPage } from './domain/job.ts';
import { type JobFilter, type JobQuery, parseFilter, parsePage } from './domain/job-filter.ts';
import { parseJobId } from './domain/job-id.ts';
import type { JobOf } from './domain/job-of.ts';
import { type Log, lineLog, sturdyLog } from './domain/log.ts';
import { type Config, parseConfig } from './domain/options.ts';
import type { AnsweredRequest, RequestKey } from './domain/request-key.ts';
import type { Why } from './domain/why-facts.ts';
import { parseWorkOptions, type WorkOptions } from './domain/work-options.ts';
import { type Finding, readFindings, readStatus, type Status } from './engine/status.ts';
import type { TickRound } from './engine/ticks.ts';
import type { WaitOptions } from './engine/waiter.ts';
import type { Worker } from './engine/worker.ts';
import type { Alerts } from './features/alerts/alerts.ts';
import { Audit } from './features/audit.ts';
import { Bulk } from './features/bulk/bulk.ts';
import type { BulkActions } from './features/bulk/bulk-actions.ts';
import type { Deliveries } from './features/deliveries.ts';
import { type CheckedRetryCall, type RetryCall, retryEdited } from './features/edited-retry.ts';
import type { Executions } from './features/executions.ts';
import type { Limits } from './features/limits.ts';
import type { Pools } from './features/pools.ts';
import type { Pull } from './features/pull.ts';
import type { Queues } from './features/queues.ts';
import type { Bridges } from './features/redis/bridges.ts';
import { enqueueEach, type JobCall } from './features/requests/enqueue-each.ts';
import { type ResetStuck, resetStuck } from './features/reset-stuck.ts';
import type { Schedules } from './features/schedules/schedules.ts';
import type { Targets } from './features/targets.ts';
import { Tokens } from './features/tokens/tokens.ts';
import type { Watch } from './features/watch.ts';
import { explainWhy } from './features/why.ts';
import { type Parts, partsOf } from './parts.ts';
import {
  type CallerTransaction,
  callerExecutor,
  type PgTransaction,
} from './storage/caller-transaction.ts';
import { checkUrl, type Database, withoutPassword } from './storage/database.ts';
import type { EmbeddedPostgres } from './storage/embedded/embedded-postgres.ts';
import type { EnqueueCall } from './storage/enqueue-call.ts';
import { type JobCount, readCount, readJobs } from './storage/job-filter.ts';
import { type Actor, cancel, type HistoryEntry, readHistory, release } from './storage/jobs.ts';
import { checkSchema } from './storage/migrator.ts';
import { type Opened, openDatabase, startEmbedded } from './storage/open-database.ts';

/** The storage behind a connection: for `unstuck/testing`, not for applications. */
export let databaseOf: (unstuck: Unstuck) => Database;

/**
 * The same installation through connections and timeouts of its own, for `unstuck/http`: whoever looks at it can neither starve workers nor wait
 * longer than 5 s for a statement. Enqueues still go through the one enqueuer of the connection, which closes the view with itself.
 */
export let apiViewOf: (unstuck: Unstuck) => Unstuck;

/** One connection of a process to an installation: enqueue, inspect, work. */
export class Unstuck {
  static {
    databaseOf = (unstuck) => unstuck.#database;
    apiViewOf = (unstuck) => {
      unstuck.#view ??= new Unstuck(
        { database: unstuck.#database.forApi(), migrated: [] },
        unstuck.log,
        unstuck,
      );
      return unstuck.#view;
    };
  }

  readonly config: Config;
  readonly log: Log;
  /** How many jobs of a publisher, a customer, a licence may be live at once. */
  readonly pools: Pools;
  /** How many jobs may run at once or start in a time. */
  readonly limits: Limits;
  /** Types that are paused, counted and limited together. */
  readonly queues: Queues;
  /** How the work of a fan-out stands, cell by cell. */
  readonly executions: Executions;
  /** Changes of many jobs that go on behind the answer: in this process, and when it ends in another. */
  readonly bulkActions: BulkActions;
  /** Workers in other languages, which claim by calls to this process. */
  readonly pull: Pull;
  /** What is enqueued at which times. */
  readonly schedules: Schedules;
  /** Remote workers: how each stands, and what waits for it. */
  readonly targets: Targets;
  /** Who was, or is to be, told what. */
  readonly deliveries: Deliveries;
  /** What people are told of, by which rules and channels. */
  readonly alerts: Alerts;
  /** Redis lists whose messages become jobs. */
  readonly redis: Bridges;
  /** What has changed, at little cost, and what this process has done. */
  readonly watch: Watch;
  /** The names of the migrations that this connect applied; empty when the schema was up to date. */
  readonly migrated: readonly string[];
  #database: Database;
  #embedded: EmbeddedPostgres | undefined;
  #parts: Parts;
  #closed: Promise<void> | undefined;
  #view: Unstuck | undefined;
  #whole: Unstuck | undefined;

  private constructor(
    { database, migrated }: Opened,
    log: Log,
    from: DeliveryConfig | Unstuck,
    embedded?: EmbeddedPostgres,
  ) {
    this.#database = database;
    this.migrated = migrated;
    this.config = database.config;
    this.log = log;
    this.#embedded = embedded;
    this.#whole = from instanceof Unstuck ? from : undefined;
    const parts = partsOf(database, log, from instanceof Unstuck ? from.#parts : from);
    this.#parts = parts;
    ({ pools: this.pools, limits: this.limits, queues: this.queues, watch: this.watch } = parts);
    ({ executions: this.executions, schedules: this.schedules } = parts);
    ({ targets: this.targets, deliveries: this.deliveries, alerts: this.alerts } = parts);
    ({ bulkActions: this.bulkActions, pull: this.pull, redis: this.redis } = parts);
  }

  /**
   * Connects, and migrates unless told not to. Without an address it starts the embedded PostgreSQL.
   * Throws OPTION_INVALID, OPTION_UNKNOWN, DATABASE_URL_INVALID, DATABASE_UNREACHABLE, DATABASE_TOO_OLD, SCHEMA_TOO_NEW, …
   */
  static async connect(options: ConnectOptions = {}): Promise<Unstuck> {
    const { database: address, log: givenLog, ...given } = options;
    const [ways, rest] = takeDeliveryOptions(given);
    const config = parseConfig(rest, process.env);
    const telling = parseDeliveryOptions(ways, process.env);
    const lines = lineLog(config.logLevel, (line) => process.stderr.write(`${line}\n`));
    const log = givenLog === undefined ? lines : sturdyLog(givenLog, lines);
    const url = address ?? process.env['UNSTUCK_DATABASE_URL'] ?? process.env['DATABASE_URL'];
    const embedded = url === undefined || url === '' ? await startEmbedded(config, log) : undefined;
    try {
      const opened = await openDatabase(checkUrl(embedded?.url ?? (url as string)), config, log);
      return new Unstuck(opened, log, telling, embedded);
    } catch (error) {
      await embedded?.stop();
      throw error;
    }
  }

  /** The address of the database, without its password. */
  get address(): string {
    return withoutPassword(this.#database.url);
  }

  /** Whether the database is the embedded one, which ends with the last process that holds it. */
  get embedded(): boolean {
    return this.#embedded !== undefined;
  }

  /** Stores a job; resolves after COMMIT. Throws INPUT_INVALID and the other errors of `checkJob`; then nothing is stored. */
  async enqueue<J extends AnyJob>(
    job: J,
    input: InputOf<J>,
    options?: EnqueueCall,
  ): Promise<Enqueued>;
  async enqueue(type: string, input: unknown, options?: EnqueueCall): Promise<Enqueued>;
  async enqueue(
    job: AnyJob | string,
    input: unknown,
    options: EnqueueCall = {},
  ): Promise<Enqueued> {
    const made = this.#parts.preparer.prepare(job, input, options);
    const prepared = made instanceof Promise ? await made : made;
    if (options.in !== undefined)
      return (
        await this.#parts.enqueuer.enqueueIn(callerExecutor(options.in), [prepared])
      )[0] as Enqueued;
    const enqueued = await this.#parts.enqueuer.enqueue(prepared);
    this.#parts.fleet.wakeAt(options);
    return enqueued;
  }

  /**
   * Stores many jobs of one type, at most 10,000 in one call; all are checked before the first is stored. Throws what `enqueue` throws of a
   * check, and BATCH_INCOMPLETE (a `BatchError`) when not all could be stored: it says what became of each. With `in` it is all or none.
   */
  async enqueueMany<J extends AnyJob>(
    job: J,
    items: readonly (EnqueueOptions & { readonly input: InputOf<J> })[],
    options?: { readonly in?: CallerTransaction | PgTransaction },
  ): Promise<Enqueued[]>;
  async enqueueMany(
    type: string,
    items: readonly (EnqueueOptions & { readonly input: unknown })[],
    options?: { readonly in?: CallerTransaction | PgTransaction },
  ): Promise<Enqueued[]>;
  async enqueueMany(
    job: AnyJob | string,
    items: readonly (EnqueueOptions & { readonly input: unknown })[],
    options: { readonly in?: CallerTransaction | PgTransaction } = {},
  ): Promise<Enqueued[]> {
    const made = this.#parts.preparer.prepareMany(job, items);
    const prepared = made instanceof Promise ? await made : made;
    if (options.in !== undefined)
      return this.#parts.enqueuer.enqueueIn(callerExecutor(options.in), prepared);
    return answersOf(prepared, await this.#parts.enqueuer.enqueueAll(prepared));
  }

  /**
   * Stores jobs of any types, at most 10,000, each for itself: one that is refused is answered with its error. With the key of a `request` they
   * are stored once: a repeat within 24 hours is told what the first one was. Throws BATCH_INVALID, IDEMPOTENCY_MISMATCH, …
   */
  enqueueEach(calls: readonly JobCall[], request?: RequestKey): Promise<AnsweredRequest> {
    return enqueueEach(this.#parts.preparer, this.#parts.enqueuer, this.#parts.requests, {
      calls,
      request,
    });
  }

  /** Returns a job, live or finished; undefined when there is none. Throws JOB_ID_INVALID. */
  async get(id: string): Promise<Job | undefined>;
  async get<J extends AnyJob>(
    id: string,
    options: { readonly as: J },
  ): Promise<JobOf<J> | undefined>;
  async get(id: string): Promise<Job | undefined> {
    return this.#parts.reader.read(parseJobId(id));
  }

  /** Returns one page of jobs, newest first. Throws REQUEST_INVALID for a filter or limit that is none, and JOB_ID_INVALID. */
  async list(query: JobQuery = {}): Promise<JobPage> {
    const { limit, after, ...filter } = query;
    const page = parsePage({ limit, after });
    return readJobs(this.#database, parseFilter(filter), page);
  }

  /** Counts jobs, exactly up to 100,000. Throws what `list` throws of a filter. */
  async count(filter: JobFilter = {}): Promise<JobCount> {
    return readCount(this.#database, parseFilter(filter));
  }

  /** Returns what happened to a job beside simple success, oldest first: failed, lost and late attempts, and what people did. */
  async history(id: string): Promise<HistoryEntry[]> {
    return readHistory(this.#database, parseJobId(id));
  }

  /** Explains why a job is where it is: what it has passed, what it waits for, who holds that, and what happens next. Throws JOB_NOT_FOUND. */
  async explain(id: string): Promise<Why> {
    return explainWhy(this.#database, parseJobId(id));
  }

  /** Resolves when the job has finished, through outages of the database too. Throws WAIT_TIMEOUT, JOB_NOT_FOUND, or the signal's reason; the job goes on. */
  async wait(id: string, options?: WaitOptions): Promise<Job>;
  async wait<J extends AnyJob>(
    id: string,
    options: WaitOptions & { readonly as: J },
  ): Promise<JobOf<J>>;
  async wait(id: string, options: WaitOptions = {}): Promise<Job> {
    return this.#parts.waiter.wait(parseJobId(id), options);
  }

  /** Makes a held job ready. Throws JOB_NOT_FOUND, JOB_STATE_CONFLICT or REQUEST_INVALID. */
  async release(id: string, actor: Actor = {}): Promise<Job> {
    return release(this.#database, parseJobId(id), checkActor(actor));
  }

  /** Cancels a live job; a running handler's signal is aborted within two heartbeats. Throws JOB_NOT_FOUND, JOB_STATE_CONFLICT or REQUEST_INVALID. */
  async cancel(id: string, actor: Actor = {}): Promise<Job> {
    return cancel(this.#database, parseJobId(id), checkActor(actor));
  }

  /**
   * Runs a finished job again, with fresh attempts and the same id, and with another input if one is given. Throws JOB_NOT_FOUND,
   * JOB_STATE_CONFLICT, KEY_TAKEN, INPUT_UNSTORABLE or INPUT_TOO_LARGE, and with `as` INPUT_INVALID.
   */
  async retry(id: string, call?: RetryCall): Promise<Job>;
  async retry<J extends AnyJob>(id: string, call: CheckedRetryCall<J>): Promise<Job>;
  async retry(id: string, call: RetryCall & { readonly as?: AnyJob } = {}): Promise<Job> {
    return retryEdited(this.#database, parseJobId(id), call);
  }

  /** Removes a job that does not run, with everything that belongs to it. Throws JOB_NOT_FOUND, JOB_STATE_CONFLICT, JOB_BUSY or CHANGE_REFUSED. */
  delete(id: string, actor: Actor = {}): Promise<void> {
    return this.bulk.deleteOne(parseJobId(id), actor);
  }

  /** Changes of many jobs at once, by their ids or by a filter: retry, cancel, delete. */
  get bulk(): Bulk {
    return new Bulk(this.#database);
  }

  /** Who may use the HTTP API, and what they may do there. */
  get tokens(): Tokens {
    return new Tokens(this.#database);
  }

  /** Who did what to many jobs, and why. */
  get audit(): Audit {
    return new Audit(this.#database);
  }

  /**
   * Puts running jobs whose attempt started more than so many minutes ago back into the queue, whatever their own timeout; the attempt is not
   * charged, its signal is aborted, and what it still sends is refused. Throws REQUEST_INVALID.
   */
  resetStuck(timeoutMinutes = 30, actor: Actor = {}): Promise<ResetStuck> {
    return resetStuck(this.#database, timeoutMinutes, actor);
  }

  /** Returns counts by state and type, workers, what is late and why. */
  status(): Promise<Status> {
    return readStatus(this.#database);
  }

  /** Returns why jobs are late: one finding for each group, refreshed now. */
  async stuck(): Promise<Finding[]> {
    await this.#parts.fleet.refreshFindings();
    return readFindings(this.#database);
  }

  /** Starts a worker in this process. Throws JOB_TYPE_DUPLICATE, OPTION_INVALID, TARGET_INVALID or TARGET_UNKNOWN. */
  async work(jobs: readonly AnyJob[], options: WorkOptions = {}): Promise<Worker> {
    const config = parseWorkOptions(options, process.env);
    await this.#parts.dispatcher.define(jobs, options.targets ?? []);
    await this.#parts.types.define(jobs);
    return this.#parts.fleet.work(jobs, config, options.onReplace);
  }

  /** Takes part in the sweep without working: for processes that only serve or enqueue. */
  sweep(): void {
    this.#parts.fleet.startSweeping();
  }

  /** Does one round of the sweep now, for at most 3 s, whoever else sweeps and with `sweep: false` too: for a clock outside of this process. Throws SCHEMA_TOO_NEW. */
  tick(): Promise<TickRound> {
    return this.#parts.fleet.tick();
  }

  /** Resolves when the database answers. Throws what it throws. */
  async ping(): Promise<void> {
    await checkSchema(this.#database);
  }

  /** The names of this process's loops that have had no good round for 30 s longer than planned; empty when all is well. */
  get stalled(): readonly string[] {
    return [...this.#parts.fleet.stalled, ...this.#parts.alarm.stalled];
  }

  /** Stops workers, flushes what was enqueued and closes every connection; the embedded database stops with its last user. */
  close(): Promise<void> {
    if (this.#whole === undefined) this.#parts.preparer.close();
    this.#closed ??= this.#close();
    return this.#closed;
  }

  /** Closes without waiting for running handlers: their jobs go back uncharged and run elsewhere. For a process that is about to exit. */
  async halt(): Promise<void> {
    const closed = this.close();
    await this.#parts.fleet.halt();
    await closed;
  }

  async #close(): Promise<void> {
    if (this.#whole !== undefined) return this.#database.close();
    await this.#view?.close();
    this.#parts.waiter.stop();
    // At once: a Redis or a channel that does not answer must not let workers go on taking jobs.
    const { bridgeRunner, alarm, fleet } = this.#parts;
    await Promise.all([bridgeRunner.stop(), this.bulkActions.stop(), alarm.stop(), fleet.stop()]);
    await this.#parts.targetSweep.stop();
    this.#parts.dispatcher.calls.close();
    await this.#parts.requests.stop();
    await this.pull.close();
    this.#parts.caller.close();
    await this.#parts.enqueuer.stop();
    await this.#database.close();
    await this.#embedded?.stop();
  }
}
