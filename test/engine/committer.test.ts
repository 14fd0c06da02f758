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

test('callers that all came at once are shared out among the flushes that may start, in their order', async () => {
  const { committer, flushes, settle } = manual();
  const told = Promise.all(numbers(0, 50).map((n) => committer.add(item(n))));
  await turns();
  expect(flushes).toEqual([numbers(0, 25), numbers(25, 50)]);
  await settle(0);
  await settle(1);
  expect(await told).toEqual(numbers(0, 50));
});

test('callers that come back from one flush go with the next one, beside the one that is on its way', async () => {
  const { committer, flushes, settle } = manual();
  for (const n of numbers(0, 50)) void committer.add(item(n));
  await turns();
  await settle(0);
  for (const n of numbers(50, 75)) void committer.add(item(n));
  await turns();
  expect(flushes[2]).toEqual(numbers(50, 75));
});

test('a few callers are one flush', async () => {
  const { committer, flushes } = manual();
  for (const n of numbers(0, 15)) void committer.add(item(n));
  await turns();
  expect(flushes).toEqual([numbers(0, 15)]);
});

test('what one call adds stays together, also beside single calls', async () => {
  const { committer, flushes } = manual();
  void committer.add(item(0));
  void committer.addAll(numbers(1, 100).map(item));
  await turns();
  expect(flushes).toEqual([numbers(0, 100)]);
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
  const told = await Promise.allSettled(numbers(0, 20).map((n) => committer.add(item(n))));
  expect(told.map(({ status }) => status)).toEqual([
    ...Array.from({ length: 10 }, () => 'rejected'),
    ...Array.from({ length: 10 }, () => 'fulfilled'),
  ]);
});
