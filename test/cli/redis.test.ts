// The laws of `unstuck redis`, and of commands whose modules export a bridge.
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { Unstuck } from '../../src/unstuck.ts';
import { freshDatabase } from '../support/database.ts';
import { hasRedis, type RedisServer, redisServer } from '../support/redis.ts';
import { orders } from './support/bridges.ts';
import { run, start, until } from './support/command.ts';

vi.setConfig({ testTimeout: 180_000 });

const REDIS = hasRedis();
const MODULE = 'test/cli/support/bridges.ts';
const TOKEN = 'root-token-of-the-tests';

interface World {
  readonly redis: RedisServer;
  readonly unstuck: Unstuck;
  readonly env: Readonly<Record<string, string>>;
}

async function world(): Promise<World> {
  const redis = await redisServer();
  const database = await freshDatabase();
  const unstuck = await Unstuck.connect({ database: database.url, logLevel: 'silent' });
  onTestFinished(async () => {
    await unstuck.close();
    await database.drop();
  });
  return {
    redis,
    unstuck,
    env: { UNSTUCK_DATABASE_URL: database.url, UNSTUCK_REDIS_URL: redis.url },
  };
}

describe.runIf(REDIS)('a module that exports a bridge', () => {
  test.each([['work'], ['start', '--port', '0'], ['serve', '--port', '0']])(
    'is run by %s',
    async (...args) => {
      const { redis, unstuck, env } = await world();
      const [command = '', ...flags] = args;
      const running = start([command, MODULE, ...flags, '--no-supervise'], { env });
      await redis.send('LPUSH', 'jobs', '{"n":1}');
      const state = command === 'serve' ? 'queued' : 'completed';
      await until('the message is a job', async () => {
        const { jobs } = await unstuck.list({});
        return jobs.length === 1 && jobs[0]?.state === state;
      });
      running.child.kill('SIGTERM');
      expect(await running.ended).toMatchObject({ code: 0 });
      expect(await redis.send('SMEMBERS', `${orders.list}:consumers:${orders.name}`)).toEqual([]);
    },
  );

  test('is refused when nobody says where Redis is', async () => {
    const { env } = await world();
    const ended = await run(['work', MODULE, '--no-supervise'], {
      env: { ...env, UNSTUCK_REDIS_URL: '' },
    });
    expect(ended.code).toBe(2);
    expect(ended.stderr).toContain('REDIS_URL_INVALID');
  });
});

test('a bridge says what to install where the package is missing', async () => {
  const database = await freshDatabase();
  onTestFinished(() => database.drop());
  const hook = `import { registerHooks } from 'node:module';
    registerHooks({ resolve: (name, context, next) => {
      if (name === 'redis') throw Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' });
      return next(name, context);
    } });`;
  const ended = await run(['work', MODULE, '--no-supervise'], {
    env: {
      UNSTUCK_DATABASE_URL: database.url,
      UNSTUCK_REDIS_URL: 'redis://127.0.0.1:1',
      NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(hook)}`,
    },
  });
  expect(ended.code).toBe(1);
  expect(ended.stderr).toContain('REDIS_PACKAGE_MISSING');
  expect(ended.stderr).toContain('npm install redis');
});

describe.runIf(REDIS)('the commands', () => {
  test.each(['database', 'server'])(
    'list, show, requeue, delete and forget, by the %s',
    async (by) => {
      const { redis, env } = await world();
      await redis.send('LPUSH', 'jobs', 'not json', '{"n":"x"}', '{"n":1}');
      const server = start(['start', MODULE, '--port', '0', '-o', 'json', '--no-supervise'], {
        env: { ...env, UNSTUCK_TOKEN: TOKEN },
      });
      const [, url = ''] = await server.says(/"url":"([^"]+)"/);
      const where = by === 'server' ? { UNSTUCK_URL: url, UNSTUCK_TOKEN: TOKEN } : env;
      const command = (...args: string[]): ReturnType<typeof run> =>
        run(['redis', ...args, '-o', 'json'], { env: where });
      await until('both are dead and measured', async () => {
        const { stdout } = await command('show', 'orders');
        return stdout.includes('"dead":{"length":2');
      });
      const list = await command('list');
      expect(list).toMatchObject({ code: 0, stderr: '' });
      expect(JSON.parse(list.stdout)).toMatchObject({
        bridges: [
          { name: 'orders', list: 'jobs', state: 'up', dead: { length: 2 }, taken_times: 3 },
        ],
      });
      const dead = await command('dead', 'orders');
      expect(dead).toMatchObject({ code: 0, stderr: '' });
      const { messages } = JSON.parse(dead.stdout) as {
        messages: { digest: string; message: string }[];
      };
      expect(messages.map(({ message }) => message)).toEqual(['not json', '{"n":"x"}']);
      const bad = messages.find(({ message }) => message === 'not json');
      const requeued = await command(
        'dead',
        'orders',
        '--requeue',
        '--reason',
        'again',
        '--digest',
        bad?.digest ?? '',
      );
      expect(JSON.parse(requeued.stdout)).toEqual({ requeued: 1, changed: [] });
      await until('it is dead again', async () => (await redis.send('LLEN', 'jobs:dead')) === 2);
      const deleted = await command('dead', 'orders', '--delete');
      expect(JSON.parse(deleted.stdout)).toEqual({ deleted: 2, changed: [] });
      expect(JSON.parse((await command('dead', 'orders')).stdout)).toEqual({ messages: [] });
      expect((await command('show', 'nobody')).code).toBe(3);
      const gone = await command('dead', 'orders', '--digest', 'a'.repeat(40), '--delete');
      expect(gone.code).toBe(5);
      expect(gone.stderr).toMatch(/No dead message .* has this digest; nothing was done/);
      expect((await command('dead', 'nobody')).code).toBe(3);
      expect((await command('dead', 'orders', '--delete', '--requeue')).code).toBe(2);
      server.child.kill('SIGTERM');
      await server.ended;
      if (by === 'server') return;
      expect((await command('delete', 'orders', '--reason', 'gone')).code).toBe(0);
      expect(JSON.parse((await command('list')).stdout)).toEqual({ bridges: [] });
    },
  );
});
