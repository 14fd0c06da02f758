// The laws of closing: nothing that is being stopped keeps the workers of a process from being stopped.
import { expect, test } from 'vitest';
import { defineBridge } from '../../src/domain/define-bridge.ts';
import { tcpServer } from '../std/support/servers.ts';
import { job, setup } from '../support/unstuck.ts';

test('a connection that is being closed takes no job more, however long a Redis does not answer', async () => {
  const { port } = await tcpServer(() => undefined);
  const all = await setup();
  const other = await all.connect();
  const started: unknown[] = [];
  const type = job('t', () => void started.push(1));
  await other.work([type]);
  await other.redis.start(
    defineBridge({ name: 'orders', redis: `redis://127.0.0.1:${port}`, list: 'orders', job: type }),
  );
  const closing = other.close();
  const { id } = await all.unstuck.enqueue(type, 1);
  await closing;
  expect(started).toEqual([]);
  expect(await all.unstuck.get(id)).toMatchObject({ state: 'queued', attempt: 0 });
});
