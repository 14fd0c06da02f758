// The laws of cursors: claims that are on their way at once look at different jobs, and none is passed over.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Cursor, Cursors, type Departure, START } from '../../src/engine/cursors.ts';
import type { ClaimRow } from '../../src/sql/claim.ts';

test('a claim that is sent while another is on its way begins behind all that one can take', () => {
  const cursors = new Cursors(1);
  cursors.arrive(cursors.depart('a', 2, true), jobs('a', 1, 2));
  expect(cursors.behind('a')).toEqual({ rank: 0, seq: '2' });
  const one = cursors.depart('a', 500, false);
  expect(cursors.behind('a')).toEqual({ rank: 0, seq: '502' });
  cursors.depart('a', 500, false);
  expect(cursors.behind('a')).toEqual({ rank: 0, seq: '1002' });
  cursors.arrive(one, jobs('a', 3, 502));
  expect(cursors.behind('a')).toEqual({ rank: 0, seq: '1002' });
});

test('a claim that looks from the start says anew where the queue is, and holds up no other', () => {
  const cursors = new Cursors(1);
  cursors.arrive(cursors.depart('a', 1, true), jobs('a', 900, 900));
  const again = cursors.depart('a', 2, true);
  expect(cursors.behind('a')).toEqual({ rank: 0, seq: '900' });
  cursors.arrive(again, jobs('a', 7, 8));
  expect(cursors.behind('a')).toEqual({ rank: 0, seq: '8' });
});

test('after a claim that fell short, and one that failed, the next begins at the start', () => {
  const cursors = new Cursors(1);
  const known = (): void => cursors.arrive(cursors.depart('a', 1, true), jobs('a', 9, 9));
  known();
  const [short, late] = [cursors.depart('a', 5, false), cursors.depart('a', 5, false)];
  cursors.arrive(short, jobs('a', 10, 12));
  expect(cursors.behind('a')).toEqual(START);
  cursors.arrive(late, jobs('a', 15, 19));
  expect(cursors.behind('a')).toEqual(START);
  known();
  cursors.depart('a', 5, false);
  cursors.fail();
  expect(cursors.behind('a')).toEqual(START);
});

test('what was sent before a claim that looked from the start moves no cursor past what that one left', () => {
  const cursors = new Cursors(2);
  cursors.arrive(cursors.depart('a', 2, true), [...jobs('a', 100, 100), ...jobs('b', 90, 90)]);
  const before = cursors.depart('a', 2, false);
  // Two of many urgent ones.
  cursors.arrive(cursors.depart('a', 2, true), jobs('a', 200, 201, -1));
  cursors.arrive(before, jobs('a', 101, 102));
  expect(cursors.behind('a')).toEqual({ rank: -1, seq: '201' });
  // It did not get as far as this type, whose turn comes.
  expect(cursors.behind('b')).toEqual(START);
});

test('where a claim found fewer jobs of its first type than it might take, the next begins behind those, whatever was sent meanwhile', () => {
  const cursors = new Cursors(2);
  cursors.arrive(cursors.depart('a', 2, true), [...jobs('a', 10, 10), ...jobs('b', 20, 20)]);
  const one = cursors.depart('a', 3, false);
  const other = cursors.depart('b', 3, false);
  cursors.arrive(one, [...jobs('a', 11, 11), ...jobs('b', 21, 22)]);
  expect(cursors.behind('a')).toEqual({ rank: 0, seq: '11' });
  // 12 and 13 came when it had looked; the other one was to begin behind them.
  cursors.arrive(other, jobs('a', 14, 16));
  expect(cursors.behind('a')).toEqual({ rank: 0, seq: '11' });
});

test('no job is passed over, in whatever order claims are sent, run and answered', () => {
  const place = fc.nat(2);
  const one = (...kinds: string[]): fc.Arbitrary<Step> =>
    fc.record({
      kind: fc.constantFrom(...kinds),
      which: place,
      count: fc.integer({ min: 1, max: 4 }),
    });
  const step = fc.oneof(
    { weight: 4, arbitrary: one('enqueue') },
    { weight: 2, arbitrary: one('enqueue urgent', 'begin', 'commit') },
    { weight: 4, arbitrary: one('send') },
    { weight: 2, arbitrary: one('rescan', 'lose') },
    { weight: 8, arbitrary: one('run', 'answer', 'answer') },
  );
  const steps = fc.array(step, { minLength: 10, maxLength: 120 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 3 }), steps, (types, taken) => {
      const queue = new Queue(types);
      for (const next of taken) {
        queue.step(next);
        expect(queue.passedOver()).toEqual([]);
      }
    }),
    { numRuns: 8_000 },
  );
});

interface Step {
  readonly kind: string;
  readonly which: number;
  readonly count: number;
}

interface Waiting {
  readonly job: ClaimRow;
  /** It may stand before a cursor until the next claim from the start: it was more urgent than others, or was committed late. */
  readonly late: boolean;
  readonly since: number;
}

interface Claim {
  readonly departure: Departure;
  readonly behind: ReadonlyMap<string, Cursor>;
  jobs: ClaimRow[] | undefined;
  ranAt: number;
}

/** A queue as PostgreSQL holds it, and the claims of one worker that are on their way. */
class Queue {
  #types: readonly string[];
  #cursors: Cursors;
  #waiting: Waiting[] = [];
  /** Jobs with a number that nobody sees yet. */
  #open: ClaimRow[] = [];
  #sent: Claim[] = [];
  #seq = 0;
  #now = 0;
  /** When the latest claim from the start ran whose answer has come. */
  #rescannedAt = 0;

  constructor(types: number) {
    this.#types = ['a', 'b', 'c'].slice(0, types);
    this.#cursors = new Cursors(types);
  }

  step({ kind, which, count }: Step): void {
    this.#now += 1;
    const type = this.#types[which % this.#types.length] as string;
    const sent = (hasRun: boolean): Claim | undefined =>
      pick(
        this.#sent.filter((claim) => (claim.jobs !== undefined) === hasRun),
        which,
      );
    if (kind === 'enqueue') this.#enqueue(this.#new(type, count, 0), false);
    else if (kind === 'enqueue urgent') this.#enqueue(this.#new(type, count, -1), true);
    else if (kind === 'begin') this.#open.push(...this.#new(type, count, 0));
    else if (kind === 'commit') this.#enqueue(this.#open.splice(0), true);
    else if (kind === 'send' || kind === 'rescan') this.#send(type, count, kind === 'rescan');
    else if (kind === 'run') this.#run(sent(false));
    else if (kind === 'answer') this.#answer(sent(true));
    else this.#lose(pick(this.#sent, which));
  }

  /** While no claim is on its way: jobs before the cursor of their type that should have been seen; the next claim would not see them. */
  passedOver(): string[] {
    if (this.#sent.length > 0) return [];
    const isBefore = ({ type, rank, seq }: ClaimRow): boolean => {
      const cursor = this.#cursors.behind(type);
      return rank < cursor.rank || (rank === cursor.rank && Number(seq) <= Number(cursor.seq));
    };
    const known = this.#waiting.filter(({ late, since }) => !late || since < this.#rescannedAt);
    return known.filter(({ job }) => isBefore(job)).map(({ job }) => job.id);
  }

  #new(type: string, count: number, rank: number): ClaimRow[] {
    this.#seq += count;
    return jobs(type, this.#seq - count + 1, this.#seq, rank);
  }

  #enqueue(added: readonly ClaimRow[], late: boolean): void {
    this.#waiting.push(...added.map((job) => ({ job, late, since: this.#now })));
  }

  #send(first: string, most: number, rescans: boolean): void {
    if (this.#sent.length === 3) return;
    if (rescans && this.#sent.some(({ departure }) => departure.rescans)) return;
    const order = [first, ...this.#types.filter((type) => type !== first)];
    const behind = new Map(
      order.map((type) => [type, rescans ? START : this.#cursors.behind(type)]),
    );
    const departure = this.#cursors.depart(first, most, rescans);
    this.#sent.push({ departure, behind, jobs: undefined, ranAt: 0 });
  }

  #run(claim: Claim | undefined): void {
    if (claim === undefined) return;
    const seen = [...claim.behind].flatMap(([type, { rank, seq }]) =>
      this.#waiting
        .map(({ job }) => job)
        .filter((job) => job.type === type)
        .filter((job) => job.rank > rank || (job.rank === rank && Number(job.seq) > Number(seq)))
        .toSorted(inOrder),
    );
    const taken = new Set(seen.slice(0, claim.departure.most));
    claim.jobs = [...taken].toSorted(inOrder);
    claim.ranAt = this.#now;
    this.#waiting = this.#waiting.filter(({ job }) => !taken.has(job));
  }

  #answer(claim: Claim | undefined): void {
    if (claim?.jobs === undefined) return;
    this.#cursors.arrive(claim.departure, claim.jobs);
    this.#sent = this.#sent.filter((one) => one !== claim);
    if (claim.departure.rescans) this.#rescannedAt = Math.max(this.#rescannedAt, claim.ranAt);
  }

  /** Its answer is lost, whether it ran or not. */
  #lose(claim: Claim | undefined): void {
    if (claim === undefined) return;
    this.#cursors.fail();
    this.#sent = this.#sent.filter((one) => one !== claim);
  }
}

function inOrder(a: ClaimRow, b: ClaimRow): number {
  return a.rank - b.rank || Number(a.seq) - Number(b.seq);
}

function pick<T>(among: readonly T[], which: number): T | undefined {
  return among[which % among.length];
}

/** Queued jobs of a type, from one number to another. */
function jobs(type: string, from: number, to: number, rank = 0): ClaimRow[] {
  return Array.from({ length: to - from + 1 }, (_, at) => ({
    id: `${type} ${from + at}`,
    token: '1',
    type,
    rank,
    seq: String(from + at),
    attempt: 1,
    attempts_max: 5,
    crashes: 0,
    snoozes: 0,
    timeout_ms: null,
    input: null,
    links: null,
  }));
}
