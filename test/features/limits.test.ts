// The laws of limits (S3.5): never more at once than allowed, nobody waits while there is room, priority first and nobody for ever.
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { defineJob } from '../../src/domain/define-job.ts';
import { defineQueue } from '../../src/domain/define-queue.ts';
import { Fail } from '../../src/domain/outcome.ts';
import { eventually, gate, job, type Setup, setup } from '../support/unstuck.ts';

const collect = job('collect', () => 1, { limit: { running: 1 } });
const perCustomer = defineJob({
  type: 'sync',
  input: z.object({ customer: z.string() }),
  limit: { running: 2, key: ({ customer }) => customer },
  run: () => 1,
});

const states = async ({ query }: Setup): Promise<string[]> =>
  (
    await query<{ state: string }>(
      `select coalesce(waits_for, 'queued') as state from unstuck.jobs order by created_at, id`,
    )
  ).map((row) => row.state);

describe('a limit of running jobs', () => {
  test('lets one into the queue, the next when it has ended', async () => {
    const all = await setup({ sweep: false });
    const ids: string[] = [];
    for (let n = 0; n < 3; n += 1) ids.push((await all.unstuck.enqueue(collect, n)).id);
    await eventually(async () => (await states(all)).join() === 'queued,limit,limit', 'one is in');
    expect(await all.unstuck.get(ids[1] as string)).toMatchObject({
      state: 'pending',
      waitsFor: 'limit',
      limitKey: 'type:collect',
    });
    await all.unstuck.cancel(ids[0] as string);
    await eventually(async () => (await states(all)).join() === 'queued,limit', 'the next is in');
  });

  test('S3.5: one job at a time, across types and processes, the highest priority first', async () => {
    const { unstuck, connect } = await setup();
    const queue = defineQueue({ name: 'collection', limit: { running: 1 } });
    const order: unknown[] = [];
    let at = 0;
    let most = 0;
    const run = async ({ input }: { input: unknown }): Promise<void> => {
      at += 1;
      most = Math.max(most, at);
      order.push(input);
      await new Promise(setImmediate);
      at -= 1;
    };
    const [a, b] = [job('a', run, { queue }), job('b', run, { queue })];
    const first = await unstuck.enqueue(a, 'first');
    await eventually(async () => (await unstuck.get(first.id))?.state === 'queued', 'it is in');
    const rest = [
      await unstuck.enqueue(b, 'low', { priority: -1 }),
      await unstuck.enqueue(a, 'high', { priority: 5 }),
      await unstuck.enqueue(b, 'middle'),
    ];
    const other = await connect();
    await Promise.all([unstuck.work([a, b]), other.work([a, b])]);
    for (const { id } of [first, ...rest]) await unstuck.wait(id, { timeout: '20s' });
    expect(order).toEqual(['first', 'high', 'middle', 'low']);
    expect(most).toBe(1);
  });

  test('B12: counts apart for each key, so that nobody fills the places of another', async () => {
    const all = await setup({ sweep: false });
    for (let n = 0; n < 20; n += 1) await all.unstuck.enqueue(perCustomer, { customer: 'big' });
    await all.unstuck.enqueue(perCustomer, { customer: 'small' });
    await eventually(
      async () => (await states(all)).filter((state) => state === 'queued').length === 3,
      'two of one, one of the other',
    );
    expect(await all.unstuck.limits.keys('type:sync')).toEqual([
      { key: 'type:sync#big', running: 0, queued: 2, waiting: 18 },
      { key: 'type:sync#small', running: 0, queued: 1, waiting: 0 },
    ]);
  });

  test('a job that fails, is retried later, or is lost with its worker gives its place to the next', async () => {
    const { unstuck } = await setup();
    const order: string[] = [];
    const tried = job(
      'tried',
      ({ input, attempt }) => {
        order.push(`${String(input)}${attempt}`);
        if (input === 'fails') throw new Fail('no');
        if (input === 'later' && attempt === 1) throw new Error('once');
      },
      { limit: { running: 1 }, retry: { base: '50ms' } },
    );
    const ids = [
      await unstuck.enqueue(tried, 'fails'),
      await unstuck.enqueue(tried, 'later'),
      await unstuck.enqueue(tried, 'last'),
    ];
    await unstuck.work([tried]);
    for (const { id } of ids) await unstuck.wait(id, { timeout: '20s' });
    expect(order.slice(0, 2)).toEqual(['fails1', 'later1']);
    expect(order).toContain('later2');
    expect(order).toContain('last1');
  });

  test('L3: what was enqueued in a transaction is let in after its commit', async () => {
    const all = await setup();
    const ended = gate<string>();
    const one = job('one', ({ id }) => ended.open(id), { limit: { running: 1 } });
    await all.unstuck.work([one]);
    const client = await all.session();
    await client.query('begin');
    const { id } = await all.unstuck.enqueue(one, 1, { in: client });
    expect(await states(all)).toEqual([]);
    await client.query('commit');
    expect(await ended.promise).toBe(id);
  });

  test('L3: a place that nobody was told of is given away by the sweep', async () => {
    const all = await setup();
    all.unstuck.sweep();
    const ids: string[] = [];
    for (let n = 0; n < 2; n += 1) ids.push((await all.unstuck.enqueue(collect, n)).id);
    await eventually(async () => (await states(all)).join() === 'queued,limit', 'one is in');
    await all.query('delete from unstuck.jobs where id = $1', [ids[0]]);
    await eventually(async () => (await states(all)).join() === 'queued', 'the next is in');
  });

  test('a job that nobody can run gives its place to one that can be run', async () => {
    const all = await setup();
    const queue = defineQueue({ name: 'q', limit: { running: 1 } });
    const nobody = job('nobody', () => 1, { queue });
    const somebody = job('somebody', () => 1, { queue });
    const stays = await all.unstuck.enqueue(nobody, 1);
    const goes = await all.unstuck.enqueue(somebody, 1);
    await all.unstuck.work([somebody]);
    expect(await all.unstuck.wait(goes.id, { timeout: '20s' })).toMatchObject({
      state: 'completed',
    });
    await eventually(async () => (await all.unstuck.get(stays.id))?.state === 'queued', 'back in');
  });

  test('a limit that was raised lets in at once; lowered it ends nobody', async () => {
    const all = await setup({ sweep: false });
    for (let n = 0; n < 5; n += 1) await all.unstuck.enqueue(collect, n);
    expect(
      await all.unstuck.limits.set('type:collect', { running: 3 }, { by: 'ann' }),
    ).toMatchObject({
      running: 3,
      setBy: 'ann',
    });
    expect((await states(all)).join()).toBe('queued,queued,queued,limit,limit');
    await all.unstuck.limits.set('type:collect', { running: 1 });
    expect((await states(all)).join()).toBe('queued,queued,queued,limit,limit');
  });

  test('what a person has set stays when the code is deployed again', async () => {
    const all = await setup({ sweep: false });
    await all.unstuck.enqueue(collect, 1);
    await all.unstuck.limits.set('type:collect', { running: 3 });
    const other = await all.connect({ sweep: false });
    await other.enqueue(collect, 2);
    expect(await other.limits.get('type:collect')).toMatchObject({ running: 3 });
  });

  test('enqueued by its name a type has its limit too', async () => {
    const all = await setup({ sweep: false });
    await all.unstuck.enqueue(collect, 1);
    const other = await all.connect({ sweep: false });
    await other.enqueue('collect', 2);
    await eventually(async () => (await states(all)).join() === 'queued,limit', 'limited');
  });

  test('a row inserted by hand has the limit of its type', async () => {
    const all = await setup();
    all.unstuck.sweep();
    await all.unstuck.enqueue(collect, 1);
    await all.query(`insert into unstuck.jobs (type) values ('collect')`);
    await eventually(async () => (await states(all)).join() === 'queued,limit', 'limited');
  });

  test('a limit by name is shared by types, and refused together with one of the type', async () => {
    const all = await setup({ sweep: false });
    await all.unstuck.limits.set('openai', { running: 1 });
    const [a, b] = [job('a', () => 1), job('b', () => 1, { limit: { name: 'openai' } })];
    await all.unstuck.enqueue(a, 1, { limit: 'openai' });
    await all.unstuck.enqueue(b, 1);
    await eventually(async () => (await states(all)).join() === 'queued,limit', 'shared');
    await expect(all.unstuck.enqueue(b, 1, { limit: 'openai' })).rejects.toMatchObject({
      code: 'LIMIT_INVALID',
    });
    const queue = defineQueue({ name: 'q', limit: { running: 1 } });
    expect(() => job('c', () => 1, { queue, limit: { running: 1 } })).toThrow(
      expect.objectContaining({ code: 'LIMIT_INVALID' }),
    );
  });
});

describe('B11: a low priority', () => {
  test('waits a bounded time: every tenth place goes to the oldest', async () => {
    const all = await setup({ sweep: false });
    const first = await all.unstuck.enqueue(collect, 0);
    const low = await all.unstuck.enqueue(collect, 'low', { priority: -10 });
    let current = first.id;
    let turns = 0;
    while ((await all.unstuck.get(low.id))?.state !== 'queued' && turns < 50) {
      const next = await all.unstuck.enqueue(collect, turns, { priority: 10 });
      await all.unstuck.cancel(current);
      current = next.id;
      turns += 1;
      await eventually(
        async () => (await states(all)).filter((state) => state === 'queued').length === 1,
        'one is in',
      );
    }
    expect(turns).toBeLessThanOrEqual(10);
  });
});

describe('a rate', () => {
  const mail = job('mail', () => 1, { limit: { rate: { count: 3, per: '1m' } } });

  test('K5: is not used up for a day by a clock that was a day ahead', async () => {
    const { unstuck, moveClock } = await setup();
    await moveClock('1 day');
    await unstuck.work([mail]);
    const before = await unstuck.enqueueMany(mail, [{ input: 1 }, { input: 2 }, { input: 3 }]);
    for (const { id } of before) await unstuck.wait(id, { timeout: '20s' });
    await moveClock('0 seconds');
    const { id } = await unstuck.enqueue(mail, 4);
    expect(await unstuck.wait(id, { timeout: '20s' })).toMatchObject({ state: 'completed' });
  });

  test('lets no more in within any window of its length', async () => {
    const all = await setup({ sweep: false });
    for (let n = 0; n < 10; n += 1) await all.unstuck.enqueue(mail, n);
    const queued = async (): Promise<number> =>
      (await states(all)).filter((state) => state === 'queued').length;
    await eventually(async () => (await queued()) === 3, 'three are in');
    const { database, moveClock } = all;
    expect(database()).toBeDefined();
    for (const { id } of (await all.unstuck.list({ state: 'queued' })).jobs)
      await all.unstuck.cancel(id);
    expect(await queued()).toBe(0);
    await moveClock('59 seconds');
    await all.unstuck.limits.set('type:mail', { rate: { count: 3, per: '1m' } });
    expect(await queued()).toBe(0);
    await moveClock('61 seconds');
    await all.unstuck.limits.set('type:mail', { rate: { count: 3, per: '1m' } });
    expect(await queued()).toBe(3);
  });

  test('while nobody takes them, no more than its count are in the queue', async () => {
    const all = await setup({ sweep: false });
    for (let n = 0; n < 10; n += 1) await all.unstuck.enqueue(mail, n);
    await all.moveClock('1 hour');
    await all.unstuck.limits.set('type:mail', { rate: { count: 3, per: '1m' } });
    expect((await states(all)).filter((state) => state === 'queued')).toHaveLength(3);
  });
});

test('a limit that nobody has set is refused by name, instead of limiting nothing', async () => {
  const { unstuck, query } = await setup({ sweep: false });
  const plain = job('plain', () => 1);
  await expect(unstuck.enqueue(plain, 1, { limit: 'nobody' })).rejects.toMatchObject({
    code: 'LIMIT_UNKNOWN',
    detail: { limit: 'nobody' },
  });
  expect(await query('select from unstuck.jobs')).toHaveLength(0);
  const { id } = await unstuck.enqueue(collect, 1);
  await unstuck.cancel(id);
  await unstuck.limits.delete('type:collect');
  expect(await unstuck.enqueue(collect, 2)).toMatchObject({ created: true });
  await expect(unstuck.limits.set('x', { runing: 1 } as never)).rejects.toMatchObject({
    code: 'OPTION_UNKNOWN',
  });
  await expect(unstuck.limits.set('x', undefined as never)).rejects.toMatchObject({
    code: 'LIMIT_INVALID',
  });
});

describe('bad limits are refused by name', () => {
  test.for([
    [{ limit: {} }, 'LIMIT_INVALID'],
    [{ limit: { running: 0 } }, 'LIMIT_INVALID'],
    [{ limit: { running: 1.5 } }, 'LIMIT_INVALID'],
    [{ limit: { rate: { count: 1, per: '1ms' } } }, 'LIMIT_INVALID'],
    [{ limit: { rate: { count: 5_000, per: '1m' } } }, 'LIMIT_INVALID'],
    [{ limit: { running: 1, name: 'x' } }, 'LIMIT_INVALID'],
    [{ limit: { name: 'type:x' } }, 'LIMIT_INVALID'],
    [{ limit: { runing: 1 } }, 'OPTION_UNKNOWN'],
  ] as const)('%j', ([options, code]) => {
    expect(() => job('x', () => 1, options as never)).toThrow(expect.objectContaining({ code }));
  });

  test('a key function that returns none stores nothing', async () => {
    const { unstuck, query } = await setup({ sweep: false });
    const bad = job('bad', () => 1, { limit: { running: 1, key: () => '' } });
    await expect(unstuck.enqueue(bad, 1)).rejects.toMatchObject({ code: 'LIMIT_INVALID' });
    expect(await query('select from unstuck.jobs')).toHaveLength(0);
  });
});
