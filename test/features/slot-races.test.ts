// The laws of slots under others: callers and transactions that race for the last one, and those that hold a pool.
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { defineJob } from '../../src/domain/define-job.ts';
import { type Setup, setup } from '../support/unstuck.ts';

const post = defineJob({
  type: 'post',
  input: z.object({ publisherId: z.number(), body: z.string().default('') }),
  slot: ({ publisherId }) => `publisher:${publisherId}`,
  retry: { attempts: 2, base: '0ms' },
  run: () => 'rendered',
});
const KEY = 'publisher:42';
const POST = { publisherId: 42 };

const stored = async ({ query }: Setup): Promise<number> =>
  (await query<{ n: number }>('select count(*)::int as n from unstuck.jobs'))[0]?.n ?? -1;

describe('the last slot', () => {
  test('64 callers race for the last slot in 8 processes: one wins', async () => {
    const all = await setup({ sweep: false });
    await all.unstuck.pools.set(KEY, { capacity: 3 });
    const others = await Promise.all(
      Array.from({ length: 8 }, () => all.connect({ sweep: false })),
    );
    await all.unstuck.enqueue(post, POST);
    await all.unstuck.enqueue(post, POST);
    const calls = others.flatMap((one) => Array.from({ length: 8 }, () => one.enqueue(post, POST)));
    const settled = await Promise.allSettled(calls);
    const won = settled.filter((one) => one.status === 'fulfilled');
    expect(won).toHaveLength(1);
    for (const one of settled)
      if (one.status === 'rejected') expect(one.reason).toMatchObject({ code: 'SLOTS_EXHAUSTED' });
    expect(await all.unstuck.pools.get(KEY)).toMatchObject({ reserved: 3 });
  });

  test('transactions of users race for the last slot: one wins, under READ COMMITTED and REPEATABLE READ', async () => {
    for (const level of ['read committed', 'repeatable read']) {
      const all = await setup({ sweep: false });
      await all.unstuck.pools.set(KEY, { capacity: 1 });
      const [one, two] = [await all.session(), await all.session()];
      for (const client of [one, two]) {
        await client.query(`begin isolation level ${level}`);
        await client.query('select 1');
      }
      await all.unstuck.enqueue(post, POST, { in: one });
      const second = all.unstuck.enqueue(post, POST, { in: two }).then(
        () => 'stored',
        (error: { code: string; cause?: { code: string } }) => error.code,
      );
      await one.query('commit');
      expect(['SLOTS_EXHAUSTED', '40001']).toContain(await second);
      await two.query('rollback');
      expect(await all.unstuck.pools.get(KEY)).toMatchObject({ reserved: 1 });
    }
  });

  test('in a transaction of a user that rolls back no slot is taken', async () => {
    const { unstuck, session } = await setup({ sweep: false });
    await unstuck.pools.set(KEY, { capacity: 1 });
    const client = await session();
    await client.query('begin');
    await unstuck.enqueue(post, POST, { in: client });
    await client.query('rollback');
    expect(await unstuck.pools.get(KEY)).toMatchObject({ reserved: 0 });
  });

  test('a batch in a transaction is stored as a whole, or not at all', async () => {
    const all = await setup({ sweep: false });
    await all.unstuck.pools.set(KEY, { capacity: 2 });
    const client = await all.session();
    await client.query('begin');
    const items = [1, 2, 3].map(() => ({ input: POST }));
    await expect(all.unstuck.enqueueMany(post, items, { in: client })).rejects.toMatchObject({
      code: 'SLOTS_EXHAUSTED',
    });
    await client.query('commit');
    expect(await stored(all)).toBe(0);
  });
});

describe('an open transaction of a user that took a slot', () => {
  test('holds up the enqueues of its own pool only, and those not for ever', async () => {
    const { unstuck, session } = await setup({ sweep: false });
    await unstuck.pools.set(KEY, { capacity: 5 });
    await unstuck.pools.set('publisher:7', { capacity: 5 });
    const client = await session();
    await client.query('begin');
    await unstuck.enqueue(post, POST, { in: client });
    const same = Promise.all([1, 2, 3].map(() => unstuck.enqueue(post, POST)));
    const others = await Promise.all(
      [1, 2, 3].map(() => unstuck.enqueue(post, { publisherId: 7 })),
    );
    expect(others).toHaveLength(3);
    await client.query('commit');
    expect(await same).toHaveLength(3);
    expect(await unstuck.pools.get(KEY)).toMatchObject({ reserved: 4 });
  });

  test('for longer than a lock is waited for refuses them by name', async () => {
    const { unstuck, session } = await setup({ sweep: false, lockTimeout: '300ms' });
    await unstuck.pools.set(KEY, { capacity: 5 });
    const client = await session();
    await client.query('begin');
    await unstuck.enqueue(post, POST, { in: client });
    await expect(unstuck.enqueue(post, POST)).rejects.toMatchObject({ code: 'POOL_BUSY' });
    await client.query('rollback');
    expect(await unstuck.pools.get(KEY)).toMatchObject({ reserved: 0 });
  });
});
