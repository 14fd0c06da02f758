// The laws of ending connections: a goodbye that nobody hears is not waited for.
import pg from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { settlesWithin } from '../../src/std/timer.ts';
import { endClient } from '../../src/storage/end-client.ts';
import { TcpProxy } from '../support/proxy.ts';
import { eventually, job, setup } from '../support/unstuck.ts';

async function proxied(url: string): Promise<TcpProxy> {
  const proxy = await TcpProxy.start(url);
  onTestFinished(() => proxy.close());
  return proxy;
}

test('a client whose connection is half-open ends within seconds, and its socket is gone', async () => {
  const { url } = await setup();
  const proxy = await proxied(url);
  const client = new pg.Client({ connectionString: proxy.url });
  client.on('error', () => undefined);
  await client.connect();
  proxy.blackHole();
  const closed = new Promise<void>((resolve) => client.once('end', resolve));
  expect(await settlesWithin(endClient(client), 5_000)).toBe(true);
  await closed;
});

test('a client that was never connected, or has ended already, ends at once', async () => {
  const { database } = await setup();
  const never = database().newClient('test', { queryMs: 1_000 });
  await endClient(never);
  const twice = database().newClient('test', { queryMs: 1_000 });
  await twice.connect();
  await endClient(twice);
  await endClient(twice);
});

test('C8: an installation whose connections are all half-open closes', async () => {
  const { url, connect, query } = await setup();
  const proxy = await proxied(url);
  const unstuck = await connect({ database: proxy.url });
  await unstuck.work([job('mail', () => 'done')]);
  await eventually(
    async () =>
      (
        await query(
          `select from pg_stat_activity where application_name = 'unstuck listener' and datname = current_database() and state = 'idle' and query ~ 'pg_notify'`,
        )
      ).length > 0,
    'the listener has been pinged',
  );
  proxy.blackHole();
  // Each step is bounded by itself: together they take 21 s, and more beside other tests.
  expect(await settlesWithin(unstuck.close(), 45_000)).toBe(true);
}, 90_000);
