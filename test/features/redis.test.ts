// The laws of bridges: each message of a Redis list becomes one job, what cannot become one is kept and told, and how the lists stand is known.
import { describe, expect, test } from 'vitest';
import { defineJob } from '../../src/domain/define-job.ts';
import { hasRedis } from '../support/redis.ts';
import { anything, eventually } from '../support/unstuck.ts';
import { type BridgeWorld, bridgeWorld, order, ordersBridge } from './support/bridge-world.ts';

const REDIS = hasRedis();
const idOf = (message: { readonly id?: string }): string | undefined => message.id;

/** How often each order was stored, in the order of the numbers. */
const counts = async (all: BridgeWorld): Promise<readonly (readonly [number, number])[]> => [
  ...(await all.stored()),
];

/** Resolves with what the next look has found. */
async function looked({
  unstuck,
}: BridgeWorld): Promise<NonNullable<Awaited<ReturnType<typeof unstuck.redis.get>>>> {
  const before = (await unstuck.redis.get('orders'))?.lookedAt?.getTime() ?? 0;
  return eventually(async () => {
    const bridge = await unstuck.redis.get('orders');
    return bridge !== undefined && (bridge.lookedAt?.getTime() ?? 0) > before ? bridge : undefined;
  }, 'a look');
}

describe.runIf(REDIS)('a message', () => {
  test('is one job, in the order in which it was pushed; two equal ones are two (S4.3)', async () => {
    const all = await bridgeWorld();
    await all.push({ n: 1 }, { n: 2 }, { n: 2 });
    await all.unstuck.redis.start(all.bridge());
    await all.emptied();
    await all.push({ n: 3 });
    await all.emptied();
    expect(await counts(all)).toEqual([
      [1, 1],
      [2, 2],
      [3, 1],
    ]);
    const { jobs } = await all.unstuck.list({});
    expect(jobs.map(({ input }) => (input as { n: number }).n)).toEqual([3, 2, 2, 1]);
  });

  test('is taken from the left where producers use RPUSH', async () => {
    const all = await bridgeWorld();
    await all.redis.send('RPUSH', 'jobs', '{"n":1}', '{"n":2}', '{"n":3}');
    await all.unstuck.redis.start(all.bridge({ takeFrom: 'left', batch: 1 }));
    await all.emptied();
    const { jobs } = await all.unstuck.list({});
    expect(jobs.map(({ input }) => (input as { n: number }).n)).toEqual([3, 2, 1]);
  });

  test('with an id is one job however often it comes, also when that has ended (S4.3, A2)', async () => {
    const all = await bridgeWorld();
    await all.unstuck.work([order]);
    await all.unstuck.redis.start(all.bridge({ id: idOf }));
    await all.push({ n: 1, id: 'a' }, { n: 1, id: 'a' });
    await eventually(
      async () => (await all.query(`select from unstuck.finished`)).length === 1,
      'it has ended',
    );
    await all.push({ n: 1, id: 'a' }, { n: 2, id: 'b' }, { n: 3 });
    await all.emptied();
    expect(await counts(all)).toEqual([
      [1, 1],
      [2, 1],
      [3, 1],
    ]);
    const rows = await all.query<{ id: string }>(
      `select id from unstuck.all_jobs where input ->> 'n' = '1'`,
    );
    expect(rows[0]?.id).toMatch(
      /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{10}00$/,
    );
  });

  test('means what the function of its bridge says: type, input and options', async () => {
    const all = await bridgeWorld();
    await all.unstuck.redis.start(
      all.bridge<{ kind: string; value: number }>({
        job: ({ kind, value }) => ({
          type: kind,
          input: { value },
          options: { priority: value, tags: ['old'] },
        }),
      }),
    );
    await all.push({ kind: 'mail', value: 7 });
    await all.emptied();
    const { jobs } = await all.unstuck.list({});
    expect(jobs).toMatchObject([{ type: 'mail', input: { value: 7 }, priority: 7, tags: ['old'] }]);
  });

  test('whose pool is full waits for a slot as a job, because its producer cannot be told', async () => {
    const all = await bridgeWorld();
    await all.unstuck.pools.set('acme', { capacity: 1 });
    const slotted = defineJob({
      type: 'slotted',
      input: anything,
      slot: 'acme',
      run: () => undefined,
    });
    await all.unstuck.redis.start(all.bridge({ job: slotted }));
    await all.push({ n: 1 }, { n: 2 });
    await all.emptied();
    expect(await all.unstuck.pools.get('acme')).toMatchObject({ reserved: 1, waiting: 1 });
  });

  test('that is no job is dead with its reason, byte for byte, and keeps no other from being one (S4.3)', async () => {
    const all = await bridgeWorld();
    await all.pushRaw(
      '{"n":1}',
      'not json',
      '{"n":"x"}',
      '{"n":12345678901234567890}',
      '{"n":2}',
      '{"n":3,"boom":1}',
    );
    await all.redis.send(
      'EVAL',
      `return redis.call('LPUSH', 'jobs', string.char(255, 0, 34))`,
      '0',
    );
    const bridge = all.bridge<{ n: number; boom?: number }>({
      job: (message) => {
        if (message.boom !== undefined) throw new TypeError('boom is not expected');
        return { type: order, input: message };
      },
    });
    await all.unstuck.redis.start(bridge);
    await all.emptied();
    expect(await counts(all)).toEqual([
      [1, 1],
      [2, 1],
    ]);
    const dead = await all.unstuck.redis.dead('orders');
    expect(
      dead.map(({ position, code, message, encoding }) => [position, code, encoding, message]),
    ).toEqual([
      [0, 'REQUEST_INVALID', 'text', 'not json'],
      [1, 'INPUT_INVALID', 'text', '{"n":"x"}'],
      [2, 'INPUT_UNSTORABLE', 'text', '{"n":12345678901234567890}'],
      [3, 'MESSAGE_INVALID', 'text', '{"n":3,"boom":1}'],
      [4, 'MESSAGE_INVALID', 'base64', Buffer.from([255, 0, 34]).toString('base64')],
    ]);
    expect(dead[3]?.reason).toContain('boom is not expected');
    expect(dead.every(({ deadAt }) => deadAt instanceof Date)).toBe(true);
    expect((await all.logged('bridge_messages_dead')).facts).toMatchObject({
      bridge: 'orders',
      count: 5,
    });
  });

  test('whose key an open transaction holds is tried again, and holds up no other', async () => {
    const all = await bridgeWorld();
    const session = await all.session();
    await session.query('begin');
    await session.query(`insert into unstuck.jobs (type, unique_key) values ('x', 'k')`);
    const bridge = all.bridge<{ n: number; key?: string }>({
      job: ({ key, ...input }) => ({
        type: order,
        input,
        options: key === undefined ? {} : { key },
      }),
    });
    await all.unstuck.redis.start(bridge);
    await all.push({ n: 1, key: 'k' }, { n: 2 });
    await eventually(async () => (await all.stored()).has(2), 'the other one is stored');
    await all.push({ n: 3 });
    await eventually(async () => (await all.stored()).has(3), 'and further ones are');
    await session.query('rollback');
    await all.emptied();
    expect(await counts(all)).toEqual([
      [1, 1],
      [2, 1],
      [3, 1],
    ]);
  });

  test('that PostgreSQL may not store for want of a permission is kept, not buried', async () => {
    const all = await bridgeWorld();
    await all.query(
      `create function unstuck.refuse() returns trigger language plpgsql as $$ begin raise exception 'no' using errcode = '42501'; end $$`,
    );
    await all.query(
      `create trigger refuse before insert on unstuck.jobs for each row execute function unstuck.refuse()`,
    );
    await all.unstuck.redis.start(all.bridge());
    await all.push({ n: 1 });
    await all.logged('bridge_failed');
    expect(await all.redis.send('LLEN', 'jobs:dead')).toBe(0);
    await all.query(`drop trigger refuse on unstuck.jobs`);
    await all.emptied();
    expect(await counts(all)).toEqual([[1, 1]]);
    await all.logged('bridge_works_again');
  });
});

describe.runIf(REDIS)('how a bridge stands', () => {
  test('is measured: lengths, ages by the messages or by the first sight, growth', async () => {
    const all = await bridgeWorld();
    const bridge = all.bridge<{ n: number }>({
      batch: 1,
      job: (message) => ({ type: order, input: message }),
    });
    await all.unstuck.redis.start(bridge);
    await all.emptied();
    // Somebody holds the tables of jobs: what is taken stays in the hands of the bridge.
    const session = await all.session();
    await session.query('begin');
    await session.query('lock table unstuck.jobs in exclusive mode');
    const sentAt = new Date(Date.now() - 90_000);
    await all.push({ n: 1, sentAt }, { n: 2, sentAt }, { n: 3 });
    await all.pushRaw('not json');
    await all.redis.send('LPUSH', 'jobs:dead', 'of another program');
    await eventually(async () => (await all.redis.send('LLEN', 'jobs')) === 3, 'one is taken');
    const first = await looked(all);
    expect(first).toMatchObject({
      state: 'up',
      address: `redis://127.0.0.1:${all.redis.port}`,
      waiting: { length: 3, oldestAt: sentAt, growthPerMinute: null },
      processing: { length: 1 },
      dead: { length: 1, growthPerMinute: null },
      takenTimes: 1,
    });
    expect(Date.now() - (first.dead.oldestAt?.getTime() ?? 0)).toBeLessThan(60_000);
    await all.push(...Array.from({ length: 6 }, (_, n) => ({ n })));
    await all.moveClock('2 minutes');
    const later = await looked(all);
    expect(later.waiting.length).toBe(9);
    // From three, or from none where the first look came before them.
    expect(later.waiting.growthPerMinute).toBeGreaterThan(2.5);
    expect(later.waiting.growthPerMinute).toBeLessThan(4.6);
    // Nobody has touched the dead list: its oldest is as old as before.
    expect(later.dead.oldestAt).toEqual(first.dead.oldestAt);
    await session.query('rollback');
    await all.emptied();
    expect((await looked(all)).waiting).toMatchObject({ length: 0, oldestAt: null });
  });

  test('of a message that does not say when it was sent, it ages from its first sight at the head, and a list that moves does not', async () => {
    const all = await bridgeWorld();
    await all.unstuck.redis.start(all.bridge());
    const session = await all.session();
    await session.query('begin');
    await session.query('lock table unstuck.jobs in exclusive mode');
    await all.push(...Array.from({ length: 300 }, () => ({ n: 1 })));
    await eventually(
      async () => Number(await all.redis.send('LLEN', 'jobs')) === 200,
      'a batch is taken',
    );
    const first = (await looked(all)).waiting.oldestAt;
    const second = (await looked(all)).waiting.oldestAt;
    expect(second).toEqual(first);
    await all.redis.send('INCRBY', 'jobs:taken:orders', '1');
    expect((await looked(all)).waiting.oldestAt?.getTime()).toBeGreaterThan(first?.getTime() ?? 0);
    await session.query('rollback');
  });

  test('is a finding when messages wait too long, when Redis is away, and when no process runs it; it is no stuck job (S4.3)', async () => {
    const all = await bridgeWorld();
    const other = await all.connect();
    await all.push({ n: 1 });
    await all.redis.send('RENAME', 'jobs', 'jobs2');
    const bridge = ordersBridge(all.redis.url, { list: 'jobs2', lateAfter: '1m' });
    const session = await all.session();
    await session.query('begin');
    await session.query('lock table unstuck.jobs in exclusive mode');
    await all.redis.send(
      'LPUSH',
      'jobs2',
      ...Array.from({ length: 200 }, () =>
        JSON.stringify({ n: 1, sentAt: new Date(Date.now() - 120_000) }),
      ),
    );
    await other.redis.start(bridge);
    const reasonOf = async (): Promise<string | undefined> =>
      (await all.unstuck.stuck()).find(({ kind }) => kind === 'bridge')?.reason;
    await eventually(async () => (await reasonOf())?.startsWith('messages wait'), 'a backlog');
    await all.redis.kill();
    await eventually(
      async () => (await reasonOf())?.includes('Redis has been away since'),
      'Redis is away',
    );
    expect(await all.unstuck.redis.get('orders')).toMatchObject({
      state: 'away',
      lastError: expect.stringContaining('could not be reached'),
    });
    await session.query('rollback');
    await all.redis.start();
    await eventually(async () => (await reasonOf()) === undefined, 'all is well');
    await other.close();
    await all.moveClock('1 minute');
    expect(await reasonOf()).toContain('no process has looked at it since');
    expect((await all.unstuck.status()).stuck).toBe(0);
    await all.unstuck.redis.delete('orders', { by: 'ann', reason: 'gone' });
    expect(await reasonOf()).toBeUndefined();
    expect((await all.unstuck.audit.list()).entries).toMatchObject([
      { action: 'bridge-delete', by: 'ann', reason: 'gone' },
    ]);
    await expect(all.unstuck.redis.delete('orders')).rejects.toMatchObject({
      code: 'BRIDGE_UNKNOWN',
    });
  });

  test('tells neither user nor password of the address, nowhere', async () => {
    const password = 'pa$$w0rd/with@signs';
    const all = await bridgeWorld({ password });
    const url = `redis://:${encodeURIComponent(password)}@127.0.0.1:${all.redis.port}`;
    const bridge = ordersBridge(url);
    await all.unstuck.redis.start(bridge);
    await all.push({ n: 1 });
    await all.emptied();
    await all.redis.kill();
    await all.logged('bridge_redis_away');
    await eventually(
      async () => (await all.unstuck.redis.get('orders'))?.state === 'away',
      'it is away',
    );
    const wrongUrl = `redis://:not-the-pass@127.0.0.1:${all.redis.port}`;
    await all.redis.start();
    const second = await all.connect();
    await second.redis.start(ordersBridge(wrongUrl, { name: 'wrong' }));
    await eventually(
      async () => (await all.unstuck.redis.get('wrong'))?.state === 'away',
      'it is refused',
    );
    const rows = await all.query(`select b::text from unstuck.bridges b`);
    const { inspect } = await import('node:util');
    const told =
      JSON.stringify([rows, await all.unstuck.redis.list(), bridge, inspect(bridge)]) +
      inspect(all.lines, { depth: 9 });
    for (const secret of [password, encodeURIComponent(password), 'not-the-pass'])
      expect(told).not.toContain(secret);
    expect((await all.unstuck.redis.get('wrong'))?.lastError).toContain('WRONGPASS');
  });
});

describe('starting', () => {
  test.runIf(REDIS)(
    'the same name twice in a process is refused; so is a closed connection',
    async () => {
      const all = await bridgeWorld();
      await all.unstuck.redis.start(all.bridge());
      await expect(all.unstuck.redis.start(all.bridge())).rejects.toMatchObject({
        code: 'OPTION_INVALID',
      });
      const other = await all.connect();
      await other.close();
      await expect(other.redis.start(all.bridge())).rejects.toThrow();
    },
  );

  test.runIf(REDIS)('a Redis that is not there yet is waited for', async () => {
    const all = await bridgeWorld();
    await all.redis.kill();
    await all.unstuck.redis.start(all.bridge());
    await all.logged('bridge_redis_away');
    await all.redis.start();
    await all.push({ n: 1 });
    await all.emptied();
    expect(await counts(all)).toEqual([[1, 1]]);
  });
});
