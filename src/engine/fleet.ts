/** Fleet: the workers of this process, and the listener and sweeper that they share. */
import { hostname } from 'node:os';
import type { AnyJob } from '../domain/define-job.ts';
import { unstuckError } from '../domain/errors.ts';
import type { EnqueueOptions } from '../domain/job.ts';
import type { Log } from '../domain/log.ts';
import type { Meter } from '../domain/meter.ts';
import { VERSION } from '../domain/version.ts';
import type { WorkConfig } from '../domain/work-options.ts';
import { notify } from '../sql/enqueue.ts';
import { parseDuration } from '../std/duration.ts';
import { Loop, stalledOf } from '../std/loop.ts';
import { settlesWithin } from '../std/timer.ts';
import type { Database } from '../storage/database.ts';
import { Listener } from '../storage/listener.ts';
import { checkNotNewer } from '../storage/migrator.ts';
import { codeOf } from '../storage/postgres-errors.ts';
import type { Attempt } from './attempt.ts';
import type { Deliverer } from './deliverer.ts';
import type { Dispatcher } from './dispatcher.ts';
import { refreshFindings } from './findings.ts';
import { readyPayload } from './notifier.ts';
import { ReadySignal } from './ready-signal.ts';
import { type Chore, Sweeper, type SweeperHooks } from './sweeper.ts';
import { type TickRound, Ticks } from './ticks.ts';
import { Worker } from './worker.ts';

/** The longest time between two looks at the schema's number; with a shorter lease it is the lease. */
const SCHEMA_EVERY_MS = 30_000;
/** How long closing waits for what is not a worker. */
const STOP_MS = 10_000;

/** What the fleet runs beside its workers. */
export interface FleetLoops {
  readonly deliverer: Deliverer;
  readonly dispatcher: Dispatcher;
}

/** Everything of this process that runs in time. */
export class Fleet {
  #database: Database;
  #log: Log;
  #onEnded: (id: string) => void;
  #chores: readonly Chore[];
  #dispatcher: Dispatcher;
  #meter: Meter;
  #deliverer: Deliverer;
  #workers = new Set<Worker>();
  /** Told of ready jobs as the workers here are. */
  readonly readiness: ReadySignal = new ReadySignal();
  #listener: Listener | undefined;
  #sweeper: Sweeper | undefined;
  #sweepDatabase: Database | undefined;
  #schema: Loop | undefined;
  #ticks: Ticks | undefined;
  #outdated = false;

  constructor(
    database: Database,
    log: Log,
    onEnded: (id: string) => void,
    meter: Meter,
    { deliverer, dispatcher }: FleetLoops,
    chores: readonly Chore[] = [],
  ) {
    this.#dispatcher = dispatcher;
    this.#meter = meter;
    this.#database = database;
    this.#log = log;
    this.#onEnded = onEnded;
    this.#deliverer = deliverer;
    this.#chores = [
      ...chores,
      { name: 'deliveries', work: 'deliveries', run: async () => deliverer.wake() },
    ];
  }

  /** Starts a worker, and with the first one the listener and the sweeper. */
  async work(
    jobs: readonly AnyJob[],
    { concurrency, name }: WorkConfig,
    onReplace: (() => void) | undefined,
  ): Promise<Worker> {
    if (jobs.length === 0)
      throw unstuckError(
        'OPTION_INVALID',
        'Expected at least one job definition to work on, got none.',
      );
    const definitions = new Map(jobs.map((job) => [job.type, job]));
    const settings = {
      concurrency,
      name: name ?? `${hostname()}:${process.pid}`,
      version: VERSION,
      onReplace,
      onEnded: this.#onEnded,
      meter: this.#meter,
      dispatch: (attempt: Attempt) => this.#dispatcher.dispatch(attempt),
      stalled: () => this.stalled,
    };
    const worker = new Worker(this.#database, definitions, settings, this.#log);
    this.#workers.add(worker);
    this.#startListening();
    this.#startWatchingSchema();
    this.startSweeping();
    await worker.start();
    return worker;
  }

  /** Starts to take part in the sweep, unless it is switched off. */
  startSweeping(): void {
    if (!this.#database.config.sweep || this.#sweeper !== undefined) return;
    this.#startWatchingSchema();
    this.#sweepDatabase = this.#database.forSweep();
    const hooks = this.#hooks();
    this.#sweeper = new Sweeper(this.#sweepDatabase, this.#log, hooks, this.#chores).start();
    this.#meter.swept = this.#sweeper.moved;
  }

  /** Does one round of the sweep for an outside clock, even where taking part in the sweep is switched off. Throws SCHEMA_TOO_NEW. */
  async tick(): Promise<TickRound> {
    this.#ticks ??= new Ticks(this.#database, this.#log, this.#hooks(), this.#chores);
    return this.#ticks.tick();
  }

  /** Jobs of these types are ready: the workers here need no notification. */
  ready(types?: ReadonlySet<string>): void {
    for (const worker of this.#workers) worker.wake(types);
    this.readiness.tell(types);
  }

  /** A job has ended that no worker here ran. */
  ended(id: string): void {
    this.#onEnded(id);
  }

  /** Hears of ready jobs and takes part in the sweep: for a process that hands jobs to workers elsewhere. Throws WORKER_STOPPED after its end. */
  handOut(): void {
    if (this.readiness.closed)
      throw unstuckError(
        'WORKER_STOPPED',
        'The connection has been closed; it hands out no jobs. Ask another process.',
      );
    this.#startListening();
    this.startSweeping();
  }

  /** A job was enqueued for a time sooner than the next sweep. */
  wakeAt(options: EnqueueOptions): void {
    if (options.runAt !== undefined) this.#sweeper?.wakeIn(options.runAt.getTime() - Date.now());
    if (options.delay !== undefined) this.#sweeper?.wakeIn(parseDuration(options.delay) ?? 0);
  }

  /** Looks at every group of late jobs now. */
  async refreshFindings(): Promise<void> {
    await refreshFindings(this.#database, this.#log);
  }

  /** The names of this process's loops that have no pulse: no good round for 30 s longer than planned. */
  get stalled(): string[] {
    const shared = [...(this.#listener?.stalled ?? []), ...(this.#sweeper?.stalled ?? [])];
    const loops = [this.#deliverer.loop, ...(this.#schema === undefined ? [] : [this.#schema])];
    const own = stalledOf(loops);
    return [...shared, ...own, ...[...this.#workers].flatMap((worker) => worker.stalled)];
  }

  /** Makes the workers stop without waiting for their handlers. */
  async halt(): Promise<void> {
    await Promise.all([...this.#workers].map((worker) => worker.halt()));
  }

  /** Stops workers first, then what served them. */
  async stop(): Promise<void> {
    this.readiness.close();
    await Promise.all([...this.#workers].map((worker) => worker.stop()));
    // Their rounds may wait for statements on half-open connections, one after the other.
    const over = Promise.all([
      this.#listener?.stop(),
      this.#sweeper?.stop(),
      this.#schema?.stop(),
      this.#ticks?.stop(),
      this.#deliverer.stop(),
    ]);
    await settlesWithin(over, STOP_MS);
    await this.#sweepDatabase?.close();
  }

  #hooks(): SweeperHooks {
    return {
      ready: (types) => this.ready(types),
      notify: async (types) => {
        if (this.#database.config.notify) await this.#database.run(notify, [readyPayload(types)]);
      },
    };
  }

  #startWatchingSchema(): void {
    const onError = (error: unknown, loop: string): void =>
      this.#log.warn('loop_failed', { loop, error });
    this.#schema ??= new Loop({
      name: 'schema',
      round: () => this.#watchSchema(),
      onError,
    }).start();
  }

  /** A schema that has become too new is left alone: its workers and its sweep stop, and this process waits to be replaced (H6). */
  async #watchSchema(): Promise<number> {
    try {
      await checkNotNewer(this.#database);
    } catch (error) {
      if (codeOf(error) !== 'SCHEMA_TOO_NEW') throw error;
      if (!this.#outdated) this.#log.error('schema_too_new', { error });
      this.#outdated = true;
      const workers = [...this.#workers].map((worker) => worker.stop());
      await Promise.all([...workers, this.#sweeper?.stop()]);
    }
    return Math.min(SCHEMA_EVERY_MS, this.#database.config.lease);
  }

  #startListening(): void {
    if (!this.#database.config.notify || this.#database.pooled || this.#listener !== undefined)
      return;
    this.#listener = new Listener(
      this.#database,
      { heard: (payload) => this.#heard(payload), missed: () => this.ready() },
      this.#log,
    ).start();
  }

  #heard(payload: string): void {
    const [kind, rest = ''] = split(payload);
    if (kind === 'ready') this.ready(rest === '*' ? undefined : new Set(rest.split(',')));
    if (kind === 'limit') this.#sweeper?.letIn(rest === '*' ? [] : (JSON.parse(rest) as string[]));
    if (kind === 'cancel') for (const worker of this.#workers) worker.reconcile(rest);
  }
}

function split(payload: string): [string, string?] {
  const colon = payload.indexOf(':');
  return colon === -1 ? [payload] : [payload.slice(0, colon), payload.slice(colon + 1)];
}
