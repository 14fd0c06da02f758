// Quick jobs are fetched ahead, slow ones never: no job waits in the memory of a worker behind another.
import { expect, test } from 'vitest';
import { eventually, gate, job, type Setup, setup } from '../support/unstuck.ts';

/** As many as make a worker believe that a type is quick. */
const MANY = Array.from({ length: 400 }, (_, input) => ({ input }));
const FEW = MANY.slice(0, 40);

const count = async ({ query }: Setup, what: string): Promise<number> =>
  (await query<{ count: number }>(`select count(*)::integer as count from ${what}`))[0]?.count ?? 0;

const running = (all: Setup): Promise<number> =>
  count(all, 'unstuck.jobs where worker_id is not null');

test('S1.2: quick jobs of one type do not make a worker fetch those of a slow one ahead', async () => {
  const all = await setup();
  const open = gate();
  const quick = job('quick', () => undefined);
  const slow = job('slow', () => open.promise);
  await all.unstuck.enqueueMany(quick, MANY);
  await all.unstuck.work([quick, slow], { concurrency: 2 });
  await eventually(async () => (await count(all, 'unstuck.jobs')) === 0, 'the quick ones have run');
  await all.unstuck.enqueueMany(slow, FEW);
  await eventually(async () => (await running(all)) > 0, 'slow ones run');
  await all.unstuck.enqueue(quick, 1);
  expect(await running(all)).toBe(2);
  open.open();
  await eventually(async () => (await count(all, 'unstuck.jobs')) === 0, 'all have run');
  expect(await count(all, 'unstuck.attempts')).toBe(0);
});

test('S1.2: jobs fetched ahead that turn out to be slow go back once, and are not fetched ahead again', async () => {
  const all = await setup();
  const open = gate();
  const turning = job('turning', ({ input }) => (input === 'slow' ? open.promise : undefined));
  await all.unstuck.enqueueMany(turning, MANY);
  await all.unstuck.work([turning], { concurrency: 2 });
  await eventually(async () => (await count(all, 'unstuck.jobs')) === 0, 'the quick ones have run');
  await all.unstuck.enqueueMany(
    turning,
    FEW.map(() => ({ input: 'slow' })),
  );
  const released = (): Promise<number> => count(all, `unstuck.attempts where outcome = 'released'`);
  await eventually(async () => (await running(all)) === FEW.length, 'they were fetched ahead');
  await eventually(async () => (await running(all)) === 2, 'they go back');
  const [back] = await all.query<{ at: Date }>(
    `select clock_timestamp() + interval '2.5 seconds' as at`,
  );
  await eventually(async () => {
    const [now] = await all.query<{ over: boolean }>('select clock_timestamp() > $1 as over', [
      back?.at,
    ]);
    return now?.over;
  }, 'the worker has polled again, and its chores have looked twice');
  expect([await running(all), await released()]).toEqual([2, FEW.length - 2]);
  open.open();
  await eventually(async () => (await count(all, 'unstuck.jobs')) === 0, 'all have run');
});

test('D1: a job that was fetched ahead has its whole timeout from its start', async () => {
  const all = await setup();
  const aborted: unknown[] = [];
  const turning = job(
    'turning',
    ({ input, signal }) => {
      if (typeof input === 'number') return undefined;
      signal.addEventListener('abort', () => aborted.push(input));
      return new Promise<void>((resolve) => setTimeout(resolve, 400));
    },
    { timeout: '600ms' },
  );
  await all.unstuck.enqueueMany(turning, MANY);
  await all.unstuck.work([turning], { concurrency: 1 });
  await eventually(async () => (await count(all, 'unstuck.jobs')) === 0, 'the quick ones have run');
  await all.unstuck.enqueueMany(turning, [{ input: 'first' }, { input: 'second' }]);
  await eventually(async () => (await count(all, 'unstuck.jobs')) === 0, 'both have run');
  expect(aborted).toEqual([]);
});
