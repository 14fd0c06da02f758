// The laws of dead and of lost messages: none is moved by mistake, and what never reached the list is found once.
import { describe, expect, test } from 'vitest';
import { hasRedis } from '../support/redis.ts';
import { eventually } from '../support/unstuck.ts';
import { type BridgeWorld, bridgeWorld } from './support/bridge-world.ts';

const REDIS = hasRedis();
const idOf = (message: { readonly id?: string }): string | undefined => message.id;

/** A bridge with so many dead messages, of other programs: `dead 0` is the oldest. */
async function withDead(count: number): Promise<BridgeWorld> {
  const all = await bridgeWorld();
  await all.unstuck.redis.start(all.bridge());
  for (let n = 0; n < count; n += 1) await all.redis.send('LPUSH', 'jobs:dead', `dead ${n}`);
  return all;
}

const deadOf = async ({ redis }: BridgeWorld): Promise<unknown> =>
  redis.send('LRANGE', 'jobs:dead', '0', '-1');

describe.runIf(REDIS)('dead messages', () => {
  test('are listed from the oldest on, in pages', async () => {
    const { unstuck } = await withDead(5);
    const first = await unstuck.redis.dead('orders', { limit: 2 });
    expect(first.map(({ message }) => message)).toEqual(['dead 0', 'dead 1']);
    const rest = await unstuck.redis.dead('orders', { after: 1 });
    expect(rest.map(({ message, position }) => [position, message])).toEqual([
      [2, 'dead 2'],
      [3, 'dead 3'],
      [4, 'dead 4'],
    ]);
    expect(rest[0]).toMatchObject({ code: null, reason: null, deadAt: null, bytes: 6 });
    expect(await unstuck.redis.dead('orders', { after: 4 })).toEqual([]);
  });

  test('go back as they came, behind those that wait, and become jobs once what was wrong is mended (S4.3)', async () => {
    const all = await bridgeWorld();
    await all.unstuck.redis.start(all.bridge());
    await all.pushRaw('{ "n": "1" }', '{"n":"2"}');
    await eventually(
      async () => (await all.unstuck.redis.dead('orders')).length === 2,
      'both are dead',
    );
    const [first] = await all.unstuck.redis.dead('orders');
    await all.unstuck.close();
    const mended = await all.connect();
    const change = await mended.redis
      .requeueDead('orders', [first ?? { position: 0, digest: '' }])
      .catch((error: unknown) => error);
    // Nobody has told this process where Redis is.
    expect(change).toMatchObject({ code: 'REDIS_URL_INVALID' });
    const { order } = await import('./support/bridge-world.ts');
    const bridge = all.bridge<{ n: string }>({
      job: ({ n }) => ({ type: order, input: { n: Number(n) } }),
    });
    await mended.redis.start(bridge);
    const actor = { by: 'ann', reason: 'mended' };
    expect(
      await mended.redis.requeueDead('orders', [first ?? { position: 0, digest: '' }], actor),
    ).toEqual({ done: 1, changed: [] });
    await all.emptied();
    expect([...(await all.stored())]).toEqual([[1, 1]]);
    expect((await mended.redis.dead('orders')).map(({ message }) => message)).toEqual([
      '{"n":"2"}',
    ]);
    const { entries } = await mended.audit.list();
    expect(entries).toMatchObject([
      {
        action: 'dead-requeue',
        by: 'ann',
        reason: 'mended',
        detail: { bridge: 'orders', done: 1 },
      },
    ]);
  });

  test('that do not stand where they were seen are left alone and named; new ones move none', async () => {
    const all = await withDead(4);
    const seen = await all.unstuck.redis.dead('orders');
    await all.redis.send('LPUSH', 'jobs:dead', 'dead 4');
    // Somebody takes the oldest one away: each place is now that of another message.
    const places = seen.map(({ position, digest }) => ({ position, digest }));
    expect(await all.unstuck.redis.deleteDead('orders', places.slice(3))).toEqual({
      done: 1,
      changed: [],
    });
    await all.redis.send('RPOP', 'jobs:dead');
    expect(await all.unstuck.redis.deleteDead('orders', places.slice(0, 3))).toEqual({
      done: 0,
      changed: places.slice(0, 3),
    });
    expect(await deadOf(all)).toEqual(['dead 4', 'dead 2', 'dead 1']);
    await expect(all.unstuck.redis.deleteDead('orders', [])).rejects.toMatchObject({
      code: 'REQUEST_INVALID',
    });
    await expect(all.unstuck.redis.deleteDead('nobody', places)).rejects.toMatchObject({
      code: 'BRIDGE_UNKNOWN',
    });
    await expect(
      all.unstuck.redis.deleteDead('orders', [{ position: -1, digest: '0'.repeat(40) }]),
    ).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
  });

  test('of which two are equal are two: each is moved once', async () => {
    const all = await withDead(0);
    await all.redis.send('LPUSH', 'jobs:dead', 'same', 'other', 'same');
    const [first, , third] = await all.unstuck.redis.dead('orders');
    expect(first?.digest).toBe(third?.digest);
    const both = [first, third, first].map((one) => ({
      position: one?.position ?? 0,
      digest: one?.digest ?? '',
    }));
    expect(await all.unstuck.redis.deleteDead('orders', both)).toEqual({ done: 2, changed: [] });
    expect(await deadOf(all)).toEqual(['other']);
  });
});

describe.runIf(REDIS)('lost messages', () => {
  const rows = `select id, json_build_object('id', id, 'n', n) as message from orders where due <= unstuck.clock() order by id`;

  test('are found when they are neither in a list nor a job, sent once, counted and named (S4.3)', async () => {
    const all = await bridgeWorld();
    await all.query(
      `create table orders (id text primary key, n integer, due timestamptz default now())`,
    );
    await all.query(`insert into orders (id, n) select 'o' || n, n from generate_series(1, 6) n`);
    await all.query(`update orders set due = now() + interval '1 hour' where n = 6`);
    // 1 became a job and has ended, 2 waits as a job, 3 is dead, 4 stands in the list behind what nobody takes; 5 was never pushed, 6 is not due.
    await all.redis.send('LPUSH', 'jobs:dead', JSON.stringify({ n: 3, id: 'o3' }));
    const bridge = all.bridge({ id: idOf, lost: { query: rows, every: '1s' }, batch: 1 });
    const first = await all.connect();
    await first.redis.start(all.bridge({ id: idOf }));
    await all.push({ n: 1, id: 'o1' });
    await all.emptied();
    const { order } = await import('./support/bridge-world.ts');
    const worker = await all.unstuck.work([order]);
    await eventually(
      async () => (await all.query(`select from unstuck.finished`)).length === 1,
      'it has ended',
    );
    await worker.stop();
    await all.push({ n: 2, id: 'o2' });
    await all.emptied();
    await first.close();
    // A message whose key is held keeps the bridge from taking the next one.
    const session = await all.session();
    await session.query('begin');
    await session.query(`insert into unstuck.jobs (type, unique_key) values ('x', 'k')`);
    await all.push({ n: 9, key: 'k' }, { n: 4, id: 'o4' });
    const keyed = {
      ...bridge,
      job: (message: { key?: string }) => ({
        type: order,
        input: message,
        ...(message.key === undefined ? {} : { options: { key: message.key } }),
      }),
    };
    Object.defineProperty(keyed, 'redis', { value: all.redis.url });
    const second = await all.connect();
    await second.redis.start(keyed);
    const line = await all.logged('bridge_lost_found');
    expect(line.facts).toMatchObject({ bridge: 'orders', count: 1, ids: ['o5'] });
    expect([...(await all.stored()).keys()]).toEqual([1, 2, 5]);
    await session.query('rollback');
    await all.emptied();
    // The lost one comes after all.
    await all.push({ n: 5, id: 'o5' });
    await all.emptied();
    const looked = (await all.unstuck.redis.get('orders'))?.lostLookAt?.getTime() ?? 0;
    await eventually(
      async () => ((await all.unstuck.redis.get('orders'))?.lostLookAt?.getTime() ?? 0) > looked,
      'it is looked again',
    );
    expect([...(await all.stored())].filter(([, count]) => count > 1)).toEqual([]);
    expect(await all.unstuck.redis.get('orders')).toMatchObject({ lostTimes: 1, lostIds: ['o5'] });
  });

  test('that cannot be jobs join the dead, once', async () => {
    const all = await bridgeWorld();
    const find = async () => [
      { id: 'x', message: '{"n":"not a number"}' },
      { id: 7, message: { n: 7 } },
    ];
    await all.unstuck.redis.start(all.bridge({ id: idOf, lost: { find, every: '1s' } }));
    await all.logged('bridge_lost_found');
    const at = (await all.unstuck.redis.get('orders'))?.lostLookAt?.getTime() ?? 0;
    await eventually(
      async () => ((await all.unstuck.redis.get('orders'))?.lostLookAt?.getTime() ?? 0) > at,
      'it is looked again',
    );
    await eventually(async () => (await all.stored()).has(7), 'the other one is a job');
    expect((await all.unstuck.redis.dead('orders')).map(({ code }) => code)).toEqual([
      'INPUT_INVALID',
    ]);
    expect((await all.unstuck.redis.get('orders'))?.lostTimes).toBe(2);
  });

  test('under another id than their own are refused: each would be two jobs', async () => {
    const all = await bridgeWorld();
    const find = async () => [{ id: 'x', message: { n: 7, id: 'y' } }];
    await all.unstuck.redis.start(all.bridge({ id: idOf, lost: { find, every: '1s' } }));
    const { facts } = await all.logged('bridge_failed');
    expect(facts['error']).toMatchObject({ code: 'OPTION_INVALID' });
    expect([...(await all.stored())]).toEqual([]);
  });

  test('whose query is wrong stop neither the bridge nor its looks, and that is told', async () => {
    const all = await bridgeWorld();
    await all.unstuck.redis.start(
      all.bridge({ id: idOf, lost: { query: 'select nothing from nowhere', every: '1s' } }),
    );
    expect((await all.logged('bridge_failed')).facts['error']).toMatchObject({
      message: expect.stringContaining('nowhere'),
    });
    await all.push({ n: 1 });
    await all.emptied();
    expect([...(await all.stored())]).toEqual([[1, 1]]);
    expect(await all.unstuck.redis.get('orders')).toMatchObject({ state: 'up' });
    const at = (await all.unstuck.redis.get('orders'))?.lostLookAt?.getTime() ?? 0;
    await eventually(
      async () => ((await all.unstuck.redis.get('orders'))?.lostLookAt?.getTime() ?? 0) > at,
      'it is asked again',
    );
    expect(all.lines.filter(({ event }) => event === 'bridge_failed')).toHaveLength(1);
    expect(all.lines.filter(({ event }) => event === 'bridge_works_again')).toEqual([]);
  });
});
