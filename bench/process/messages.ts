/** What the measured processes are asked, and what they answer. */

/** How a worker handles its jobs: count them, note when they start, or report the start and end, or never end. */
export type Handling = 'count' | 'latency' | 'report' | 'hang';

/** What a measured process has used since it started. */
export interface Usage {
  readonly cpuMs: number;
  readonly rssBytes: number;
  readonly rssBytesMax: number;
  readonly handled: number;
}

/** How many jobs one timed call enqueued, and how long that took. */
export interface Timed {
  readonly jobs: number;
  readonly ms: number;
  readonly cpuMs: number;
}

/** What to enqueue in bulk. */
export interface Bulk {
  readonly jobs: number;
  readonly perCall: number;
  readonly callers: number;
  readonly types: readonly string[];
  readonly bytes?: number;
  readonly delayMs?: number;
}

/** Every question with its argument and answer. */
export interface Questions {
  /** Loads what is loaded before a worker starts. */
  load: { ask: null; answer: void };
  prepare: { ask: { types: readonly string[] }; answer: void };
  work: {
    ask: { types: readonly string[]; handling: Handling; report: boolean; bare?: boolean };
    answer: void;
  };
  stop: { ask: null; answer: void };
  usage: { ask: null; answer: Usage };
  /** Milliseconds from due to started of the jobs since the last question. */
  latencies: { ask: null; answer: number[] };
  produce: { ask: { types: readonly string[] }; answer: void };
  ones: { ask: { callers: number; ms: number; bytes?: number }; answer: Timed };
  many: { ask: Bulk; answer: Timed };
  /** Single enqueues at a fixed rate; answers those that were committed in time. */
  paced: { ask: { perSecond: number; ms: number }; answer: Timed };
  /** Single enqueues, each awaited, with a gap; answers the milliseconds that each call took. */
  spaced: { ask: { jobs: number; gapMs: number }; answer: number[] };
  left: { ask: null; answer: boolean };
  close: { ask: null; answer: void };
}

/** The name of a question. */
export type Question = keyof Questions;

/** What the parent sends. */
export interface Asked {
  readonly id: number;
  readonly question: Question;
  readonly ask: unknown;
}

/** What the child sends: an answer, or news of its own accord. */
export type Told =
  | { readonly id: number; readonly answer?: unknown; readonly error?: string }
  | { readonly ready: true }
  | { readonly handled: number }
  | { readonly startedAt: number; readonly n: number };
