// The laws of group commit: how many flushes are on their way, what shares one, and who is told what.
import { expect, test } from 'vitest';
import { Committer, type Waiting } from '../../src/engine/committer.ts';
import { type Deferred, deferred } from '../../src/std/deferred.ts';

interface Item {
  readonly n: number;
  readonly size: number;
}

/** A committer of two flushes at once, whose flushes return when the test says so. */
function manual(): {
  readonly committer: Committer<Item, number>;
  readonly flushes: number[][];
  readonly settle: (flush: number) => Promise<void>;
} {
  const flushes: number[][] = [];
  const ends: Deferred<void>[] = [];
  const committer = new Committer<Item, number>(2, async (batch: Waiting<Item, number>[]) => {
    const end = deferred<void>();
    flushes.push(batch.map(({ item }) => item.n));
    ends.push(end);
    await end.promise;
    for (const waiting of batch) waiting.resolve(waiting.item.n);
  });
  const settle = async (flush: number): Promise<void> => {
    ends[flush]?.resolve();
    await turns();
  };
  return { committer, flushes, settle };
}

/** Lets everything that is scheduled for the next turns of the event loop happen. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate);
}

const item = (n: number): Item => ({ n, size: 10 });
const numbers = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, at) => from + at);

test('callers that come together share one flush, in their order', async () => {
  const { committer, flushes, settle } = manual();
  const told = Promise.all(numbers(0, 50).map((n) => committer.add(item(n))));
  await turns();
  expect(flushes).toEqual([numbers(0, 50)]);
  await settle(0);
  expect(await told).toEqual(numbers(0, 50));
});

test('callers that come while one flush is on its way go beside it, those that come while two are go with the next', async () => {
  const { committer, flushes, settle } = manual();
  for (const n of [0, 1, 2, 3]) {
    void committer.add(item(n));
    await turns();
  }
  expect(flushes).toEqual([[0], [1]]);
  await settle(0);
  expect(flushes).toEqual([[0], [1], [2, 3]]);
});

test('no flush has more than 1,000 items, and no more than two are on their way', async () => {
  const { committer, flushes, settle } = manual();
  void committer.addAll(numbers(0, 2_500).map(item));
  await turns();
  expect(flushes.map(({ length }) => length)).toEqual([1_000, 1_000]);
  await settle(1);
  expect(flushes.map(({ length }) => length)).toEqual([1_000, 1_000, 500]);
});

test('a flush that fails rejects its own callers only', async () => {
  const committer = new Committer<Item, number>(2, async (batch) => {
    if (batch.some(({ item: { n } }) => n === 0)) throw new Error('no');
    for (const waiting of batch) waiting.resolve(waiting.item.n);
  });
  const refused = committer.add(item(0));
  const other = new Promise(setImmediate).then(() => committer.add(item(1)));
  await expect(refused).rejects.toThrow('no');
  expect(await other).toBe(1);
});

test('an item of a group keeps its first outcome, also when the flush fails after it', async () => {
  const committer = new Committer<Item, number>(1, async (batch) => {
    batch[0]?.resolve(0);
    throw new Error('away');
  });
  const settled = await committer.addAll(numbers(0, 3).map(item));
  expect(settled.map((one) => one?.status)).toEqual(['fulfilled', 'rejected', 'rejected']);
});
