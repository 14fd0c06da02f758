// The laws of `unstuck start`: one command brings everything up, says where it is, stops cleanly, and finds its data again.
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { freshDatabase } from '../support/database.ts';
import { type Running, run, runs, start } from './support/command.ts';

vi.setConfig({ testTimeout: 180_000 });

const MODULE = 'test/cli/support/jobs.ts';

async function urlOf(running: Running): Promise<string> {
  const [, url = ''] = await running.says(/serving +(http:\S+)/);
  await running.says(/Ctrl-C/);
  return url;
}

async function post(
  url: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<{ status: number; id: string }> {
  const response = await fetch(`${url}/v1/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  return { status: response.status, ...((await response.json()) as { id: string }) };
}

test('it brings up its own database, works, serves, stops on Ctrl-C, and a second start finds its data', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'unstuck-start-'));
  await chmod(directory, 0o755);
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const env = { UNSTUCK_DIRECTORY: directory, UNSTUCK_PORT: '0' };

  const first = start(['start', MODULE], { env });
  const url = await urlOf(first);
  expect(await (await fetch(`${url}/readyz`)).text()).toBe('ok\n');
  const { status, id } = await post(url, { type: 'echo', input: { hello: 'world' } });
  expect(status).toBe(201);
  const shown = await run(['job', 'show', id, '--wait', '-o', 'json'], { env });
  expect(JSON.parse(shown.stdout)).toMatchObject({
    state: 'completed',
    result: { hello: 'world' },
  });
  await first.says(/1 completed; nothing is stuck/);
  process.kill(-(first.child.pid as number), 'SIGINT');
  const ended = await first.ended;
  expect(ended.code).toBe(0);
  expect(ended.stderr).toContain('Stopped.');
  await expect(fetch(`${url}/livez`)).rejects.toThrow('fetch failed');

  const second = start(['start', MODULE], { env });
  const again = await urlOf(second);
  await second.says(/1 completed; nothing is stuck/);
  const found = (await (await fetch(`${again}/v1/jobs/${id}`)).json()) as object;
  expect(found).toMatchObject({ id, state: 'completed' });
  second.child.kill('SIGTERM');
  expect(await second.ended).toMatchObject({ code: 0 });
});

test('when its process is killed, another one serves and works on', async () => {
  const database = await freshDatabase();
  onTestFinished(() => database.drop());
  const running = start(['start', MODULE, '--port', '0', '--database', database.url]);
  await urlOf(running);
  const { stdout } = await run(['status', '-o', 'json', '--database', database.url]);
  const [worker] = JSON.parse(stdout).workers;
  process.kill(worker.pid, 'SIGKILL');
  const [, url = ''] = await running.says(/serving +(http:\S+)/, 2);
  expect(runs(worker.pid)).toBe(false);
  expect(await post(url, { type: 'echo', input: {} })).toMatchObject({ status: 201 });
  running.child.kill('SIGTERM');
  expect(await running.ended).toMatchObject({ code: 0 });
});

test('it shows no password, and its address as JSON when asked', async () => {
  const database = await freshDatabase();
  onTestFinished(() => database.drop());
  const running = start(['start', '-o', 'json', '--port', '0', '--database', database.url]);
  const [line] = await running.says(/\{"url".+\n/);
  expect(JSON.parse(line)).toMatchObject({ embedded: false, schema: 'unstuck', types: [] });
  const { password } = new URL(database.url);
  expect(password).not.toBe('');
  expect(running.output()).not.toContain(password);
  running.child.kill('SIGTERM');
  expect(await running.ended).toMatchObject({ code: 0 });
});

test('a port that somebody chose and that is taken ends with 2, and so does an open address without a token', async () => {
  const database = await freshDatabase();
  onTestFinished(() => database.drop());
  const other = createServer().listen(0, '127.0.0.1');
  onTestFinished(() => void other.close());
  await new Promise((resolve) => other.once('listening', resolve));
  const { port } = other.address() as { port: number };
  const env = { UNSTUCK_DATABASE_URL: database.url };
  const taken = await run(['start', '--port', String(port)], { env });
  expect(taken).toMatchObject({ code: 2, stderr: expect.stringContaining('UNSTUCK_PORT') });
  const open = await run(['start', '--port', '0', '--host', '0.0.0.0'], { env });
  expect(open).toMatchObject({ code: 2, stderr: expect.stringContaining('UNSTUCK_TOKEN') });
});

test('with a token it may serve every address, and /v1 demands it', async () => {
  const database = await freshDatabase();
  onTestFinished(() => database.drop());
  const token = 'a-token-of-enough-length';
  const env = { UNSTUCK_DATABASE_URL: database.url, UNSTUCK_TOKEN: token };
  const running = start(['start', MODULE, '--port', '0', '--host', '0.0.0.0'], { env });
  const url = (await urlOf(running)).replace('0.0.0.0', '127.0.0.1');
  expect(running.output()).not.toContain(token);
  expect(running.output()).toContain(`curl -s ${url}/v1/jobs -H "authorization`);
  expect((await fetch(`${url}/livez`)).status).toBe(200);
  const job = { type: 'echo', input: {} };
  expect(await post(url, job)).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' });
  const authorization = `Bearer ${token}`;
  expect(await post(url, job, { authorization })).toMatchObject({ status: 201 });
  running.child.kill('SIGTERM');
  expect(await running.ended).toMatchObject({ code: 0 });
});

test('serve runs no jobs: it stores them, checks inputs by its modules, and stops cleanly', async () => {
  const database = await freshDatabase();
  onTestFinished(() => database.drop());
  const args = ['serve', MODULE, '--port', '0', '--database', database.url];
  const running = start([...args, '--log-format', 'json', '--log-level', 'info']);
  const url = await urlOf(running);
  expect(running.output()).toContain('it only serves');
  expect(await post(url, { type: 'echo', input: {} })).toMatchObject({ status: 201 });
  await run(['pool', 'set', 'atlas', '--capacity', '2', '--url', url]);
  await running.says(/^\{"level":"info",.*"event":"request",.*"route":"setPool"/m);
  const { stdout } = await run(['status', '-o', 'json', '--database', database.url]);
  expect(JSON.parse(stdout)).toMatchObject({ workers: [], live: [{ type: 'echo', count: 1 }] });
  running.child.kill('SIGTERM');
  expect(await running.ended).toMatchObject({ code: 0 });
});
