// The laws of the client when connections are lost and servers are busy: what is sent again, how often, and what never is.
import { expect, test } from 'vitest';
import { TABLE } from '../../../src/http/client/generated/table.ts';
import { createClient, createHandler } from '../../../src/http/index.ts';
import { setup } from '../../support/unstuck.ts';
import { scriptedServer } from '../support/scripted-server.ts';

const BUSY = {
  status: 503,
  headers: { 'retry-after': '0' },
  json: { code: 'DATABASE_UNREACHABLE', detail: 'Expected a database, got none.', hint: 'Wait.' },
};
const PAGE = { json: { data: [], next_cursor: null } };

test('a read is sent again when its connection is lost, and answers as if nothing had been', async () => {
  const { url, asked } = await scriptedServer('lost', 'lost', PAGE);
  expect(await createClient(url).listJobs()).toEqual(PAGE.json);
  expect(asked).toHaveLength(3);
});

test('a busy server is asked again when it says so, four times in all, and then its own error is told', async () => {
  const { url, asked } = await scriptedServer(BUSY);
  await expect(createClient(url).listJobs()).rejects.toMatchObject({
    code: 'DATABASE_UNREACHABLE',
    status: 503,
  });
  expect(asked).toHaveLength(4);
});

test('a change without a key is sent once, whatever happens to it', async () => {
  expect(TABLE.cancelJob.keyed).toBeUndefined();
  for (const [answer, code] of [
    ['lost', 'SERVER_UNREACHABLE'],
    [BUSY, 'DATABASE_UNREACHABLE'],
  ] as const) {
    const { url, asked } = await scriptedServer(answer, {});
    await expect(createClient(url).cancelJob({ id: 'a' })).rejects.toMatchObject({ code });
    expect(asked).toHaveLength(1);
  }
});

test('a redirect is not followed: the token goes nowhere else', async () => {
  const other = await scriptedServer(PAGE);
  const { url } = await scriptedServer({ status: 302, headers: { location: other.url } });
  await expect(createClient(url, 'secret').listJobs()).rejects.toMatchObject({
    code: 'SERVER_UNREACHABLE',
  });
  expect(other.asked).toEqual([]);
});

test('a server that does not answer in time is SERVER_UNREACHABLE', async () => {
  const { url } = await scriptedServer('silent');
  await expect(createClient(url).cancelJob({ id: 'a' }, { timeoutMs: 20 })).rejects.toMatchObject({
    code: 'SERVER_UNREACHABLE',
    message: expect.stringContaining('no answer within 20 ms'),
  });
});

test('a call that its caller ends rejects with the reason of the caller, between two tries too', async () => {
  const stop = new AbortController();
  const reason = new Error('enough');
  const { url, asked } = await scriptedServer({ ...BUSY, headers: { 'retry-after': '10' } });
  const call = createClient(url).listJobs({}, { signal: stop.signal });
  await expect.poll(() => asked.length).toBe(1);
  stop.abort(reason);
  await expect(call).rejects.toBe(reason);
  expect(asked).toHaveLength(1);
});

test('an enqueue carries one key through all its tries, and another enqueue another', async () => {
  const { url, asked } = await scriptedServer('lost', BUSY, { json: { id: 'a' } });
  const client = createClient(url);
  await client.enqueueJob({ type: 'mail', input: 1 });
  await client.enqueueJob({ type: 'mail', input: 1 });
  await client.enqueueJob({ type: 'mail', input: 1 }, { idempotencyKey: 'mine' });
  const keys = asked.map(({ headers }) => headers['idempotency-key']);
  expect(keys[0]).toMatch(/^[0-9a-f]{32}$/);
  expect(keys).toEqual([
    keys[0],
    keys[0],
    keys[0],
    expect.not.stringContaining(String(keys[0])),
    'mine',
  ]);
});

test('an enqueue whose answer is lost is sent again, and stored once', async () => {
  const { unstuck } = await setup();
  const handler = createHandler(unstuck, { open: true });
  let lost = 0;
  const client = createClient('http://inside', undefined, {
    fetch: async (url, init) => {
      const answer = await handler(new Request(url, init));
      if (init.method === 'POST' && lost++ < 2) throw new TypeError('fetch failed');
      return answer;
    },
  });
  const { id, created } = await client.enqueueJob({ type: 'mail', input: 1 });
  expect({ created, lost }).toEqual({ created: true, lost: 3 });
  expect((await client.listJobs()).data.map((job) => job.id)).toEqual([id]);
});
