// The laws of the log of a command: one form for every line, whoever writes it, and a probe for images without curl.
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { serve } from '../../src/http/index.ts';
import { Unstuck } from '../../src/unstuck.ts';
import { freshDatabase } from '../support/database.ts';
import { run, start } from './support/command.ts';

vi.setConfig({ testTimeout: 180_000 });

const MODULE = 'test/cli/support/jobs.ts';
let url: string;
let unstuck: Unstuck;

beforeEach(async () => {
  const database = await freshDatabase();
  url = database.url;
  unstuck = await Unstuck.connect({ database: url, logLevel: 'silent' });
  return async () => {
    await unstuck.close();
    await database.drop();
  };
});

/** Every line as JSON; fails on one that is none. */
function linesOf(text: string): Record<string, unknown>[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

test('with --log-format json every line of a worker and its supervisor is one JSON object', async () => {
  const worker = start(['work', MODULE, '--log-format', 'json', '--log-level', 'debug'], {
    env: { UNSTUCK_DATABASE_URL: url },
  });
  await worker.says(/"event":"worker_ready"/);
  const { id } = await unstuck.enqueue('broken', {});
  await unstuck.wait(id);
  await worker.says(/"event":"attempt_failed"/);
  worker.child.kill('SIGTERM');
  const { code, stderr } = await worker.ended;
  expect(code).toBe(0);
  const lines = linesOf(stderr);
  expect(lines.find(({ event }) => event === 'attempt_failed')).toMatchObject({
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    level: 'warn',
    job: id,
    code: 'BROKEN',
    error: 'it is broken',
  });
  expect(lines.map(({ event }) => event)).toContain('supervisor_stopping');
});

test('the variable asks for JSON too, also while the database is away', async () => {
  const worker = start(['work', MODULE], {
    env: { UNSTUCK_DATABASE_URL: 'postgres://me:abc@127.0.0.1:1/x', UNSTUCK_LOG_FORMAT: 'json' },
  });
  await worker.says(/"event":"database_awaited"/);
  worker.child.kill('SIGTERM');
  const { stderr } = await worker.ended;
  expect(linesOf(stderr).length).toBeGreaterThan(0);
  expect(stderr).not.toContain('abc');
});

test('S2.7: without it a line is event=name key=value, and --log-level says which', async () => {
  const worker = start(['work', MODULE, '--log-level', 'warn'], {
    env: { UNSTUCK_DATABASE_URL: url },
  });
  const { id } = await unstuck.enqueue('broken', {});
  await unstuck.wait(id);
  await worker.says(/^level=warn event=attempt_failed .*code=BROKEN error="it is broken"$/m);
  worker.child.kill('SIGTERM');
  expect((await worker.ended).stderr).not.toContain('worker_ready');
});

test('a format that is none is refused before anything starts', async () => {
  const env = { UNSTUCK_DATABASE_URL: url };
  expect(await run(['work', MODULE, '--log-format', 'xml'], { env })).toMatchObject({ code: 2 });
  const { code, stderr } = await run(['work', MODULE], {
    env: { ...env, UNSTUCK_LOG_FORMAT: 'xml' },
  });
  expect(code).toBe(2);
  expect(stderr).toContain('UNSTUCK_LOG_FORMAT to be one of kv, json');
});

test('healthcheck ends with 0 when the server is ready, and with 1 when it is not, or not there', async () => {
  const server = await serve(unstuck, { port: 0 });
  onTestFinished(() => server.close());
  const { port } = new URL(server.url);
  expect(await run(['healthcheck', server.url])).toMatchObject({ code: 0, stdout: 'ok\n' });
  const env = { UNSTUCK_PORT: port, UNSTUCK_HOST: '0.0.0.0' };
  expect(await run(['healthcheck'], { env })).toMatchObject({ code: 0 });
  server.drain();
  const draining = await run(['healthcheck', `${server.url}/`]);
  expect(draining.code).toBe(1);
  expect(draining.stdout).toMatch(/^not ok: 503 from .*\/readyz\n$/);
  expect(await run(['healthcheck', '--live', server.url])).toMatchObject({ code: 0 });
  await server.close();
  const away = await run(['healthcheck', server.url]);
  expect(away).toMatchObject({ code: 1, stdout: expect.stringContaining('no answer') });
  expect(await run(['healthcheck', 'nowhere'])).toMatchObject({ code: 2 });
});
