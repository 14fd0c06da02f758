/** Cursors: where in each type's queue claims are, so that none walks again over rows that another has taken. */
import type { ClaimRow } from '../sql/claim.ts';

/** A place in the queue of a type: jobs behind it have a higher rank, or the same and a higher number; those before it a lower one. */
export interface Cursor {
  readonly rank: number;
  readonly seq: string;
}

/** Before every job. */
export const START: Cursor = { rank: -100_000, seq: '-1' };

/** A claim that is on its way. */
export interface Departure {
  /** It looks at every queue from its start, and says anew where they are. One at a time. */
  readonly rescans: boolean;
  /** The type whose jobs it takes first. */
  readonly first: string;
  /** Where in the queue of that type it began; undefined at the start. */
  readonly from: Cursor | undefined;
  /** How many jobs it takes at most. */
  readonly most: number;
  /** The generation of cursors that it moves. */
  readonly generation: number;
}

/**
 * The cursors of one claimer. Measured: with a snapshot held open for 300,000 jobs a claim from the start fell from 77,000 to 23,000 jobs a second;
 * behind a cursor it stayed at 82,000. Stepping over 500 rows that another claim holds cost 0.4 ms of 7.
 */
export class Cursors {
  #types: number;
  #at = new Map<string, Cursor>();
  /** Cursors that were put back begin a new one: claims that were sent before that move them no more. */
  #generation = 0;

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
   * every job up to there, or there are not as many. What it cannot take, because somebody has locked it or not committed it yet, a rescan finds.
   */
  depart(first: string, most: number, rescans: boolean): Departure {
    const from = this.#at.get(first);
    if (from !== undefined && !rescans)
      this.#at.set(first, { rank: from.rank, seq: String(BigInt(from.seq) + BigInt(most)) });
    return { rescans, first, from, most, generation: this.#generation };
  }

  /** It has brought these jobs, in the order of the queue: the next one begins behind them. */
  arrive({ rescans, first, from, most, generation }: Departure, jobs: readonly ClaimRow[]): void {
    // There were not as many as it might take. What has come since stands before cursors that were moved ahead, and so does what others bring that began there.
    if (jobs.length < most) return this.fail();
    if (!rescans && generation < this.#generation) return;
    // Types that a rescan did not reach are looked at from their start as well, in their turn.
    if (rescans) this.fail();
    else if (from !== undefined && this.#isMixed(jobs, first)) {
      this.#generation += 1;
      this.#at.set(first, from);
    }
    for (const [type, last] of lastOf(jobs, this.#types)) {
      const now = this.#at.get(type);
      if (now === undefined || isBefore(now, last)) this.#at.set(type, last);
    }
  }

  /** Nobody knows what it has taken: every claim begins at the start again, until one says where the queues are. */
  fail(): void {
    this.#generation += 1;
    this.#at.clear();
  }

  /** Of a full claim: whether some of its jobs are of other types. */
  #isMixed(jobs: readonly ClaimRow[], type: string): boolean {
    return this.#types > 1 && jobs.some((job) => job.type !== type);
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
