/** Ticks: rounds of the sweep that an outside clock asks for, when every loop of ours may be dead. */
import type { Log } from '../domain/log.ts';
import { monotonicMs, settlesWithin } from '../std/timer.ts';
import type { Database } from '../storage/database.ts';
import { checkNotNewer } from '../storage/migrator.ts';
import { type Chore, Sweeper, type SweeperHooks, type SweptRound } from './sweeper.ts';

/** What one tick did. Calls that come while a round runs share it. */
export interface TickRound {
  /** Jobs whose time, or whose next attempt, had come. */
  readonly promoted: number;
  /** Rows inserted by hand that were let in. */
  readonly admitted: number;
  /** Jobs whose worker was dead. */
  readonly reclaimed: number;
  /** Attempts that had run past their timeout. */
  readonly timedOut: number;
  /** Jobs that were not finished by their `finishBy`. */
  readonly expired: number;
  /** Rows of an unknown type, or without the pool that they need. */
  readonly refused: number;
  /** Jobs that schedules made. */
  readonly fired: number;
  /** Remote workers that were asked whether they are back. */
  readonly targetsProbed: number;
  /** Jobs that go on because their remote worker is back. */
  readonly unparked: number;
  /** How many groups of late jobs there are now. */
  readonly findings: number;
  /** Whether there is more to do: call again. */
  readonly more: boolean;
}

/** A round begins nothing further after so long. */
const ROUND_MS = 2_500;
/** A tick is answered after so long, whatever the round still does. */
const ANSWER_MS = 3_000;

/** The tasks of the sweep that each number of a round counts. */
const COUNTED = {
  promoted: ['promote-time', 'promote-retry'],
  admitted: ['admit'],
  reclaimed: ['reclaim', 'stray'],
  timedOut: ['time-out'],
  expired: ['expire'],
  refused: ['refuse-undefined', 'refuse-poolless'],
  fired: ['schedules'],
  targetsProbed: ['probe-target'],
  unparked: ['unpark'],
} as const;

/** The ticks of one process: at most one round at a time, over connections of their own. */
export class Ticks {
  #database: Database;
  #log: Log;
  /** Kept from tick to tick: how long a worker has been silent is known by looking more than once. */
  #sweeper: Sweeper;
  #round: Promise<SweptRound> | undefined;
  #before: ReadonlyMap<string, number> = new Map();

  constructor(database: Database, log: Log, hooks: SweeperHooks, chores: readonly Chore[]) {
    this.#database = database.forSweep();
    this.#log = log;
    this.#sweeper = new Sweeper(this.#database, log, hooks, chores);
  }

  /** Does a round, or shares the one that runs; answers within 3 s. Throws what went wrong first; the rest has been done all the same, but with SCHEMA_TOO_NEW nothing has. */
  async tick(): Promise<TickRound> {
    this.#round ??= this.#begin();
    const round = this.#round;
    const before = this.#before;
    const ended = await settlesWithin(round, ANSWER_MS);
    const { findings, more } = ended ? await round : { findings: 0, more: true };
    return { ...this.#countSince(before), findings, more };
  }

  /** Resolves when the round that runs has ended. */
  async stop(): Promise<void> {
    await this.#round?.catch(() => undefined);
    await this.#database.close();
  }

  #begin(): Promise<SweptRound> {
    this.#before = new Map(this.#sweeper.moved);
    const untilMs = monotonicMs() + ROUND_MS;
    const round = checkNotNewer(this.#database)
      .then(() => this.#sweeper.sweepOnce(untilMs))
      .catch((error: unknown) => {
        this.#log.warn('tick_failed', { error });
        throw firstOf(error);
      })
      .finally(() => {
        this.#round = undefined;
      });
    // Whoever asked may have been answered before it fails.
    round.catch(() => undefined);
    return round;
  }

  #countSince(before: ReadonlyMap<string, number>): Omit<TickRound, 'findings' | 'more'> {
    const { moved } = this.#sweeper;
    const since = (task: string): number => (moved.get(task) ?? 0) - (before.get(task) ?? 0);
    const counts = Object.entries(COUNTED).map(([name, tasks]) => [
      name,
      tasks.reduce((sum, task) => sum + since(task), 0),
    ]);
    return Object.fromEntries(counts) as Omit<TickRound, 'findings' | 'more'>;
  }
}

/** Of several errors the first: it says more than all of them together. */
function firstOf(error: unknown): unknown {
  return error instanceof AggregateError ? firstOf(error.errors[0]) : error;
}
