// The laws of the commands about tokens: the secret alone on standard output, once, and exit codes that say how they ended.
import { userInfo } from 'node:os';
import { expect, test } from 'vitest';
import { createHandler } from '../../src/http/index.ts';
import { setup } from '../support/unstuck.ts';
import { type Ended, run } from './support/command.ts';

const TIMEOUT = 180_000;

test('create prints a token that works, list never shows it, revoke ends it', {
  timeout: TIMEOUT,
}, async () => {
  const { url, unstuck } = await setup();
  const command = (...args: string[]): Promise<Ended> =>
    run(['token', ...args], { env: { UNSTUCK_DATABASE_URL: url } });

  const made = await command(
    'create',
    '--name',
    'ci',
    '--scope',
    'enqueue',
    '--scope',
    'read',
    '--expires',
    '90d',
  );
  expect(made).toMatchObject({ code: 0, stdout: expect.stringMatching(/^unstuck_\w+_\w+_\w+\n$/) });
  expect(made.stderr).toMatch(/^Token \w+ \(ci\): enqueue, read, until 20/);
  const token = made.stdout.trim();
  const id = token.split('_')[1] as string;
  expect(made.stderr).not.toContain(token.slice(20));
  const asks = async (): Promise<number> => {
    const headers = { authorization: `Bearer ${token}` };
    return (await createHandler(unstuck)(new Request('http://x/v1/me', { headers }))).status;
  };
  expect(await asks()).toBe(200);

  const second = await command('create', '--name', 'ops', '--scope', 'admin', '-o', 'json');
  expect(JSON.parse(second.stdout)).toMatchObject({ token: expect.any(String), expires_at: null });
  const listed = await command('list');
  expect(listed.stdout.split('\n').map((line) => line.split('\t').slice(1, 4))).toEqual([
    ['ops', 'admin', 'valid'],
    ['ci', 'enqueue,read', 'valid'],
    [],
  ]);
  expect(listed.stdout).not.toContain(token.slice(20, 40));

  expect(await command('revoke', id, '--reason', 'left')).toMatchObject({
    code: 0,
    stdout: `${id}\trevoked\n`,
  });
  expect(await asks()).toBe(401);
  expect((await unstuck.tokens.list()).tokens[1]).toMatchObject({
    revokedBy: `cli:${userInfo().username}`,
    revokeReason: 'left',
  });
  expect(await command('revoke', 'nobody')).toMatchObject({
    code: 3,
    stderr: expect.stringContaining('TOKEN_NOT_FOUND'),
  });
});

test('a token without a name, with an unknown scope or a wrong end is not made', {
  timeout: TIMEOUT,
}, async () => {
  const { url, unstuck } = await setup();
  const command = (...args: string[]): Promise<Ended> =>
    run(['token', 'create', ...args], { env: { UNSTUCK_DATABASE_URL: url } });
  for (const args of [
    ['--scope', 'read'],
    ['--name', 'a'],
    ['--name', 'a', '--scope', 'root'],
    ['--name', 'a', '--scope', 'read', '--expires', '1s'],
  ])
    expect(await command(...args)).toMatchObject({ code: 2, stdout: '' });
  expect((await unstuck.tokens.list()).tokens).toEqual([]);
});
