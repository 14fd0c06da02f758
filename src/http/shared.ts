/** Shared: one computation for all who ask at about the same time. */
import type { Status } from '../engine/status.ts';
import { monotonicMs } from '../std/timer.ts';
import type { Unstuck } from '../unstuck.ts';

const FRESH_MS = 1_000;

/** A value that is expensive to make: those who ask while it is made get the same one, and so do those who ask soon after. */
export class Shared<T> {
  #make: () => Promise<T>;
  #freshMs: number;
  #making: Promise<T> | undefined;
  #made: { readonly value: T; readonly at: number } | undefined;

  /** A value is handed out for `freshMs` (default 1 s) after it was made. */
  constructor(make: () => Promise<T>, freshMs: number = FRESH_MS) {
    this.#make = make;
    this.#freshMs = freshMs;
  }

  /** Returns the value. Throws what making it threw; the next who asks tries again. */
  async get(): Promise<T> {
    const made = this.#made;
    if (made !== undefined && monotonicMs() - made.at < this.#freshMs) return made.value;
    this.#making ??= this.#begin();
    return this.#making;
  }

  async #begin(): Promise<T> {
    try {
      const value = await this.#make();
      this.#made = { value, at: monotonicMs() };
      return value;
    } finally {
      this.#making = undefined;
    }
  }
}

const STATUSES = new WeakMap<Unstuck, Shared<Status>>();

/** The status of an installation, read at most once a second for all handlers, viewers and probes of this process. */
export function sharedStatus(unstuck: Unstuck): Shared<Status> {
  const known = STATUSES.get(unstuck);
  if (known !== undefined) return known;
  const made = new Shared(() => unstuck.status());
  STATUSES.set(unstuck, made);
  return made;
}
