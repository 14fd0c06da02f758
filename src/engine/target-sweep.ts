/** Target sweep: what a round of the sweep does for remote workers: parks, lets go on, asks who is down, and looks after what was sent. */

import type { Verdict } from '../domain/dispatch.ts';
import type { Log } from '../domain/log.ts';
import { readTrace } from '../domain/trace.ts';
import { type LookRow, takeLooks } from '../sql/dispatches.ts';
import type { Statement } from '../sql/sql.ts';
import type { SweptRow } from '../sql/sweep.ts';
import {
  findParked,
  findToPark,
  type ProbeRow,
  parkQueued,
  probeAnswered,
  probeFailed,
  takeProbes,
  unpark,
} from '../sql/targets.ts';
import { monotonicMs, settlesWithin } from '../std/timer.ts';
import type { Database } from '../storage/database.ts';
import { concernedBy, letOn } from '../storage/links.ts';
import { allOf } from './all-of.ts';
import { PARKED, PARKED_BEHIND } from './decide.ts';
import { type Dispatcher, isTold } from './dispatcher.ts';
import { type Applied, RowMover } from './row-mover.ts';
import type { ChoreRound } from './sweeper.ts';

const PARK_MAX = 2_000;
const PROBES_MAX = 20;
const LOOKS_MAX = 50;
/** So many jobs of a round are told of one by one. */
const TOLD_MAX = 100;
const STOP_MS = 10_000;

/** A job that was moved, and for which target; none for one that was set aside, or whose type has none any more. */
type MovedRow = SweptRow & { readonly target?: string | null };

/** A kind of jobs that a round moves. */
interface Move extends Applied<MovedRow> {
  readonly find: Statement<{ id: string }>;
  readonly findValues: readonly unknown[];
  /** What the log calls them together, and each of them. */
  readonly event: string;
  readonly each?: string;
}

const PARK: Move = {
  name: 'park',
  find: findToPark,
  findValues: [PARK_MAX],
  apply: parkQueued,
  applyValues: [],
  event: 'parked_jobs',
};
const UNPARK: Move = {
  name: 'unpark',
  find: findParked,
  findValues: [],
  apply: unpark,
  applyValues: [],
  event: 'found_parked_jobs',
  each: 'retried',
};

/** What rounds of the sweep do for targets. Calls to targets go on behind the round, which must not wait for whoever does not answer. */
export class TargetSweep {
  #database: Database;
  #dispatcher: Dispatcher;
  #log: Log;
  #calls = new Set<Promise<void>>();

  constructor(database: Database, dispatcher: Dispatcher, log: Log) {
    this.#database = database;
    this.#dispatcher = dispatcher;
    this.#log = log;
  }

  /** Does what is due; waits for the calls it makes until `untilMs` of the monotonic clock if that is finite, else not at all. */
  async run(database: Database, untilMs: number): Promise<ChoreRound> {
    const ready = new Set<string>();
    const counts = { parked: 0, gone: 0, probes: 0, looks: 0 };
    const mover = new RowMover(database, this.#log);
    await allOf([
      async () => (counts.parked = await this.#move(database, mover, PARK, ready)),
      async () => (counts.gone = await this.#move(database, mover, UNPARK, ready)),
      async () => (counts.probes = await this.#probeDue(database)),
      async () => (counts.looks = await this.#lookAtDue(database)),
    ]);
    if (Number.isFinite(untilMs))
      await settlesWithin(Promise.all(this.#calls), Math.max(0, untilMs - monotonicMs()));
    const { parked, gone, probes, looks } = counts;
    return {
      ready,
      done: parked + looks,
      counts: { 'probe-target': probes, unpark: gone },
      more: parked === PARK_MAX,
    };
  }

  /** Resolves when the calls that are on their way have ended, after 10 s in any case. */
  async stop(): Promise<void> {
    await settlesWithin(Promise.all(this.#calls), STOP_MS);
  }

  /** Moves what is found, and lets on whoever waited for what it makes room for; returns how many it moved. */
  async #move(
    database: Database,
    mover: RowMover,
    task: Move,
    ready: Set<string>,
  ): Promise<number> {
    const found = await database.run(task.find, task.findValues);
    if (found.length === 0) return 0;
    const ids = found.map(({ id }) => id);
    const moved = await mover.apply(task, ids);
    this.#tell(task, moved);
    for (const { type, state } of moved) if (state === 'queued') ready.add(type);
    const concerned = concernedBy(moved.map(({ links }) => links));
    for (const type of await letOn(database, concerned)) ready.add(type);
    return moved.length;
  }

  #tell({ event, each }: Move, moved: readonly MovedRow[]): void {
    const targets = new Map<string, number>();
    for (const { target } of moved)
      if (typeof target === 'string') targets.set(target, (targets.get(target) ?? 0) + 1);
    for (const [target, count] of targets) this.#log.info(event, { target, count });
    if (each !== undefined)
      for (const { id, target } of moved.slice(0, TOLD_MAX))
        this.#log.info(each, { job: id, target });
  }

  async #probeDue(database: Database): Promise<number> {
    const probes = await database.run(takeProbes, [PROBES_MAX]);
    for (const probe of probes) this.#behind(() => this.#probe(probe));
    return probes.length;
  }

  async #lookAtDue(database: Database): Promise<number> {
    const { calls } = this.#dispatcher;
    const leaseMs = Math.max(0, ...calls.names.map((name) => calls.patienceOf(name)));
    const looks = await database.run(takeLooks, [calls.names, LOOKS_MAX, leaseMs]);
    for (const look of looks) this.#behind(() => this.#look(look));
    return looks.length;
  }

  #behind(work: () => Promise<void>): void {
    const call = work()
      .catch((error: unknown) => this.#log.warn('target_call_failed', { error }))
      .finally(() => this.#calls.delete(call));
    this.#calls.add(call);
  }

  /** What comes of it is written over the connection's own database: the round's may be closed by then. */
  async #probe(probe: ProbeRow): Promise<void> {
    const { name, probes } = probe;
    const failure = await this.#dispatcher.calls.probe(probe);
    if (failure !== undefined) {
      await this.#database.run(probeFailed, [name, probes, JSON.stringify(failure)]);
      this.#log.warn('target_still_down', { target: name, probes, ...failure });
      return;
    }
    const [back] = await this.#database.run(probeAnswered, [name, probes]);
    if (back !== undefined)
      this.#log.info(back.state === 'up' ? 'target_up' : 'target_tried', { target: name, probes });
  }

  async #look(row: LookRow): Promise<void> {
    const { target, id, token, type } = row;
    const fence = { id, token, type };
    const told = await this.#dispatcher.ask(target, fence);
    if (isTold(told) || (told?.kind === 'unknown' && row.accepted)) {
      await this.#dispatcher.conclude(target, fence, told);
      return;
    }
    if (!row.accepted) return this.#sendAgain(row);
    if (told === undefined && !row.down) return this.#silent(row);
    if (told?.kind === 'busy') return this.#busy(row, told);
    if (told !== undefined && 'failure' in told)
      await this.#dispatcher.failed(target, fence, told.failure, 'asked');
    // What a target that is down had accepted goes out again when it is back; if it still works on that, its answer is refused.
    if (row.down) await this.#dispatcher.park(target, fence, PARKED_BEHIND);
    else await this.#dispatcher.lookIn(fence, row.silence_ms);
  }

  /** It takes no questions now, and no jobs; what it had accepted it has still. */
  async #busy(row: LookRow, told: Extract<Verdict, { readonly kind: 'busy' }>): Promise<void> {
    await this.#dispatcher.hold(row.target, told.waitMs, told.failure);
    await this.#dispatcher.lookIn(row, Math.round(Math.max(row.silence_ms, told.waitMs)));
  }

  /** Whoever sent it has died over it: the same attempt is sent again, under the same key. */
  async #sendAgain(row: LookRow): Promise<void> {
    const { target, id, token, type, attempt, attempts_max: attemptsMax, input, trace } = row;
    const { traceparent } = readTrace(trace);
    const job = { id, token, type, attempt, attemptsMax, input, traceparent };
    if ((await this.#dispatcher.sendAgain(target, job)) === 'next')
      await this.#dispatcher.park(target, job, PARKED);
  }

  async #silent({ target, id, token }: LookRow): Promise<void> {
    const message = `The target "${target}" accepted the job, was silent for longer than it may be, and cannot be asked about it.`;
    await this.#dispatcher.fail({ id, token }, { code: 'TARGET_SILENT', message }, true);
  }
}
