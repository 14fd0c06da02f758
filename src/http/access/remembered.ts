/** Remembered: what the database said of a secret, kept for seconds, so that thousands of requests do not ask it each. */
import { monotonicMs } from '../../std/timer.ts';

/** What the database says, and for how many milliseconds it holds at most; null for no end. */
export interface Verdict<T> {
  readonly value: T;
  readonly leftMs: number | null;
}

interface Entry<T> {
  readonly asked: Promise<Verdict<T> | undefined>;
  untilMs: number;
}

const KEEP_MS = 5_000;
const GOOD_MS = 3_600_000;
const ENTRIES_MAX = 1_000;

/** Answers by digest of a secret: at most 5 s old, at most 1,000 of them; one question at a time for each. */
export class Remembered<T> {
  #nowMs: () => number;
  #entries = new Map<string, Entry<T>>();
  #good = new Map<string, number>();

  constructor(nowMs: () => number = monotonicMs) {
    this.#nowMs = nowMs;
  }

  /** Whether a secret was good within the last hour: whoever has it does not guess. */
  knows(key: string): boolean {
    return (this.#good.get(key) ?? 0) > this.#nowMs();
  }

  /** Answers from memory, or asks. What was refused and what could not be asked is not remembered. */
  async get(key: string, ask: () => Promise<Verdict<T> | undefined>): Promise<T | undefined> {
    const known = this.#entries.get(key);
    if (known !== undefined && known.untilMs > this.#nowMs()) return (await known.asked)?.value;
    // Until it is answered nobody else asks the same; the time counts from the question, so that it is never older than 5 s.
    const entry = { asked: ask(), untilMs: this.#nowMs() + KEEP_MS };
    put(this.#entries, key, entry);
    try {
      const verdict = await entry.asked;
      if (verdict === undefined) this.#drop(key, entry);
      else this.#keep(key, entry, verdict.leftMs);
      return verdict?.value;
    } catch (error) {
      this.#drop(key, entry);
      throw error;
    }
  }

  /** Forgets one secret. */
  forget(key: string): void {
    this.#entries.delete(key);
    this.#good.delete(key);
  }

  /** Forgets every answer: the next use of each secret asks anew. */
  forgetAnswers(): void {
    this.#entries.clear();
  }

  #keep(key: string, entry: Entry<T>, leftMs: number | null): void {
    entry.untilMs = Math.min(entry.untilMs, this.#nowMs() + (leftMs ?? KEEP_MS));
    put(this.#good, key, this.#nowMs() + GOOD_MS);
  }

  #drop(key: string, entry: Entry<T>): void {
    this.#good.delete(key);
    if (this.#entries.get(key) === entry) this.#entries.delete(key);
  }
}

/** What was put first makes room. */
function put<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key);
  const [oldest] = map.size >= ENTRIES_MAX ? map.keys() : [];
  if (oldest !== undefined) map.delete(oldest);
  map.set(key, value);
}
