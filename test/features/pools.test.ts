// The laws of pools as such: what is said of one begins when it is made.
import { expect, test } from 'vitest';
import { job, setup } from '../support/unstuck.ts';

test('S0.3: a pool that is made again under a name has processed nothing yet', async () => {
  const { unstuck, query } = await setup({ sweep: false });
  await unstuck.pools.set('publisher:42', { capacity: 1 });
  const post = job('post', () => 1, { slot: 'publisher:42' });
  await unstuck.work([post]);
  await unstuck.wait((await unstuck.enqueue(post, 1)).id, { timeout: '20s' });
  expect(await unstuck.pools.get('publisher:42')).toMatchObject({ processed: 1 });
  await unstuck.pools.delete('publisher:42');
  expect(await query('select from unstuck.pool_done')).toEqual([]);
  expect(await unstuck.pools.set('publisher:42', { capacity: 1 })).toMatchObject({ processed: 0 });
});
