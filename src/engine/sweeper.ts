/** Sweeper: moves whatever is late. Every process may run it and there is no leader: who takes the tick does the round. */
import type { Log } from '../domain/log.ts';
import { pruneAudit } from '../sql/audit.ts';
import { pruneFanOuts, pruneLinks } from '../sql/links.ts';
import { pruneRequests } from '../sql/requests.ts';
import {
  countPages,
  countRowError,
  endTick,
  findStray,
  promote,
  pruneRowErrors,
  quarantine,
  type SweptRow,
  takeSteadyTick,
  takeTick,
} from '../sql/sweep.ts';
import { Loop, stalledOf } from '../std/loop.ts';
import { after, monotonicMs } from '../std/timer.ts';
import type { Database, Executor } from '../storage/database.ts';
import { concernedBy } from '../storage/links.ts';
import { makePartitions, retain, unlessForbidden } from '../storage/partitions.ts';
import { codeOf, isPartitionMissing, isTransient } from '../storage/postgres-errors.ts';
import { allOf } from './all-of.ts';
import { BatchSize } from './batch-size.ts';
import { FINDINGS_EVERY_MS, refreshFindings } from './findings.ts';
import { FleetWatch } from './fleet-watch.ts';
import { LinkSweep } from './link-sweep.ts';
import { overdue, overdueGraceMs, type SweepTask, sweepTasks } from './sweep-tasks.ts';

const BATCH_MAX = 2_000;
const ROUND_MS = 200;
const CHUNK_PAGES = 500;
const SAME_ERRORS_MAX = 3;
/** Rows that each took too long by themselves: with so many in one batch it is the database that is slow. */
const SLOW_ROWS_MAX = 2;
const RETENTION_EVERY_MS = 600_000;
/** Executions of fan-outs that are gone are forgotten by so many, for so long at a time. */
const EXECUTIONS_MAX = 10_000;
const PRUNE_MS = 60_000;

/** What of a task moves rows. */
type Applied = Pick<SweepTask, 'name' | 'apply' | 'applyValues'>;

/** How long the statements of one batch took. */
interface Pace {
  /** Whether any of them ran out of time. */
  late: boolean;
  /** How many single rows did. */
  slowRows: number;
}

/** Work of a feature that every round of the sweep does after its own tasks. */
export interface Chore {
  readonly name: string;
  /** Does what is due, in statements that are bounded; whatever it throws is reported and tried again in the next round. */
  run(database: Database): Promise<ChoreRound>;
}

/** What one round of a chore did. */
export interface ChoreRound {
  /** The types of the jobs that it made ready. Other processes hear of them by its own statements. */
  readonly ready: ReadonlySet<string>;
  /** How many things it did. */
  readonly done: number;
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
  #letInNow = false;
  #chunk = 0;
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
    this.#fleet = new FleetWatch(database, log);
    const onError = (error: unknown, loop: string): void =>
      this.#log.warn('sweep_failed', { loop, error });
    this.#loops = [
      new Loop({ name: 'sweep', round: () => this.#round(), onError }),
      new Loop({ name: 'findings', round: () => this.#findings(), onError }),
      new Loop({ name: 'watch', round: () => this.#watch(), onError }),
      new Loop({ name: 'retention', round: () => this.#retention(), onError, retryMs: 1_000 }),
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
      () => this.#sweep(),
      async () => {
        findings = await refreshFindings(this.#database, this.#log);
      },
    ]);
    return { findings, more: this.#more };
  }

  async #round(): Promise<number> {
    const { sweepInterval } = this.#database.config;
    const [tick] = await this.#database.run(takeTick, ['sweep', sweepInterval]);
    if (tick?.taken === true) await this.#sweep();
    else {
      if (this.#promoteNow) await this.#promote();
      if (this.#letInNow) await this.#letOn(this.#links.letOn());
    }
    // Just after the tick is due, or the whole of another interval would pass.
    return Math.min(sweepInterval, tick?.next_ms ?? sweepInterval) + 2 + Math.random() * 10;
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

  async #sweep(): Promise<void> {
    this.#promoteNow = false;
    const steps = [
      ...this.#tasks.map((task) => () => this.#run(task)),
      () => this.#strays(),
      () => this.#letOn(this.#links.round()),
      () => this.#fleet.prune(),
      ...this.#chores.map((chore) => () => this.#do(chore)),
    ];
    await allOf(steps.map((step) => () => this.#inTime(step)));
    await this.#database.run(endTick, ['sweep']);
  }

  async #inTime(step: () => Promise<void>): Promise<void> {
    if (monotonicMs() < this.#untilMs) await step();
    else this.#more = true;
  }

  /** Findings have a tick of their own: jobs become late however seldom the sweep runs. */
  async #findings(): Promise<number> {
    const taken = await this.#database.run(takeSteadyTick, ['findings', FINDINGS_EVERY_MS]);
    if (taken.length > 0) await refreshFindings(this.#database, this.#log);
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
      const moved = ids.length === 0 ? [] : await this.#apply(task, ids, pace);
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

  /**
   * Halves a batch that fails down to the row that makes it fail: one bad row never stops the healer (E7). All on one connection: the
   * locks of a failed batch are gone before its next statement runs, or the halves would skip each other's rows.
   */
  #apply(
    task: Applied,
    ids: readonly string[],
    pace: Pace = { late: false, slowRows: 0 },
  ): Promise<SweptRow[]> {
    return this.#database.hold((on) => this.#applyOn(on, task, ids, pace));
  }

  async #applyOn(
    on: Executor,
    task: Applied,
    ids: readonly string[],
    pace: Pace,
  ): Promise<SweptRow[]> {
    try {
      return await this.#database.run(task.apply, [ids, ...task.applyValues], on);
    } catch (error) {
      if (isPartitionMissing(error)) await makePartitions(this.#database);
      const late = codeOf(error) === '57014';
      if (!late && isTransient(error)) throw error;
      if (late) pace.late = true;
      if (late && ids.length === 1) pace.slowRows += 1;
      if (ids.length === 1) return this.#blame(task.name, ids[0] as string, error);
      const half = Math.ceil(ids.length / 2);
      const first = await this.#applyOn(on, task, ids.slice(0, half), pace);
      // The rest would take as long, row by row: it waits for the next round.
      if (pace.slowRows >= SLOW_ROWS_MAX) return first;
      return [...first, ...(await this.#applyOn(on, task, ids.slice(half), pace))];
    }
  }

  /** Three equal errors on one row: it is set aside as failed, with the error, and reported. */
  async #blame(task: string, id: string, error: unknown): Promise<SweptRow[]> {
    const message = (error as Error).message.slice(0, 1_000);
    const [counted] = await this.#database.run(countRowError, [id, task, codeOf(error), message]);
    this.#log.error('sweep_row_failed', { job: id, task, error, count: counted?.count });
    if ((counted?.count ?? 0) < SAME_ERRORS_MAX) return [];
    const stored = {
      code: 'JOB_QUARANTINED',
      name: 'UnstuckError',
      message: `The sweep (${task}) failed ${SAME_ERRORS_MAX} times on this job: ${message}`,
    };
    try {
      return await this.#database.run(quarantine, [id, JSON.stringify(stored)]);
    } catch (refusal) {
      // Not even that can be stored: the row stays, is tried in every round, and is late until somebody mends what refuses it.
      this.#log.error('quarantine_refused', { job: id, task, error: refusal });
      return [];
    }
  }

  /** Beside `claims`, one chunk of the table a round: rows that a hand or a bug left running are found too. */
  async #strays(): Promise<void> {
    const [size] = await this.#database.run(countPages);
    const pages = Number(size?.pages ?? 0);
    if (this.#chunk >= pages) this.#chunk = 0;
    const grace = overdueGraceMs(this.#database.config);
    const strays = await this.#database.run(findStray, [
      this.#chunk,
      this.#chunk + CHUNK_PAGES,
      grace,
    ]);
    this.#chunk += CHUNK_PAGES;
    const lost = strays.filter((row) => row.lost).map((row) => row.id);
    const late = strays.filter((row) => !row.lost).map((row) => row.id);
    const task = this.#tasks.find((one) => one.name === 'reclaim');
    if (lost.length > 0 && task !== undefined)
      await this.#announce('stray', true, await this.#apply(task, lost));
    if (late.length > 0)
      await this.#announce('stray', true, await this.#apply(overdue(this.#database.config), late));
  }

  async #do(chore: Chore): Promise<void> {
    const { ready, done, more } = await chore.run(this.#database);
    if (more) this.#more = true;
    this.moved.set(chore.name, (this.moved.get(chore.name) ?? 0) + done);
    if (ready.size > 0) this.#hooks.ready(ready);
  }

  async #announce(task: string, exceptional: boolean, moved: readonly SweptRow[]): Promise<void> {
    if (moved.length === 0) return;
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

  async #retention(): Promise<number> {
    await allOf([
      () => this.#database.run(pruneRowErrors),
      () => this.#database.run(pruneLinks),
      () => this.#pruneFanOuts(),
      () => this.#database.run(pruneAudit, [this.#database.config.keepFailed]),
      () => this.#database.run(pruneRequests),
      () => this.#retain(),
    ]);
    return RETENTION_EVERY_MS * (0.9 + Math.random() * 0.2);
  }

  async #pruneFanOuts(): Promise<void> {
    const until = monotonicMs() + PRUNE_MS;
    for (let gone = 1; gone > 0 && monotonicMs() < until; ) {
      const [row] = await this.#database.run(pruneFanOuts, [EXECUTIONS_MAX]);
      gone = row?.gone ?? 0;
    }
  }

  async #retain(): Promise<void> {
    const done = await unlessForbidden(this.#database, this.#log, retain(this.#database));
    if (done !== undefined && done.made.length + done.dropped.length > 0)
      this.#log.info('retention', { made: done.made.length, dropped: done.dropped });
  }
}
