// The laws of the commands about alerts: the same on the database and over HTTP, and exit codes that say whether anything fires.
import { userInfo } from 'node:os';
import { expect, test } from 'vitest';
import { serve } from '../../src/http/index.ts';
import { receiver } from '../engine/senders/receiver.ts';
import { rounds } from '../features/support/alerts.ts';
import { type Setup, setup } from '../support/unstuck.ts';
import definition from './support/alerts.ts';
import { type Ended, run, start } from './support/command.ts';

const TIMEOUT = 180_000;
const MODULE = 'test/cli/support/alerts.ts';

async function firing(all: Setup): Promise<string> {
  const { at, finding } = rounds(all);
  await finding('mail');
  await at('0s');
  const [alert] = await all.unstuck.alerts.list();
  return alert?.id as string;
}

test.each(['database', 'server'])(
  'list, show, ack, silence and unsilence by the %s',
  { timeout: TIMEOUT },
  async (way) => {
    const all = await setup({ sweep: false });
    const server = await serve(all.unstuck, { port: 0, token: 'root-token-of-the-tests' });
    const env: Record<string, string> =
      way === 'database'
        ? { UNSTUCK_DATABASE_URL: all.url }
        : { UNSTUCK_URL: server.url, UNSTUCK_TOKEN: 'root-token-of-the-tests' };
    const command = (...args: string[]): Promise<Ended> => run(['alert', ...args], { env });
    try {
      expect(await command('list')).toMatchObject({ code: 0, stdout: '' });
      const id = await firing(all);
      const listed = await command('list');
      expect(listed.code).toBe(8);
      expect(listed.stdout.split('\t').slice(0, 5)).toEqual([
        id,
        'firing',
        'warning',
        'findings',
        'queued: mail',
      ]);
      expect((await command('ack', id, '--reason', 'on it')).stdout).toMatch(
        /^acknowledged\t.* by .* on it$/m,
      );
      expect((await command('silence', id, '--for', '2h')).stdout).toMatch(/^silent until\t20/m);
      const shown = await command('unsilence', id, '-o', 'json');
      expect(JSON.parse(shown.stdout)).toMatchObject({ id, silenced: null, state: 'firing' });
      expect((await command('show', id)).stdout).toMatch(/^told\tops: firing 20/m);
      expect(await command('show', 'none')).toMatchObject({ code: 3 });
      expect((await all.unstuck.alerts.get(id))?.acknowledged?.by).toBe(
        way === 'database' ? `cli:${userInfo().username}` : 'root',
      );
    } finally {
      await server.close();
    }
  },
);

test('rules, channels and test of a module need no server, and show no secret', {
  timeout: TIMEOUT,
}, async () => {
  const ops = await receiver();
  const env = { SLACK_URL: `${ops.url}/hush` };
  const command = (...args: string[]): Promise<Ended> => run(['alert', ...args], { env });
  expect(await command('rules', MODULE)).toMatchObject({
    code: 0,
    stdout:
      'findings\tfindings\twarning\t0ms\t5m\t1h\tall\t\noldest\toldest\twarning\t0ms\t5m\t1h\tall\tover=15m\n',
  });
  expect(definition.rules.map(({ name }) => name)).toEqual(['findings', 'oldest']);
  expect(await command('channels', MODULE)).toMatchObject({
    stdout: `ops\tslack\t${new URL(ops.url).host}\tinfo\tall\t-\n`,
  });
  expect(await command('test', 'ops', MODULE)).toMatchObject({
    code: 0,
    stdout: 'ops\taccepted\n',
  });
  ops.answer({ status: 404, body: 'no_service' });
  expect(await command('test', 'ops', MODULE)).toMatchObject({
    code: 1,
    stderr: 'ops: RECEIVER_REFUSED: Slack answered 404: no_service\n',
  });
  expect(await command('test', 'nobody', MODULE)).toMatchObject({ code: 3 });
  expect(await command('rules', 'test/cli/support/jobs.ts')).toMatchObject({
    code: 5,
    stderr: expect.stringContaining('ALERTS_NOT_STARTED'),
  });
});

test('unstuck serve with a module of alerts looks, and tells', { timeout: TIMEOUT }, async () => {
  const all = await setup({ sweep: false });
  const ops = await receiver();
  await rounds(all).finding('mail');
  const env = { UNSTUCK_DATABASE_URL: all.url, SLACK_URL: ops.url, UNSTUCK_PORT: '0' };
  const serving = start(['serve', MODULE, '--no-supervise', '--log-level', 'info'], { env });
  await serving.says(/event=alert_fired .*rule=findings/);
  await serving.says(/event=delivered .*channel=ops/);
  expect(ops.received).toHaveLength(1);
});
