// The laws of priorities at the claim (S3.7): the higher goes first, and of ten claims one goes to the oldest job (B11).
import { expect, test } from 'vitest';
import { eventually, gate, job, setup } from '../support/unstuck.ts';

test('B11: of ten claims nine go to the highest priority, also of a worker that has one type', async () => {
  const { unstuck, query } = await setup();
  const ran: string[] = [];
  const begin = gate();
  const post = job(
    'post',
    async ({ input }) => {
      await begin.promise;
      ran.push(input as string);
    },
    { timeout: '10d' },
  );
  const many = (input: string, priority: number): { input: string; priority: number }[] =>
    Array.from({ length: 300 }, () => ({ input, priority }));
  await unstuck.enqueueMany('post', many('low', 0));
  await unstuck.enqueueMany('post', many('high', 10));
  await unstuck.work([post], { concurrency: 2 });
  // It knows of the oldest once it has looked, which it does every second while it has more than it can take.
  const busy = async (): Promise<boolean> =>
    (await query('select from unstuck.jobs where worker_id is not null')).length >= 2;
  await eventually(busy, 'it is busy');
  await new Promise((done) => setTimeout(done, 1_500));
  begin.open();
  await eventually(() => ran.length >= 200, 'two hundred have run');
  const low = ran.slice(0, 200).filter((input) => input === 'low').length;
  expect(low).toBeGreaterThan(0);
  expect(low).toBeLessThan(50);
});
