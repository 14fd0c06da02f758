/** Cursors: where in each type's queue claims are, so that none walks again over rows that another has taken. */
import type { ClaimRow } from '../sql/claim.ts';

/** A place in the queue of a type: jobs behind it have a higher rank, or the same and a higher number. */
export interface Cursor {
  readonly rank: number;
  readonly seq: string;
}

/** Before every job. */
export const START: Cursor = { rank: -100_000, seq: '-1' };

/** A claim that is on its way. */
export interface Departure {
  /** It looks at every queue from its start, and says anew where they are. */
  readonly rescans: boolean;
  /** The type whose jobs it takes first. */
  readonly first: string;
  /** Where in the queue of that type it began; undefined at the start. */
  readonly from: Cursor | undefined;
  /** How many jobs it takes at most. */
  readonly most: number;
  /** How many claims had fallen short when it began. */
  readonly shortfalls: number;
}

/**
 * The cursors of one claimer. Measured: with a snapshot held open for 300,000 jobs a claim from the start fell from 77,000 to 23,000 jobs a second;
 * behind a cursor it stayed at 82,000. Stepping over 500 rows that another claim holds cost 0.4 ms of 7.
 */
export class Cursors {
  #types: number;
  #at = new Map<string, Cursor>();
  #shortfalls = 0;

  /** For so many types. */
  constructor(types: number) {
    this.#types = types;
  }

  /** Behind what a claim looks for jobs of a type. */
  behind(type: string): Cursor {
    return this.#at.get(type) ?? START;
  }

  /**
   * A claim begins that takes up to `most` jobs of the type `first` before it looks at others. The next one begins so many numbers further: this one takes
   * every job up to there, or there are not as many.
   */
  depart(first: string, most: number, rescans: boolean): Departure {
    const from = this.#at.get(first);
    if (from !== undefined && !rescans)
      this.#at.set(first, { rank: from.rank, seq: String(BigInt(from.seq) + BigInt(most)) });
    return { rescans, first, from, most, shortfalls: this.#shortfalls };
  }

  /**
   * It has brought these jobs, in the order of the queue: the next one begins behind them. A claim that brought fewer of a type than it might says that
   * cursors which were moved ahead may stand behind jobs that have come meanwhile; so does what was sent behind them and comes later.
   */
  arrive(departure: Departure, jobs: readonly ClaimRow[]): void {
    const { rescans, first, from, most, shortfalls } = departure;
    if (jobs.length < most) {
      this.#shortfalls += 1;
      this.clear();
    }
    if (jobs.length < most || shortfalls < this.#shortfalls) return;
    if (from !== undefined && this.#fewer(jobs, first, most)) {
      this.#shortfalls += 1;
      this.#at.set(first, from);
    }
    for (const [type, last] of lastOf(jobs, this.#types)) {
      const now = this.#at.get(type);
      if (rescans || now === undefined || isBefore(now, last)) this.#at.set(type, last);
    }
  }

  /** Nobody knows what it has taken. */
  fail(): void {
    this.#shortfalls += 1;
    this.clear();
  }

  /** Something may have come behind a cursor: claims begin at the start again, until one says where the queues are. */
  clear(): void {
    this.#at.clear();
  }

  #fewer(jobs: readonly ClaimRow[], type: string, most: number): boolean {
    if (this.#types === 1) return jobs.length < most;
    return jobs.filter((job) => job.type === type).length < most;
  }
}

/** The place of the last job of each of so many types. */
function lastOf(jobs: readonly ClaimRow[], types: number): Map<string, Cursor> {
  const last = new Map<string, Cursor>();
  for (let at = jobs.length - 1; at >= 0 && last.size < types; at -= 1) {
    const { type, rank, seq } = jobs[at] as ClaimRow;
    if (!last.has(type)) last.set(type, { rank, seq });
  }
  return last;
}

function isBefore(a: Cursor, b: Cursor): boolean {
  return a.rank < b.rank || (a.rank === b.rank && BigInt(a.seq) < BigInt(b.seq));
}
