// The laws of loops: a round that throws is reported and repeated, a wake-up is never lost, stopping waits for the round.
import { expect, onTestFinished, test, vi } from 'vitest';
import { Loop, type LoopOptions } from '../../src/std/loop.ts';
import { sleep } from '../../src/std/timer.ts';

function loop(round: LoopOptions['round'], errors: unknown[] = []): Loop {
  const made = new Loop({
    name: 'test',
    round,
    onError: (error) => errors.push(error),
    retryMs: 1,
  });
  onTestFinished(() => made.stop());
  return made;
}

/** Resolves when `done` says so; every round of a test's loop asks it. */
function counted(limit: number): { round: () => number; reached: Promise<void> } {
  let open!: () => void;
  let rounds = 0;
  const reached = new Promise<void>((resolve) => (open = resolve));
  return { round: () => (++rounds >= limit ? (open(), rounds) : rounds), reached };
}

test('B14: a loop goes on after rounds that throw, and reports each of them', async () => {
  const errors: unknown[] = [];
  const { round, reached } = counted(5);
  loop(async () => {
    const count = round();
    if (count < 5) throw new Error(`round ${count}`);
    return 60_000;
  }, errors).start();
  await reached;
  expect(errors.map((error) => (error as Error).message)).toEqual([
    'round 1',
    'round 2',
    'round 3',
    'round 4',
  ]);
});

test('a round that throws before it awaits is caught too', async () => {
  const errors: unknown[] = [];
  const { round, reached } = counted(2);
  loop(() => {
    if (round() === 1) throw new Error('at once');
    return Promise.resolve(60_000);
  }, errors).start();
  await reached;
  expect(errors).toHaveLength(1);
});

test('a wake-up during a round makes the next one start directly', async () => {
  const { round, reached } = counted(2);
  const own: Loop = loop(async () => {
    if (round() === 1) own.wake();
    await sleep(1);
    return 60_000;
  }).start();
  await reached;
});

test('a wake-up cuts a pause short', async () => {
  const { round, reached } = counted(2);
  const own = loop(async () => (round(), 60_000)).start();
  await sleep(5);
  own.wake();
  await reached;
});

test('stopping resolves after the running round and starts no other', async () => {
  let running = false;
  let rounds = 0;
  const own = loop(async () => {
    rounds += 1;
    running = true;
    await sleep(20);
    running = false;
    return 0;
  }).start();
  await sleep(5);
  await own.stop();
  expect(running).toBe(false);
  const before = rounds;
  await sleep(30);
  expect(rounds).toBe(before);
});

test('starting twice runs one chain of rounds', async () => {
  let now = 0;
  let most = 0;
  const { round, reached } = counted(5);
  const own = loop(async () => {
    now += 1;
    most = Math.max(most, now);
    await sleep(1);
    now -= 1;
    round();
    return 0;
  });
  own.start().start();
  await reached;
  expect(most).toBe(1);
});

test('a loop without a good round for 30 s has no pulse; a good round gives it back', async () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  onTestFinished(() => void vi.useRealTimers());
  const hung = gate();
  const good = gate();
  let rounds = 0;
  const own = loop(async () => {
    rounds += 1;
    if (rounds === 1) await hung.promise;
    else good.open();
    return 60_000;
  });
  vi.advanceTimersByTime(40_000);
  expect(own.stalled).toBe(false);
  own.start();
  vi.advanceTimersByTime(29_000);
  expect(own.stalled).toBe(false);
  vi.advanceTimersByTime(2_000);
  expect(own.stalled).toBe(true);
  hung.open();
  own.wake();
  await good.promise;
  expect(own.stalled).toBe(false);
  vi.advanceTimersByTime(91_000);
  expect(own.stalled).toBe(true);
  await own.stop();
  expect(own.stalled).toBe(false);
});

function gate(): { promise: Promise<void>; open: () => void } {
  let open!: () => void;
  const promise = new Promise<void>((resolve) => (open = resolve));
  return { promise, open };
}
