// The laws of the meter: every enqueue, run and end of this process is counted once, and names from outside cannot fill its memory.
import { expect, test } from 'vitest';
import { Meter, OTHER } from '../../src/domain/meter.ts';
import { Fail, Snooze } from '../../src/domain/outcome.ts';
import { Histogram } from '../../src/std/histogram.ts';
import { eventually, job, setup } from '../support/unstuck.ts';

test('enqueues, first claims, runs, attempts and ends are each counted once', async () => {
  const { unstuck } = await setup();
  let snoozed = false;
  const good = job('good', () => 1);
  const bad = job('bad', () => {
    throw new Fail('no');
  });
  const late = job('late', () => {
    if (snoozed) return;
    snoozed = true;
    throw new Snooze('1ms');
  });
  const again = job(
    'again',
    ({ attempt }) => {
      if (attempt === 1) throw new Error('once');
    },
    { retry: { attempts: 2, backoff: () => '1ms' } },
  );
  await unstuck.work([good, bad, late, again]);
  const stored = [
    ...(await unstuck.enqueueMany(good, [{ input: 1 }, { input: 2 }, { input: 3 }])),
    await unstuck.enqueue(bad, 1),
    await unstuck.enqueue(late, 1),
    await unstuck.enqueue(again, 1),
  ];
  for (const { id } of stored) await unstuck.wait(id);
  const of = (type: string) => {
    const meter = unstuck.watch.meter.types.get(type);
    if (meter === undefined) throw new Error(`nothing was counted of ${type}`);
    const { enqueued, deduplicated, attempts, finished, run, wait } = meter;
    const number = (histogram: Histogram) => histogram.counts.reduce((sum, one) => sum + one, 0);
    return {
      enqueued,
      deduplicated,
      attempts: Object.fromEntries(attempts),
      finished: Object.fromEntries(finished),
      runs: number(run),
      waits: number(wait),
    };
  };
  const once = { enqueued: 1, deduplicated: 0, waits: 1 };
  expect(of('good')).toEqual({
    ...once,
    enqueued: 3,
    attempts: { completed: 3 },
    finished: { completed: 3 },
    runs: 3,
    waits: 3,
  });
  expect(of('bad')).toEqual({
    ...once,
    attempts: { failed: 1 },
    finished: { failed: 1 },
    runs: 1,
  });
  expect(of('late')).toEqual({
    ...once,
    attempts: { snoozed: 1, completed: 1 },
    finished: { completed: 1 },
    runs: 2,
  });
  expect(of('again')).toEqual({
    ...once,
    attempts: { failed: 1, completed: 1 },
    finished: { completed: 1 },
    runs: 2,
  });
  await eventually(
    () => (unstuck.watch.meter.swept.get('promote-retry') ?? 0) === 1,
    'the sweep that moved the retry is counted',
  );
});

test('an enqueue that finds its key taken counts as one that stored nothing', async () => {
  const { unstuck } = await setup();
  await unstuck.enqueue('keyed', {}, { key: 'k' });
  await unstuck.enqueue('keyed', {}, { key: 'k' });
  expect(unstuck.watch.meter.types.get('keyed')).toMatchObject({ enqueued: 1, deduplicated: 1 });
});

test('an attempt that somebody cancels is counted as cancelled', async () => {
  const { unstuck } = await setup();
  const long = job(
    'long',
    ({ signal }) =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason));
      }),
  );
  await unstuck.work([long]);
  const { id } = await unstuck.enqueue(long, 1);
  await eventually(async () => (await unstuck.get(id))?.state === 'running', 'it runs');
  await unstuck.cancel(id);
  await eventually(
    () => unstuck.watch.meter.types.get('long')?.attempts.get('cancelled') === 1,
    'the cancel is counted',
  );
});

test('more than 200 types are counted together', () => {
  const meter = new Meter();
  for (let n = 0; n < 1_000; n += 1) meter.enqueued(`type-${n}`, true);
  expect(meter.types.size).toBe(201);
  expect(meter.types.get(OTHER)?.enqueued).toBe(800);
});

test('a histogram counts each value at its bound, and what is no length of time as none', () => {
  const histogram = new Histogram([1, 10]);
  for (const value of [0.5, 1, 1.5, 10, 11, -3, Number.NaN]) histogram.add(value);
  expect(histogram.counts).toEqual([4, 2, 1]);
  expect(histogram.sum).toBe(24);
});
