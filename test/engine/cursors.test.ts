// The laws of cursors: claims that are on their way at once look at different jobs, and none is passed over.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Cursors, type Departure, START } from '../../src/engine/cursors.ts';
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
  const step = fc.oneof(
    fc.record({
      kind: fc.constant('enqueue'),
      which: place,
      count: fc.integer({ min: 1, max: 4 }),
    }),
    fc.record({ kind: fc.constant('send'), which: place, count: fc.integer({ min: 1, max: 3 }) }),
    fc.record({
      kind: fc.constantFrom('run', 'answer', 'answer'),
      which: place,
      count: fc.constant(0),
    }),
  );
  const steps = fc.array(step, { minLength: 10, maxLength: 100 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 3 }), steps, (types, taken) => {
      const queue = new Queue(types);
      for (const { kind, which, count } of taken) {
        queue.step(kind, which, count);
        expect(queue.passedOver()).toEqual([]);
      }
    }),
    { numRuns: 5_000 },
  );
});

interface Claim {
  readonly departure: Departure;
  readonly behind: ReadonlyMap<string, number>;
  jobs: ClaimRow[] | undefined;
}

/** A queue as PostgreSQL holds it, and the claims of one worker that are on their way. */
class Queue {
  #types: readonly string[];
  #cursors: Cursors;
  #waiting: ClaimRow[] = [];
  #sent: Claim[] = [];
  #seq = 0;

  constructor(types: number) {
    this.#types = ['a', 'b', 'c'].slice(0, types);
    this.#cursors = new Cursors(types);
  }

  step(kind: string, which: number, count: number): void {
    const first = this.#types[which % this.#types.length] as string;
    if (kind === 'enqueue') {
      for (let at = 0; at < count; at += 1)
        this.#waiting.push(...jobs(first, ++this.#seq, this.#seq));
    } else if (kind === 'send') this.#send(first, count);
    else if (kind === 'run')
      this.#run(
        pick(
          this.#sent.filter((one) => one.jobs === undefined),
          which,
        ),
      );
    else
      this.#answer(
        pick(
          this.#sent.filter((one) => one.jobs !== undefined),
          which,
        ),
      );
  }

  /** While no claim is on its way: jobs that wait before the cursor of their type, where the next claim would not see them. */
  passedOver(): string[] {
    if (this.#sent.length > 0) return [];
    const isBehind = ({ type, seq }: ClaimRow): boolean =>
      Number(seq) <= Number(this.#cursors.behind(type).seq);
    return this.#waiting.filter(isBehind).map(({ id }) => id);
  }

  #send(first: string, most: number): void {
    if (this.#sent.length === 3) return;
    const order = [first, ...this.#types.filter((type) => type !== first)];
    const behind = new Map(order.map((type) => [type, Number(this.#cursors.behind(type).seq)]));
    const departure = this.#cursors.depart(first, most, false);
    this.#sent.push({ departure, behind, jobs: undefined });
  }

  #run(claim: Claim | undefined): void {
    if (claim === undefined || claim.jobs !== undefined) return;
    const seen = [...claim.behind].flatMap(([type, behind]) =>
      this.#waiting.filter((job) => job.type === type && Number(job.seq) > behind),
    );
    const taken = new Set(seen.slice(0, claim.departure.most));
    claim.jobs = this.#waiting.filter((job) => taken.has(job));
    this.#waiting = this.#waiting.filter((job) => !taken.has(job));
  }

  #answer(claim: Claim | undefined): void {
    if (claim?.jobs === undefined) return;
    this.#cursors.arrive(claim.departure, claim.jobs);
    this.#sent = this.#sent.filter((one) => one !== claim);
  }
}

function pick<T>(among: readonly T[], which: number): T | undefined {
  return among[which % among.length];
}

/** Queued jobs of a type, from one number to another. */
function jobs(type: string, from: number, to: number): ClaimRow[] {
  return Array.from({ length: to - from + 1 }, (_, at) => ({
    id: `${type} ${from + at}`,
    token: '1',
    type,
    rank: 0,
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
