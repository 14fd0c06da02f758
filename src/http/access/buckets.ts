/** Buckets: how often somebody may do something, counted in this process. */
import { unstuckError } from '../../domain/errors.ts';
import { monotonicMs } from '../../std/timer.ts';

/** So many at once, and so many more in each second. */
export interface Pace {
  readonly burst: number;
  readonly perSecond: number;
}

interface Bucket {
  left: number;
  atMs: number;
}

/** Whoever was seen first is forgotten first: a flood of names costs no more memory than this. */
const KEYS_MAX = 10_000;

/** One bucket for each key: it starts full, everything takes one out, and it fills up with time. */
export class Buckets {
  #pace: Pace;
  #nowMs: () => number;
  #buckets = new Map<string, Bucket>();

  constructor(pace: Pace, nowMs: () => number = monotonicMs) {
    this.#pace = pace;
    this.#nowMs = nowMs;
  }

  /** Takes one; throws RATE_LIMITED, which says when there will be one again, when there is none. */
  take(key: string): void {
    this.check(key);
    this.#bucket(key).left -= 1;
  }

  /** Gives one back that was taken for nothing. */
  giveBack(key: string): void {
    this.#bucket(key).left += 1;
  }

  /** Throws RATE_LIMITED when there is none to take. */
  check(key: string): void {
    const { burst, perSecond } = this.#pace;
    const { left } = this.#bucket(key);
    if (left >= 1) return;
    const retryAfterS = Math.ceil((1 - left) / perSecond);
    throw unstuckError(
      'RATE_LIMITED',
      `Expected at most ${burst} such requests at once and ${shownRate(perSecond)}, got more. Try again in ${retryAfterS} s; nothing was changed.`,
      { detail: { retryAfterS, burst, windowS: Math.ceil(burst / perSecond) } },
    );
  }

  #bucket(key: string): Bucket {
    const now = this.#nowMs();
    const { burst, perSecond } = this.#pace;
    const known = this.#buckets.get(key);
    if (known !== undefined) {
      known.left = Math.min(burst, known.left + ((now - known.atMs) / 1_000) * perSecond);
      known.atMs = now;
      return known;
    }
    const [oldest] = this.#buckets.size >= KEYS_MAX ? this.#buckets.keys() : [];
    if (oldest !== undefined) this.#buckets.delete(oldest);
    const bucket = { left: burst, atMs: now };
    this.#buckets.set(key, bucket);
    return bucket;
  }
}

/** All clients whose address is not known are counted as one, which may do so much more: else each of them could shut the others out. */
const UNKNOWN_FACTOR = 100;

/** Buckets by network address. */
export class AddressBuckets {
  #known: Buckets;
  #unknown: Buckets;

  constructor({ burst, perSecond }: Pace, nowMs?: () => number) {
    this.#known = new Buckets({ burst, perSecond }, nowMs);
    this.#unknown = new Buckets(
      { burst: burst * UNKNOWN_FACTOR, perSecond: perSecond * UNKNOWN_FACTOR },
      nowMs,
    );
  }

  /** The buckets in which an address is counted; undefined when it is not known. */
  of(address: string | undefined): { take(): void; check(): void; giveBack(): void } {
    const buckets = address === undefined ? this.#unknown : this.#known;
    const key = address ?? '';
    return {
      take: () => buckets.take(key),
      check: () => buckets.check(key),
      giveBack: () => buckets.giveBack(key),
    };
  }
}

function shownRate(perSecond: number): string {
  return perSecond >= 1 ? `${perSecond} a second` : `${Math.round(perSecond * 60)} a minute`;
}
