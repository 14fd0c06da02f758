/** A supervised loop: runs one round after another until stopped, reports what goes wrong, and goes on. */
import { LONGEST_MS, monotonicMs } from './timer.ts';

/** What a loop needs to run. */
export interface LoopOptions {
  readonly name: string;
  /** Does one round and returns the milliseconds until the next one; a wake-up cuts them short. */
  round(signal: AbortSignal): Promise<number>;
  /** Hears of every round that threw. */
  onError(error: unknown, loop: string): void;
  /** Whether a round that has ended without an error says that all is well. Default: it does. */
  readonly isGood?: () => boolean;
  /** Milliseconds to wait after a round that threw; doubled for each further one, up to 5 s. Default 200. */
  readonly retryMs?: number;
}

const RETRY_MAX_MS = 5_000;
/** How long a good round may be overdue: longer than any statement may take and any retry may wait. */
const PULSE_MS = 30_000;

/** Repeats an asynchronous round; a round that throws is reported and tried again with backoff, for ever. */
export class Loop {
  readonly name: string;
  /** Monotonic time by which the next good round should have begun. */
  #dueAt = Number.POSITIVE_INFINITY;
  #options: LoopOptions;
  #stop = new AbortController();
  #endPause: (() => void) | undefined;
  #woken = false;
  #running: Promise<void> | undefined;
  #failures = 0;

  constructor(options: LoopOptions) {
    this.name = options.name;
    this.#options = options;
  }

  /** Starts the rounds; the second call changes nothing. */
  start(): this {
    if (this.#running === undefined) this.#dueAt = monotonicMs();
    this.#running ??= this.#run();
    return this;
  }

  /** Whether a good round is more than 30 s overdue: it hangs, or fails again and again. Never before it starts or after it stops. */
  get stalled(): boolean {
    return !this.#stop.signal.aborted && monotonicMs() - this.#dueAt > PULSE_MS;
  }

  /** Makes the next round start now, or directly after the one that is running. */
  wake(): void {
    this.#woken = true;
    this.#endPause?.();
  }

  /** Starts no further round and resolves when the running one has ended. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#endPause?.();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      this.#woken = false;
      const pauseMs = await this.#round();
      if (!this.#woken) await this.#pause(pauseMs);
    }
  }

  async #round(): Promise<number> {
    try {
      const pauseMs = await this.#options.round(this.#stop.signal);
      this.#failures = 0;
      if (this.#options.isGood?.() ?? true) this.#dueAt = monotonicMs() + pauseMs;
      return pauseMs;
    } catch (error) {
      this.#options.onError(error, this.name);
      this.#failures += 1;
      return Math.min(
        RETRY_MAX_MS,
        (this.#options.retryMs ?? 200) * 2 ** Math.min(this.#failures - 1, 10),
      );
    }
  }

  #pause(ms: number): Promise<void> {
    if (this.#stop.signal.aborted) return Promise.resolve();
    // A timer of 0 ms waits for 1 ms: with that, two claims in turn kept PostgreSQL waiting a third of the time.
    if (ms <= 0) return new Promise((resolve) => setImmediate(resolve));
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#endPause?.(), Math.min(ms, LONGEST_MS));
      const end = (): void => {
        this.#endPause = undefined;
        clearTimeout(timer);
        resolve();
      };
      this.#endPause = end;
    });
  }
}

/** The names of those loops that have no pulse. */
export function stalledOf(loops: readonly Loop[]): string[] {
  return loops.filter((loop) => loop.stalled).map((loop) => loop.name);
}
