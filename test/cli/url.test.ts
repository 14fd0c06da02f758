// The command with --url: how it finds the server and its token, what it refuses, and how it ends.
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { type HttpServer, serve } from '../../src/http/index.ts';
import { Unstuck } from '../../src/unstuck.ts';
import { freshDatabase } from '../support/database.ts';
import { type Ended, run } from './support/command.ts';

vi.setConfig({ testTimeout: 180_000 });

const TOKEN = 'a-token-of-sixteen-and-more';

let unstuck: Unstuck;
let server: HttpServer;

beforeEach(async () => {
  const database = await freshDatabase();
  unstuck = await Unstuck.connect({ database: database.url, logLevel: 'silent' });
  server = await serve(unstuck, { port: 0, token: TOKEN });
  return async () => {
    await server.close();
    await unstuck.close();
    await database.drop();
  };
});

function command(args: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
  return run(args, { env });
}

test('a job is stored, shown and cancelled through a server, with the token from the environment or a file', async () => {
  const stored = await command(
    ['--url', server.url, 'enqueue', 'mail', '{"toAnn":1}', '-o', 'json'],
    {
      UNSTUCK_TOKEN: TOKEN,
      UNSTUCK_DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none',
    },
  );
  expect(stored).toMatchObject({ code: 0, stderr: '' });
  const { id } = JSON.parse(stored.stdout) as { id: string };
  expect((await unstuck.get(id))?.input).toEqual({ toAnn: 1 });

  const file = join(tmpdir(), `unstuck-token-${id}`);
  await writeFile(file, `${TOKEN}\n`, { mode: 0o600 });
  onTestFinished(() => rm(file));
  const cancelled = await command(['job', 'cancel', id, '--reason', 'no', '--token-file', file], {
    UNSTUCK_URL: server.url,
  });
  expect(cancelled).toMatchObject({ code: 0, stdout: `${id}\tcancelled\n` });
  expect((await unstuck.history(id)).at(-1)).toMatchObject({ by: 'root', reason: 'no' });
});

test('what to do next is said for the same server', async () => {
  const args = ['--url', server.url, 'enqueue', 'mail', '--wait', '--timeout', '1s'];
  const { code, stderr } = await command(args, { UNSTUCK_TOKEN: TOKEN });
  expect(code).toBe(8);
  expect(stderr).toMatch(new RegExp(`job show [-0-9a-f]{36} --url ${server.url}\n`));
});

test('exit codes: 3 for what is not there, 4 without a good token, 5 for the wrong state, 6 when no server answers; no token is told', async () => {
  const { id } = await unstuck.enqueue('mail', {});
  await unstuck.cancel(id);
  const env = { UNSTUCK_URL: server.url, UNSTUCK_TOKEN: TOKEN };
  const ended = await Promise.all([
    command(['job', 'show', '01a20077-9475-7261-9e06-aa4ced104c00'], env),
    command(['status'], { ...env, UNSTUCK_TOKEN: `${TOKEN}-wrong` }),
    command(['job', 'cancel', id], env),
    command(['status', '--debug'], { ...env, UNSTUCK_URL: 'http://127.0.0.1:1' }),
    command(['status', '--debug'], { ...env, UNSTUCK_TOKEN: `${TOKEN} ä` }),
  ]);
  expect(ended.map(({ code }) => code)).toEqual([3, 4, 5, 6, 2]);
  for (const { stdout, stderr } of ended) {
    expect(stdout).toBe('');
    expect(stderr).toMatch(
      /^unstuck: .+\n(?: {2}cause {2}.+\n)? {2}do {5}.+\n {2}code {3}[A-Z_]+\n/,
    );
    expect(stderr).not.toContain(TOKEN);
  }
});

test.each([
  [['--url', 'http://127.0.0.1:1', '--database', 'postgres://a@b/c', 'status'], {}],
  [['--schema', 'other', 'status'], { UNSTUCK_URL: 'http://127.0.0.1:1' }],
  [['--url', 'ftp://a', 'status'], {}],
  [['--url', 'http://127.0.0.1:1', '--token-file', '/does/not/exist', 'status'], {}],
  [['--url', 'http://127.0.0.1:1', 'migrate', '--print'], {}],
  [['--url', 'http://127.0.0.1:1', 'work', 'test/cli/support/jobs.ts'], {}],
  [['--url', 'http://127.0.0.1:1', 'start'], {}],
])('%j with %j ends with 2: a server and a database are not mixed', async (args, env) => {
  const ended = await command(args, env);
  expect(ended).toMatchObject({ code: 2, stdout: '' });
  expect(ended.stderr).toContain('OPTION_INVALID');
});

test('a database that is named is stronger than the server of the environment', async () => {
  const ended = await command(['--database', 'postgres://nobody@127.0.0.1:1/none', 'status'], {
    UNSTUCK_URL: server.url,
    UNSTUCK_TOKEN: TOKEN,
  });
  expect(ended).toMatchObject({ code: 6, stderr: expect.stringContaining('DATABASE_UNREACHABLE') });
});
