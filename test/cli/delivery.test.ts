// The laws of `unstuck delivery`, straight and over HTTP: whom a job tells is named by the enqueue, shown, listed, and sent again.
import { expect, test, vi } from 'vitest';
import { createHandler, toNodeListener } from '../../src/http/index.ts';
import { httpServer } from '../std/support/servers.ts';
import { setup } from '../support/unstuck.ts';
import { run } from './support/command.ts';

vi.setConfig({ testTimeout: 180_000 });

test('enqueue names whom to tell; job show, list, show and retry tell how it stands, on the database and with --url', async () => {
  const { url, unstuck, query } = await setup({ sweep: false });
  const listener = toNodeListener(createHandler(unstuck, { open: true }));
  const server = await httpServer((request, response) => void listener(request, response));
  const remote = ['--url', `http://127.0.0.1:${server.port}`];
  const env = { UNSTUCK_DATABASE_URL: url };
  const command = async (...args: string[]): Promise<string> => {
    const ended = await run(args, { env });
    expect(ended, ended.stderr).toMatchObject({ code: 0 });
    return ended.stdout;
  };
  const json = async (...args: string[]): Promise<Record<string, unknown>> =>
    JSON.parse(await command(...args, '-o', 'json')) as Record<string, unknown>;
  const hook = 'https://receiver.invalid/x?token=hidden';
  const told = ['--notify-webhook', hook, '--notify-email', 'ada@example.com'];
  const { id } = await json('enqueue', 'mail', ...told);
  expect(await command('job', 'show', String(id))).toContain(
    'notify\twebhook https://receiver.invalid/x?…: waiting',
  );
  await command('job', 'cancel', String(id), ...remote);
  const { deliveries } = await json('delivery', 'list', '--job', String(id));
  expect(deliveries).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ channel: 'webhook', state: 'pending' }),
      expect.objectContaining({ channel: 'email', address: 'ada@example.com' }),
    ]),
  );
  expect(await json('delivery', 'list', '--job', String(id), ...remote)).toMatchObject({
    deliveries,
  });
  const [{ id: delivery }] = deliveries as [{ id: string }];
  await query(
    `update unstuck.deliveries set state = 'failed', failed_at = now(), next_at = null, last_error = '{"code": "RECEIVER_GONE", "message": "no"}'`,
  );
  expect(await command('delivery', 'list', '--state', 'failed')).toContain('RECEIVER_GONE');
  const shown = await command('delivery', 'show', delivery, ...remote);
  expect(shown).toContain('error\tRECEIVER_GONE: no');
  expect(await command('delivery', 'show', delivery)).toBe(shown);
  const again = await json('delivery', 'retry', delivery, '--reason', 'again', ...remote);
  expect(again).toMatchObject({ id: delivery, state: 'pending' });
  const conflict = await run(['delivery', 'retry', delivery], { env });
  expect(conflict).toMatchObject({ code: 5 });
  const missing = await run(['delivery', 'show', 'nothing', ...remote], { env });
  expect(missing).toMatchObject({ code: 3 });
  expect(JSON.stringify([shown, again, deliveries])).not.toContain('hidden');
});
