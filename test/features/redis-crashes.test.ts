// The laws of bridges through crashes: nothing lost and nothing twice, whichever of the three (Redis, PostgreSQL, the process) dies when.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Unstuck } from '../../src/unstuck.ts';
import { startTestServer } from '../support/postgres.ts';
import { TcpProxy } from '../support/proxy.ts';
import { hasRedis, redisServer } from '../support/redis.ts';
import { eventually } from '../support/unstuck.ts';
import type { BridgeArguments, BridgeMutant } from './support/bridge-process.ts';
import {
  type BridgeWorld,
  bridgeWorld,
  emptied,
  order,
  orders,
  ordersBridge,
  storedOf,
  wrong,
} from './support/bridge-world.ts';

const REDIS = hasRedis();
const SCRIPT = fileURLToPath(new URL('./support/bridge-process.ts', import.meta.url));
const NONE = { lost: [], twice: [] };
const idOf = (message: { readonly id?: string }): string | undefined => message.id;

function startProcess(given: BridgeArguments): ChildProcess {
  const args = ['--conditions=unstuck-source', SCRIPT, JSON.stringify(given)];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'ignore', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

/** A process dies in its second batch; when its jobs have run, another one goes on. Returns what is wrong in the end. */
async function crash(
  all: BridgeWorld,
  die: NonNullable<BridgeArguments['die']>,
  mutant?: BridgeMutant,
): Promise<ReturnType<typeof wrong>> {
  await all.push(...orders(200));
  await all.unstuck.work([order]);
  const common = {
    url: all.url,
    redis: all.redis.url,
    ...(mutant === undefined ? {} : { mutant }),
  };
  const dying = startProcess({ ...common, die });
  const [, signal] = (await once(dying, 'exit')) as [number | null, string | null];
  expect(signal).toBe('SIGKILL');
  await eventually(
    async () => (await all.query(`select from unstuck.jobs limit 1`)).length === 0,
    'what it has stored has run',
  );
  const next = startProcess(common);
  await all.emptied();
  next.kill('SIGKILL');
  return wrong(200, await all.stored());
}

/** A process freezes with a batch in its hands; another one stores it, and the jobs run; then the first one goes on. Returns what is wrong in the end. */
async function thaw(all: BridgeWorld, mutant?: BridgeMutant): Promise<ReturnType<typeof wrong>> {
  const common = {
    url: all.url,
    redis: all.redis.url,
    ...(mutant === undefined ? {} : { mutant }),
  };
  const frozen = startProcess({ ...common, die: 'before-commit', signal: 'SIGSTOP' });
  await all.push(...orders(200));
  await all.unstuck.work([order]);
  await eventually(async () => (await all.stored()).size >= 50, 'its first batch is stored');
  const second = await all.connect();
  await second.redis.start(all.bridge({ batch: 50, id: idOf }));
  await all.emptied();
  await eventually(
    async () => (await all.query(`select from unstuck.jobs limit 1`)).length === 0,
    'all have run',
  );
  await second.close();
  frozen.kill('SIGCONT');
  // It takes again only when it has settled what it had in its hands.
  await eventually(
    async () => (await all.redis.send('SCARD', 'jobs:consumers:orders')) === 1,
    'it takes again',
  );
  await all.push({ n: 201 });
  await all.emptied();
  return wrong(201, await all.stored());
}

describe.runIf(REDIS)('a bridge whose process is killed', () => {
  test('between taking and storing loses nothing and repeats nothing', {
    timeout: 90_000,
  }, async () => {
    expect(await crash(await bridgeWorld(), 'before-commit')).toEqual(NONE);
  });

  test('between storing and removing loses nothing and repeats nothing, also when the jobs have ended (A2)', {
    timeout: 90_000,
  }, async () => {
    expect(await crash(await bridgeWorld(), 'before-removal')).toEqual(NONE);
  });

  test('this would be noticed: messages that are removed before the commit are lost', {
    timeout: 90_000,
  }, async () => {
    const found = await crash(await bridgeWorld(), 'before-commit', 'remove-before-commit');
    expect(found.lost.length).toBeGreaterThan(0);
  });

  test('this would be noticed: jobs that are not looked for among the ended ones run twice', {
    timeout: 90_000,
  }, async () => {
    const found = await crash(await bridgeWorld(), 'before-removal', 'no-dedup');
    expect(found.twice.length).toBeGreaterThan(0);
  });
});

describe.runIf(REDIS)('a bridge', () => {
  test('outlives a Redis that is killed and started again and again in the middle of 2,000 messages, and says so once each', {
    timeout: 120_000,
  }, async () => {
    const all = await bridgeWorld();
    await all.push(...orders(2_000));
    await all.unstuck.redis.start(all.bridge({ batch: 20, id: idOf }));
    for (let kills = 1; kills <= 5; kills += 1) {
      const enough = kills * 200;
      await eventually(async () => (await all.stored()).size >= enough, `${enough} are stored`);
      await all.redis.kill();
      await eventually(
        () => all.lines.filter(({ event }) => event === 'bridge_redis_away').length >= kills,
        'it is noticed',
      );
      await all.redis.start();
      await eventually(
        () => all.lines.filter(({ event }) => event === 'bridge_redis_back').length >= kills,
        'it is back',
      );
    }
    await all.emptied();
    expect(wrong(2_000, await all.stored())).toEqual(NONE);
    const events = all.lines
      .map(({ event }) => event)
      .filter((event) => event.startsWith('bridge_redis'));
    expect(events).toEqual(
      Array.from({ length: 5 }, () => ['bridge_redis_away', 'bridge_redis_back']).flat(),
    );
  });

  test('keeps messages in Redis while PostgreSQL is stopped, and goes on by itself', {
    timeout: 120_000,
  }, async () => {
    const server = await startTestServer();
    onTestFinished(() => server.stop());
    const redis = await redisServer();
    const lines: string[] = [];
    const add = (event: string): void => void lines.push(event);
    const log = { debug: add, info: add, warn: add, error: add };
    const unstuck = await Unstuck.connect({ database: server.url, log, sweep: false });
    onTestFinished(() => unstuck.close());
    const push = (from: number): Promise<unknown> =>
      redis.send(
        'LPUSH',
        'jobs',
        ...orders(2_000)
          .slice(from, from + 1_000)
          .map((one) => JSON.stringify(one)),
      );
    await push(0);
    await unstuck.redis.start(ordersBridge(redis.url, { batch: 20, id: idOf as () => string }));
    await eventually(async () => (await unstuck.count()).count >= 200, 'some are stored');
    await server.stopImmediate();
    await push(1_000);
    await eventually(() => lines.includes('bridge_database_away'), 'it is noticed', 60_000);
    expect(Number(await redis.send('LLEN', 'jobs'))).toBeGreaterThanOrEqual(1_000);
    await server.startAgain();
    await emptied(redis);
    const stored = await storedOf(async (text) => (await rowsOf(server.url, text)) as never);
    expect(wrong(2_000, stored)).toEqual(NONE);
    await eventually(() => lines.includes('bridge_database_back'), 'it is told');
  });

  test('works on through half-open connections to Redis, and through replies that are lost', {
    timeout: 120_000,
  }, async () => {
    const all = await bridgeWorld();
    const proxy = await TcpProxy.start(all.redis.url);
    onTestFinished(() => proxy.close());
    await all.push(...orders(600));
    await all.unstuck.redis.start(
      ordersBridge(proxy.url, { batch: 20, id: idOf as () => string, lease: '2s' }),
    );
    for (const text of ['HDEL', 'EVAL', 'HDEL', 'EVAL']) {
      proxy.cutReplyTo(text);
      const cut = proxy.cut;
      await eventually(() => proxy.cut > cut, `a reply to ${text} is cut`);
    }
    await all.emptied();
    await eventually(() => proxy.connections >= 2, 'both connections are there again');
    expect(proxy.blackHole()).toBeGreaterThanOrEqual(2);
    await all.push(...orders(700).slice(600));
    await all.emptied();
    expect(wrong(700, await all.stored())).toEqual(NONE);
    expect(proxy.cut).toBe(4);
  });

  test('takes over what a frozen process had taken; thawed, that one stores none of it again, although the jobs have ended', {
    timeout: 120_000,
  }, async () => {
    expect(await thaw(await bridgeWorld())).toEqual(NONE);
  });

  test('this would be noticed: a thawed process that does not look among the ended jobs runs them twice', {
    timeout: 120_000,
  }, async () => {
    expect((await thaw(await bridgeWorld(), 'no-dedup')).twice.length).toBeGreaterThan(0);
  });

  test('takes nothing out of a Redis that has no memory left, says so, and goes on when it has', {
    timeout: 60_000,
  }, async () => {
    const all = await bridgeWorld();
    await all.push(...orders(100));
    await all.redis.send('CONFIG', 'SET', 'maxmemory', '1');
    await all.unstuck.redis.start(all.bridge({ id: idOf }));
    expect((await all.logged('bridge_failed')).facts['error']).toMatchObject({
      code: 'REDIS_REFUSED',
      message: expect.stringContaining('OOM'),
    });
    expect(await all.redis.send('LLEN', 'jobs')).toBe(100);
    await all.redis.send('CONFIG', 'SET', 'maxmemory', '0');
    await all.emptied();
    expect(wrong(100, await all.stored())).toEqual(NONE);
  });

  test('two of them share the messages of one list, and none is stored twice', {
    timeout: 60_000,
  }, async () => {
    const all = await bridgeWorld();
    const second = await all.connect();
    await all.push(...orders(2_000));
    const bridge = all.bridge({ batch: 10, id: idOf });
    await Promise.all([all.unstuck.redis.start(bridge), second.redis.start(bridge)]);
    await all.emptied();
    expect(wrong(2_000, await all.stored())).toEqual(NONE);
  });

  test('that is stopped leaves what it has taken to the next one at once', {
    timeout: 60_000,
  }, async () => {
    const all = await bridgeWorld();
    const first = await all.connect();
    await first.redis.start(all.bridge({ lease: '1h' }));
    await first.close();
    expect(await all.redis.send('SMEMBERS', 'jobs:consumers:orders')).toEqual([]);
    // As if it had been stopped with a message in its hands.
    const id = '01a20077-9475-7261-9e06-aa4ced104c00';
    await all.redis.send('SADD', 'jobs:consumers:orders', 'gone');
    await all.redis.send('HSET', 'jobs:processing:orders:gone', id, '{"n":7}');
    await all.unstuck.redis.start(all.bridge({ lease: '1h' }));
    await all.emptied();
    expect((await all.unstuck.get(id))?.input).toEqual({ n: 7 });
  });
});

async function rowsOf(url: string, text: string): Promise<unknown[]> {
  const { default: pg } = await import('pg');
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text)).rows as unknown[];
  } finally {
    await client.end();
  }
}
