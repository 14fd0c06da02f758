/** Meter: what this process has done since it started, as plain numbers. Whoever wants to know reads them; counting costs next to nothing. */
import { Histogram } from '../std/histogram.ts';

/** How an attempt ended, as it is counted. */
export type CountedOutcome =
  | 'completed'
  | 'failed'
  | 'timed-out'
  | 'cancelled'
  | 'snoozed'
  | 'released'
  | 'awaits'
  | 'lost';

/** What this process has done with the jobs of one type. */
export interface TypeMeter {
  /** Stored; with `in`, also those of a transaction that was rolled back later. */
  enqueued: number;
  /** Enqueues that stored nothing, because a job with the key was there. */
  deduplicated: number;
  /** Ended by this process: completed, failed or cancelled. */
  finished: Map<string, number>;
  /** Attempts by what became of them. */
  attempts: Map<CountedOutcome, number>;
  /** Seconds from the enqueue to the first claim; a delay and the time at a gate are part of it. */
  wait: Histogram;
  /** Seconds from the start of a handler to its end. */
  run: Histogram;
}

/** More types are counted together under this name, whatever names come in from outside. */
export const OTHER = '_other';

const TYPES_MAX = 200;
/** Seconds: those of OpenTelemetry's conventions, and longer ones, because jobs are no requests. */
const BOUNDS = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3_600, 14_400,
] as const;

/** The counts of one process. */
export class Meter {
  /** By type, at most 200 and `_other`. */
  readonly types: Map<string, TypeMeter> = new Map();
  /** Rows that the sweep of this process has moved, by task. */
  swept: ReadonlyMap<string, number> = new Map();

  /** Counts the answer to an enqueue. */
  enqueued(type: string, created: boolean): void {
    const meter = this.#of(type);
    if (created) meter.enqueued += 1;
    else meter.deduplicated += 1;
  }

  /** Counts the first claim of a job, after so long. */
  claimed(type: string, waitMs: number): void {
    this.#of(type).wait.add(waitMs / 1_000);
  }

  /** Counts a run of a handler. */
  ran(type: string, ms: number): void {
    this.#of(type).run.add(ms / 1_000);
  }

  /** Counts the end of an attempt, and with `state` that of its job. */
  ended(type: string, outcome: CountedOutcome, state?: string): void {
    const { attempts, finished } = this.#of(type);
    attempts.set(outcome, (attempts.get(outcome) ?? 0) + 1);
    if (state !== undefined) finished.set(state, (finished.get(state) ?? 0) + 1);
  }

  #of(type: string): TypeMeter {
    const known = this.types.get(type);
    if (known !== undefined) return known;
    const name = this.types.size < TYPES_MAX ? type : OTHER;
    const meter = this.types.get(name) ?? emptyMeter();
    this.types.set(name, meter);
    return meter;
  }
}

function emptyMeter(): TypeMeter {
  return {
    enqueued: 0,
    deduplicated: 0,
    finished: new Map(),
    attempts: new Map(),
    wait: new Histogram(BOUNDS),
    run: new Histogram(BOUNDS),
  };
}
