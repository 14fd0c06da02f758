/** Sweeper: moves whatever is late. Every process may run it and there is no leader: who takes the tick does the round. */
import type { Log } from '../domain/log.ts';
import { findStray, promote, type SweptRow } from '../sql/sweep.ts';
import { endTick, type Tick, takeTick, takeTickBlindly, type Work } from '../sql/ticks.ts';
import { Loop, stalledOf } from '../std/loop.ts';
import { after, monotonicMs } from '../std/timer.ts';
import type { Database } from '../storage/database.ts';
import { concernedBy } from '../storage/links.ts';
import { codeOf, isConnectionLost } from '../storage/postgres-errors.ts';
import { allOf } from './all-of.ts';
import { BatchSize } from './batch-size.ts';
import { FINDINGS_EVERY_MS, FindingRounds, refreshFindings } from './findings.ts';
import { FleetWatch } from './fleet-watch.ts';
import { traceHeal } from './heal-trace.ts';
import { LinkSweep } from './link-sweep.ts';
import { retention } from './retention.ts';
import { RowMover } from './row-mover.ts';
import { overdue, overdueGraceMs, type SweepTask, sweepTasks } from './sweep-tasks.ts';

const BATCH_MAX = 2_000;
const ROUND_MS = 200;
const CHUNK_PAGES = 500;
/** How long rounds do without a look that failed. */
const LOOK_AGAIN_MS = 60_000;

/** Work of a feature that a round of the sweep does after its own tasks, when there is any. */
export interface Chore {
  readonly name: string;
  /** What of the look at the beginning of a round tells whether there is. */
  readonly work: Work;
  /**
   * Does what is due, in statements that are bounded; whatever it throws is reported and tried again in the next round. What goes on behind the round is
   * waited for until `untilMs` of the monotonic clock, if that is finite.
   */
  run(database: Database, untilMs: number): Promise<ChoreRound>;
}

/** What one round of a chore did. */
export interface ChoreRound {
  /** The types of the jobs that it made ready. Other processes hear of them by its own statements. */
  readonly ready: ReadonlySet<string>;
  /** How many things it did, beside those that are counted by names of their own. */
  readonly done: number;
  readonly counts?: Readonly<Record<string, number>>;
  /** Whether it stopped for its time before everything was done. */
  readonly more: boolean;
}

/** What a round of the sweep left. */
export interface SweptRound {
  /** How many findings there are now. */
  readonly findings: number;
  /** Whether it stopped for its time before everything was done. */
  readonly more: boolean;
}

/** What a sweeper tells its process. */
export interface SweeperHooks {
  /** Jobs of these types are ready. */
  ready(types: ReadonlySet<string>): void;
  /** Jobs have ended or moved without a worker. */
  notify(types: ReadonlySet<string>): Promise<void>;
}

/** Takes part in the sweep of this installation until it is stopped. */
export class Sweeper {
  /** Rows moved since the start, by task, and what chores did, by theirs. */
  readonly moved: Map<string, number> = new Map();
  #database: Database;
  #log: Log;
  #hooks: SweeperHooks;
  #tasks: readonly SweepTask[];
  #chores: readonly Chore[];
  #fleet: FleetWatch;
  #sizes: ReadonlyMap<string, BatchSize>;
  #links: LinkSweep;
  #findingRounds: FindingRounds;
  #mover: RowMover;
  #letInNow = false;
  /** The page of the table at which the next chunk begins. */
  #chunk = 0;
  /** Monotonic time before which rounds are done without a look. */
  #lookAt = Number.NEGATIVE_INFINITY;
  #promoteNow = false;
  /** Monotonic time at which a round that may only take so long begins nothing further. */
  #untilMs = Number.POSITIVE_INFINITY;
  /** Whether the latest round stopped for its time. */
  #more = false;
  #loops: Loop[];

  constructor(database: Database, log: Log, hooks: SweeperHooks, chores: readonly Chore[] = []) {
    this.#database = database;
    this.#log = log;
    this.#hooks = hooks;
    this.#chores = chores;
    this.#tasks = sweepTasks(database.config);
    this.#sizes = new Map(this.#tasks.map(({ name }) => [name, new BatchSize(BATCH_MAX)]));
    this.#links = new LinkSweep(database);
    this.#findingRounds = new FindingRounds(database, log);
    this.#mover = new RowMover(database, log);
    this.#fleet = new FleetWatch(database, log);
    const onError = (error: unknown, loop: string): void =>
      this.#log.warn('sweep_failed', { loop, error });
    this.#loops = [
      new Loop({ name: 'sweep', round: () => this.#round(), onError }),
      new Loop({ name: 'findings', round: () => this.#findings(), onError }),
      new Loop({ name: 'watch', round: () => this.#watch(), onError }),
      new Loop({
        name: 'retention',
        round: () => retention(database, log),
        onError,
        retryMs: 1_000,
      }),
    ];
  }

  /** Starts its loops. */
  start(): this {
    for (const loop of this.#loops) loop.start();
    return this;
  }

  /** Lets jobs whose time comes in `ms` into the queue then, whoever has the tick: they were enqueued for sooner than that. */
  wakeIn(ms: number): void {
    if (ms > this.#database.config.sweepInterval) return;
    after(ms, () => {
      this.#promoteNow = true;
      this.#loops[0]?.wake();
    });
  }

  /** Jobs were enqueued in somebody's transaction that stand before the keys of limits: lets them in now, as far as there is room. */
  letIn(limitKeys: readonly string[]): void {
    this.#links.note({ ...concernedBy([]), limitKeys: new Set(limitKeys) });
    this.#letInNow = true;
    this.#loops[0]?.wake();
  }

  /** The names of its loops that have no pulse. */
  get stalled(): string[] {
    return stalledOf(this.#loops);
  }

  /** Stops; resolves when the rounds that run have ended. */
  async stop(): Promise<void> {
    await Promise.all(this.#loops.map((loop) => loop.stop()));
  }

  /** Does one round now, whoever has the tick; nothing further is begun after `untilMs` of the monotonic clock. For ticks from outside, and tests. */
  async sweepOnce(untilMs: number = Number.POSITIVE_INFINITY): Promise<SweptRound> {
    this.#untilMs = untilMs;
    this.#more = false;
    let findings = 0;
    await allOf([
      () => this.#fleet.look(),
      async () => this.#sweep(await this.#takeBlindly()),
      async () => {
        findings = await refreshFindings(this.#database, this.#log);
      },
    ]);
    return { findings, more: this.#more };
  }

  async #round(): Promise<number> {
    const { sweepInterval } = this.#database.config;
    const tick = await this.#take();
    if (tick?.taken === true) await this.#sweep(tick);
    else {
      if (this.#promoteNow) await this.#promote();
      if (this.#letInNow) await this.#letOn(this.#links.letOn());
    }
    // Just after the tick is due, or the whole of another interval would pass.
    return Math.min(sweepInterval, tick?.next_ms ?? sweepInterval) + 2 + Math.random() * 10;
  }

  /** Asks for the tick and looks for work, in one statement. When the look fails, whatever is the matter with it, rounds try everything. */
  async #take(): Promise<Tick | undefined> {
    if (monotonicMs() < this.#lookAt) return this.#takeBlindly();
    const { config } = this.#database;
    const pages = [this.#chunk, this.#chunk + CHUNK_PAGES];
    const values = ['sweep', config.sweepInterval, overdueGraceMs(config), ...pages];
    try {
      return (await this.#database.run(takeTick, values))[0];
    } catch (error) {
      if (isConnectionLost(error)) throw error;
      this.#lookAt = monotonicMs() + LOOK_AGAIN_MS;
      this.#log.warn('sweep_look_failed', { error });
      return this.#takeBlindly();
    }
  }

  async #takeBlindly(): Promise<Tick | undefined> {
    const values = ['sweep', this.#database.config.sweepInterval];
    return (await this.#database.run(takeTickBlindly, values))[0];
  }

  async #promote(): Promise<void> {
    this.#promoteNow = false;
    for (const task of this.#tasks) if (task.apply === promote) await this.#run(task);
    await this.#letOn(this.#links.letOn());
  }

  /** Workers elsewhere are told by the statement itself. */
  async #letOn(ready: Promise<Set<string>>): Promise<void> {
    this.#letInNow = false;
    const types = await ready;
    if (types.size > 0) this.#hooks.ready(types);
  }

  async #sweep(tick: Tick | undefined): Promise<void> {
    this.#promoteNow = false;
    const work = tick?.work ?? null;
    const has = (kind: Work): boolean => work === null || work.includes(kind);
    const step = (kind: Work, run: () => Promise<void>): (() => Promise<void>)[] =>
      has(kind) ? [() => this.#inTime(run)] : [];
    await allOf([
      ...this.#tasks.flatMap((task) => step(task.work, () => this.#run(task))),
      ...step('stray', () => this.#strays()),
      () => this.#inTime(() => this.#letOn(this.#links.round(has))),
      ...step('prune', () => this.#fleet.prune()),
      ...this.#chores.flatMap((chore) => step(chore.work, () => this.#do(chore))),
    ]).finally(() => this.#nextChunk(tick?.pages ?? 0));
    if (work === null || work.length > 0) await this.#database.run(endTick, ['sweep']);
  }

  #nextChunk(pages: number): void {
    const next = this.#chunk + CHUNK_PAGES;
    this.#chunk = next < pages ? next : 0;
  }

  async #inTime(step: () => Promise<void>): Promise<void> {
    if (monotonicMs() < this.#untilMs) await step();
    else this.#more = true;
  }

  /** Findings have a tick of their own: jobs become late however seldom the sweep runs. */
  async #findings(): Promise<number> {
    await this.#findingRounds.next();
    return FINDINGS_EVERY_MS + Math.random() * 100;
  }

  /** Dead processes are looked for more often than late jobs: a job whose worker dies runs again within a second. */
  async #watch(): Promise<number> {
    if (await this.#fleet.look()) {
      const task = this.#tasks.find((one) => one.name === 'reclaim');
      if (task !== undefined) await this.#run(task);
      await this.#letOn(this.#links.letOn());
    }
    return this.#database.config.watchInterval * (0.8 + Math.random() * 0.4);
  }

  /** One task, batch after batch while they are full, for at most 200 ms; a batch that takes too long halves the next one (E13). */
  async #run(task: SweepTask): Promise<void> {
    const until = monotonicMs() + ROUND_MS;
    const batch = this.#sizes.get(task.name) as BatchSize;
    for (;;) {
      const { size } = batch;
      const pace = { late: false, slowRows: 0 };
      const found = await this.#find(task, batch);
      const ids = [...new Set(found.map((row) => row.id))];
      const moved = ids.length === 0 ? [] : await this.#mover.apply(task, ids, pace);
      if (pace.late) batch.halve();
      else batch.grow();
      await this.#announce(task.name, task.exceptional, moved);
      if (ids.length < size || moved.length === 0) return;
      if (monotonicMs() > until) return void (this.#more = true);
    }
  }

  async #find(task: SweepTask, batch: BatchSize): Promise<{ id: string }[]> {
    try {
      return await this.#database.run(task.find, task.findValues(batch.size));
    } catch (error) {
      if (codeOf(error) === '57014') batch.halve();
      throw error;
    }
  }

  /** Beside `claims`, one chunk of the table a round: rows that a hand or a bug left running are found too. */
  async #strays(): Promise<void> {
    const pages = [this.#chunk, this.#chunk + CHUNK_PAGES];
    const grace = overdueGraceMs(this.#database.config);
    const strays = await this.#database.run(findStray, [...pages, grace]);
    const lost = strays.filter((row) => row.lost).map((row) => row.id);
    const late = strays.filter((row) => !row.lost).map((row) => row.id);
    const task = this.#tasks.find((one) => one.name === 'reclaim');
    if (lost.length > 0 && task !== undefined)
      await this.#announce('stray', true, await this.#mover.apply(task, lost));
    if (late.length > 0)
      await this.#announce(
        'stray',
        true,
        await this.#mover.apply(overdue(this.#database.config), late),
      );
  }

  async #do(chore: Chore): Promise<void> {
    const { ready, done, more, counts } = await chore.run(this.#database, this.#untilMs);
    if (more) this.#more = true;
    for (const [name, count] of Object.entries({ [chore.name]: done, ...counts }))
      this.moved.set(name, (this.moved.get(name) ?? 0) + count);
    if (ready.size > 0) this.#hooks.ready(ready);
  }

  async #announce(task: string, exceptional: boolean, moved: readonly SweptRow[]): Promise<void> {
    if (moved.length === 0) return;
    if (exceptional) await traceHeal(this.#database, task, moved);
    this.moved.set(task, (this.moved.get(task) ?? 0) + moved.length);
    this.#links.note(concernedBy(moved.map((row) => row.links)));
    if (exceptional)
      for (const row of moved.slice(0, 100))
        this.#log[row.state === 'failed' ? 'warn' : 'info']('swept', {
          task,
          job: row.id,
          type: row.type,
          state: row.state,
        });
    const ready = new Set(moved.filter((row) => row.state === 'queued').map((row) => row.type));
    if (ready.size === 0) return;
    this.#hooks.ready(ready);
    await this.#hooks.notify(ready);
  }
}
