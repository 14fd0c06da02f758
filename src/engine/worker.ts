/** Worker: runs the jobs of its types in this process, under one lease, until it is stopped. */
import { randomUUID } from 'node:crypto';
import type { AnyJob } from '../domain/define-job.ts';
import { timeOf } from '../domain/job-id.ts';
import { type Log, withFacts } from '../domain/log.ts';
import type { Meter } from '../domain/meter.ts';
import type { ClaimRow } from '../sql/claim.ts';
import { deferred } from '../std/deferred.ts';
import { Loop, stalledOf } from '../std/loop.ts';
import { after, monotonicMs, settlesWithin } from '../std/timer.ts';
import type { Database } from '../storage/database.ts';
import { Alone } from './alone.ts';
import { Attempt, type AttemptContext, type AttemptEnd, unknownRow } from './attempt.ts';
import { attemptContext } from './attempt-context.ts';
import { ClaimCommit } from './claim-commit.ts';
import { Claimer } from './claimer.ts';
import { type Decision, RELEASED } from './decide.ts';
import { Lifeline } from './lifeline.ts';
import type { AttemptRef } from './lifeline-messages.ts';
import { ProgressWriter } from './progress-writer.ts';
import { Pump } from './pump.ts';
import { registrationOf } from './registration.ts';
import { Roster } from './roster.ts';
import { type Ended, Settler } from './settler.ts';
import { watchStrayErrors } from './stray-errors.ts';

/** How a worker runs. */
export interface WorkerSettings {
  /** Handlers at once in this process. */
  readonly concurrency: number;
  readonly name: string;
  readonly version: string;
  /** Called once when the worker carries too many handlers that never returned: the process should be replaced. */
  readonly onReplace?: (() => void) | undefined;
  /** The names of all loops of this process that have no pulse; by default the worker's own. */
  readonly stalled?: (() => string[]) | undefined;
  /** Called after an attempt's end was accepted. */
  readonly onEnded?: ((id: string, type: string) => void) | undefined;
  /** Sends jobs to remote workers. */
  readonly dispatch: AttemptContext['dispatch'];
  /** Counts what it does. */
  readonly meter: Meter;
}

/** An attempt that is not this worker's any more. */
type Foreign = AttemptRef & { readonly cancelled: boolean };

const CHORES_MS = 1_000;
const ENLIST_MS = 1_000;
const STALE_PREFETCH_MS = 1_000;
const HARD_EXIT_MS = 10_000;

/** One worker: capacity, claims, attempts and their ends. */
export class Worker {
  readonly definitions: ReadonlyMap<string, AnyJob>;
  #database: Database;
  #settings: WorkerSettings;
  #log: Log;
  #settler: Settler;
  /** What handlers that were left behind have decided while the end of their attempt was on its way. */
  #late = new Map<Attempt, Decision>();
  #progress: ProgressWriter;
  #claimer!: Claimer;
  #claimCommit = new ClaimCommit();
  #lifeline!: Lifeline;
  #pump: Pump;
  #context: AttemptContext;
  #chores: Loop;
  #roster: Roster;
  #alone: Alone;
  #state: 'new' | 'live' | 'stopping' | 'stopped' = 'new';
  #emptied = deferred<void>();
  #stopped: Promise<void> | undefined;
  #enlistedAt = Number.NEGATIVE_INFINITY;
  #unwatch: () => void = () => undefined;

  constructor(
    database: Database,
    definitions: ReadonlyMap<string, AnyJob>,
    settings: WorkerSettings,
    log: Log,
  ) {
    this.#database = database;
    this.definitions = definitions;
    this.#settings = settings;
    this.#log = withFacts(log, { worker: settings.name });
    this.#progress = new ProgressWriter(database, this.#log);
    this.#roster = new Roster(settings.concurrency, [...definitions.keys()], {
      ended: (attempt, decision) => this.#ended(attempt, decision),
      leftBehind: (attempt, ghosts) => this.#leftBehind(attempt, ghosts),
      returnedLate: (attempt, decision) => this.#returnedLate(attempt, decision),
    });
    this.#alone = new Alone(this.#roster, this.#log, {
      attempt: (workerId, row) => this.#attempt(workerId, row),
      release: (attempt) => this.#release(attempt),
      claimer: () => (this.#state === 'live' ? this.#claimer : undefined),
    });
    this.#settler = new Settler(database, this.#log, {
      accepted: (ended) => this.#accepted(ended),
      refused: ({ attempt }) => {
        this.#claimCommit.doubt();
        attempt.trace?.settled('refused');
        this.#log.warn('late_result_refused', { job: attempt.row.id, token: attempt.row.token });
      },
      forgotten: (attempt) => this.#ownEnd(attempt),
      ready: (types) => this.wake(types),
    });
    const parts = { roster: this.#roster, settler: this.#settler, alone: this.#alone };
    const hooks = {
      claimer: () => (this.#state === 'live' ? this.#claimer : undefined),
      attempt: (workerId: string, row: ClaimRow) => this.#attempt(workerId, row),
      lose: (attempts: readonly Foreign[]) => this.#loseSome(attempts),
      release: (attempt: Attempt) => this.#release(attempt),
    };
    this.#pump = new Pump(database, parts, hooks, this.#log);
    this.#context = attemptContext(
      database,
      this.#log,
      this.#progress,
      () => this.#lifeline.heartbeat,
      settings.dispatch,
    );
    const onError = (error: unknown, loop: string): void =>
      this.#log.warn('loop_failed', { loop, error });
    this.#chores = new Loop({ name: 'chores', round: () => this.#doChores(), onError });
  }

  /** The id under which it holds its lease; another one after it was declared dead. */
  get id(): string {
    return this.#lifeline.workerId;
  }

  /** Registers and starts to work; resolves when it may claim, or when the database is away for longer than a connection may take. */
  async start(): Promise<this> {
    this.#unwatch = watchStrayErrors(this.#log);
    this.#enlist();
    this.#state = 'live';
    this.#pump.start();
    this.#chores.start();
    await settlesWithin(this.#lifeline.registered, this.#database.config.connectTimeout + 1_000);
    return this;
  }

  /** The names of its loops that have no pulse. */
  get stalled(): string[] {
    return [...this.#pump.stalled, ...stalledOf([this.#chores])];
  }

  /** Looks for work now; `types` undefined means any. */
  wake(types?: ReadonlySet<string>): void {
    if (types !== undefined && ![...this.definitions.keys()].some((type) => types.has(type)))
      return;
    this.#claimer.rescan();
    this.#pump.wake();
  }

  /** Compares what it runs with the database now: a cancel was announced. */
  reconcile(workerId: string): void {
    if (workerId === this.id) this.#lifeline.beatNow();
  }

  /** Stops claiming, waits for its handlers, gives the rest back uncharged, and signs off; bounded whatever the handlers do. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  /** Stops without waiting for handlers: gives all their jobs back uncharged. For a process that is about to exit. */
  halt(): Promise<void> {
    const stopped = this.stop();
    for (const attempt of this.#roster.running) {
      attempt.abort('stopping');
      attempt.giveUp();
    }
    return stopped;
  }

  async #stop(): Promise<void> {
    const { drainTimeout, abortGrace } = this.#database.config;
    this.#state = 'stopping';
    this.#lifeline.stopping();
    for (const attempt of this.#roster.takeReady()) this.#release(attempt);
    this.#alone.drop();
    this.#checkEmpty();
    if (!(await settlesWithin(this.#emptied.promise, drainTimeout)))
      await this.#abortRest(abortGrace);
    await settlesWithin(this.#settler.drain(), HARD_EXIT_MS);
    this.#state = 'stopped';
    await settlesWithin(Promise.all([this.#pump.stop(), this.#chores.stop()]), HARD_EXIT_MS);
    // A claim that was on its way when the pump stopped has brought jobs since: they go back too.
    await settlesWithin(this.#settler.drain(), HARD_EXIT_MS);
    await this.#lifeline.end(HARD_EXIT_MS);
    this.#unwatch();
  }

  async #abortRest(graceMs: number): Promise<void> {
    for (const attempt of this.#roster.running) attempt.abort('stopping');
    if (await settlesWithin(this.#emptied.promise, graceMs)) return;
    for (const attempt of this.#roster.running) attempt.giveUp();
    await settlesWithin(this.#emptied.promise, 1_000);
  }

  #enlist(): void {
    this.#enlistedAt = monotonicMs();
    const workerId = randomUUID();
    const { config, url, pooled } = this.#database;
    const registration = registrationOf(this.#settings, [...this.definitions.keys()], config.lease);
    const types = [...this.definitions.values()];
    this.#claimer = new Claimer(this.#database, workerId, types, this.#claimCommit);
    this.#lifeline = new Lifeline(
      { url, config, pooled, workerId, registration },
      {
        held: () => this.#roster.refs(workerId),
        claiming: () => [...this.#claimer.inFlight],
        over: () => this.#claimer.over.splice(0),
        running: () => this.#roster.active,
        ghosts: () => this.#roster.ghosts,
        stalled: () => this.#settings.stalled?.() ?? this.stalled,
        foreign: (attempts) => this.#loseSome(attempts),
        unknown: (attempts) => this.#giveBack(workerId, attempts),
        dead: () => this.#declaredDead(),
      },
      this.#log,
    );
    this.#lifeline.registered.then(
      () => this.wake(),
      () => undefined,
    );
  }

  #attempt(workerId: string, row: ClaimRow): Attempt {
    this.#lifeline.guard();
    // A later claim follows an attempt, not the enqueue.
    if (row.token === '1') this.#settings.meter.claimed(row.type, Date.now() - timeOf(row.id));
    return new Attempt(workerId, row, this.definitions.get(row.type) as AnyJob, this.#context);
  }

  #ended(attempt: Attempt, decision: AttemptEnd['decision']): void {
    this.#progress.forget(attempt);
    this.#alone.ended(attempt);
    if (attempt.startedAt !== undefined)
      this.#settings.meter.ran(attempt.row.type, monotonicMs() - attempt.startedAt);
    if (decision === 'settled') this.#settledItself(attempt);
    else if (decision === 'dropped') this.#concluded(attempt);
    else this.#settler.add({ attempt, decision });
    this.#roster.startReady();
    this.#alone.startWhenAlone();
    this.#checkEmpty();
    this.#pump.wake();
  }

  /** Too many handlers that never returned, and the process must go. */
  #leftBehind(attempt: Attempt, ghosts: number): void {
    const { id, type } = attempt.row;
    this.#log.error('handler_left_behind', { job: id, type, cause: attempt.cause, ghosts });
    if (ghosts === this.#database.config.ghostsMax) this.#settings.onReplace?.();
  }

  /** The database refuses a late result by its token, and the refusal is recorded. Written together with the end of its attempt it could win. */
  #returnedLate(attempt: Attempt, decision: AttemptEnd['decision']): void {
    if (typeof decision !== 'object' || decision.kind !== 'finish') return;
    if (!attempt.concluded) {
      this.#late.set(attempt, decision);
      return;
    }
    this.#settler.add({ attempt, decision, late: true });
    this.#pump.wake();
  }

  /** The database has accepted or refused the end of an attempt. One that was dropped before has told its claim nothing: what it holds is looked up. */
  #ownEnd(attempt: Attempt): void {
    if (!attempt.concluded) attempt.claim?.ended();
    this.#concluded(attempt);
  }

  /** The end of an attempt has been written or refused, or is not ours to write. */
  #concluded(attempt: Attempt): void {
    attempt.concluded = true;
    this.#roster.forget(attempt);
    const late = this.#late.get(attempt);
    if (late === undefined) return;
    this.#late.delete(attempt);
    this.#returnedLate(attempt, late);
  }

  #accepted({ attempt, decision }: Ended): void {
    attempt.trace?.settled('accepted');
    if (decision.error !== undefined)
      this.#log.warn('attempt_failed', {
        job: attempt.row.id,
        type: attempt.row.type,
        attempt: attempt.row.attempt,
        outcome: decision.outcome,
        code: decision.error.code,
        error: decision.error.message,
      });
    this.#count(attempt, decision);
    if (decision.kind === 'finish') this.#settings.onEnded?.(attempt.row.id, attempt.row.type);
  }

  #count({ row }: Attempt, decision: Ended['decision']): void {
    const { meter } = this.#settings;
    if (decision.kind === 'finish')
      meter.ended(row.type, decision.outcome ?? 'completed', decision.state);
    else if (row.type !== '') meter.ended(row.type, decision.outcome ?? 'awaits');
  }

  #settledItself(attempt: Attempt): void {
    this.#settings.meter.ended(attempt.row.type, 'completed', 'completed');
    this.#ownEnd(attempt);
    if (attempt.row.links !== null) this.#settler.settledItself(attempt);
    this.#settings.onEnded?.(attempt.row.id, attempt.row.type);
  }

  #release(attempt: Attempt): void {
    this.#settler.add({ attempt, decision: RELEASED });
  }

  #checkEmpty(): void {
    if (this.#state === 'stopping' && this.#roster.active === 0) this.#emptied.resolve();
  }

  /** Once a second: a job that waits to run alone keeps its time, and what was fetched ahead and not started goes back. */
  async #doChores(): Promise<number> {
    if (this.#state === 'new') return CHORES_MS;
    await this.#alone.keep();
    await this.#claimer.lookForOldest();
    for (const attempt of this.#roster.takeStale(STALE_PREFETCH_MS)) this.#release(attempt);
    if (this.#settler.waiting > 0) await this.#settler.flush();
    return CHORES_MS;
  }

  #loseSome(refs: readonly Foreign[]): void {
    for (const ref of refs) {
      const attempt = this.#roster.find(ref);
      if (attempt !== undefined && !attempt.settled && !attempt.ending)
        this.#lose(attempt, ref.cancelled ? 'cancelled' : 'lost');
    }
  }

  #lose(attempt: Attempt, cause: 'cancelled' | 'lost'): void {
    const { id, token, type } = attempt.row;
    if (attempt.cause === undefined) {
      this.#log.warn('attempt_lost', { job: id, token, cause });
      if (cause === 'lost') this.#claimCommit.doubt();
      this.#settings.meter.ended(type, cause);
    }
    attempt.abort(cause);
    if (!this.#roster.drop(attempt)) return;
    this.#alone.ended(attempt);
    this.#roster.forget(attempt);
  }

  /** The claim was committed and its reply lost: the jobs go back uncharged (B6). */
  #giveBack(workerId: string, attempts: readonly AttemptRef[]): void {
    for (const { id, token } of attempts) {
      if (this.#roster.holds(id)) continue;
      this.#log.warn('unknown_job_given_back', { job: id, token });
      this.#settler.add({
        attempt: new Attempt(
          workerId,
          unknownRow({ id, token }),
          undefined as never,
          this.#context,
        ),
        decision: RELEASED,
      });
    }
    this.#pump.wake();
  }

  /** At once after a long life; a lifeline that dies at its start is not tried again in a hot loop. */
  #enlistAgain(): void {
    const wait = Math.max(0, ENLIST_MS - (monotonicMs() - this.#enlistedAt));
    after(wait, () => {
      if (this.#state === 'live') this.#enlist();
    });
  }

  #declaredDead(): void {
    if (this.#state === 'stopped') return;
    this.#log.error('declared_dead', { id: this.id, held: this.#roster.held.length });
    for (const attempt of this.#roster.held) this.#lose(attempt, 'lost');
    if (this.#state === 'live') this.#enlistAgain();
  }
}
