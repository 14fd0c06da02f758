// The laws of time: a client that drips bytes is cut, a body that never ends and an answer that never comes are told, others go on meanwhile.
import { createConnection, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { createHandler, serve } from '../../../src/http/index.ts';
import { apiViewOf, type Unstuck } from '../../../src/unstuck.ts';
import { gate, setup } from '../../support/unstuck.ts';

const HEAD = 'POST /v1/jobs HTTP/1.1\r\nhost: localhost\r\n';
const JSON_HEAD = `${HEAD}content-type: application/json\r\n`;

test.each<[string, string, string]>([
  ['the headers', HEAD, 'x-a: b\r\n'],
  ['one header', `${HEAD}x-a: `, 'b'],
  ['a body of a length', `${JSON_HEAD}content-length: 1000\r\n\r\n`, ' '],
  ['a body in chunks', `${JSON_HEAD}transfer-encoding: chunked\r\n\r\n`, '1\r\n \r\n'],
])('a client that drips %s is cut, and others are served meanwhile', async (_what, head, drop) => {
  const { unstuck } = await setup();
  const url = await served(unstuck);
  const slow = drip(url, head, drop);
  expect((await fetch(`${url}/v1/jobs`)).status).toBe(200);
  expect(await slow).toMatch(/^HTTP\/1\.1 408 /);
  expect((await fetch(`${url}/v1/jobs`)).status).toBe(200);
  expect((await unstuck.list()).jobs).toEqual([]);
});

test('headers of more than 16 KiB are refused', async () => {
  const { unstuck } = await setup();
  const answer = await drip(await served(unstuck), `${HEAD}x-a: ${'x'.repeat(20_000)}\r\n\r\n`, '');
  expect(answer).toMatch(/^HTTP\/1\.1 431 /);
});

test('a body that never ends is told in a server of somebody else, too', async () => {
  const { unstuck } = await setup();
  const handle = createHandler(unstuck, { requestTimeout: '100ms' });
  const body = new ReadableStream<Uint8Array>({ pull: () => new Promise(() => undefined) });
  const init: RequestInit = {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
    duplex: 'half',
  };
  const answer = await handle(new Request('http://localhost/v1/jobs', init));
  expect(answer.status).toBe(408);
  expect(await answer.json()).toMatchObject({ code: 'REQUEST_TIMEOUT' });
  expect(answer.headers.get('connection')).toBe('close');
});

test('an answer that never comes is told as QUERY_TIMEOUT', async () => {
  const { unstuck } = await setup();
  const hanging = gate();
  apiViewOf(unstuck).list = async () => {
    await hanging.promise;
    return { jobs: [], next: null };
  };
  const handle = createHandler(unstuck, { requestTimeout: '100ms' });
  const answer = await handle(new Request('http://localhost/v1/jobs'));
  expect(answer.status).toBe(503);
  expect(await answer.json()).toMatchObject({ code: 'QUERY_TIMEOUT' });
  hanging.open();
});

async function served(unstuck: Unstuck): Promise<string> {
  const server = await serve(unstuck, { port: 0, headerTimeout: '1s', requestTimeout: '2s' });
  onTestFinished(() => server.close());
  return server.url;
}

/** Sends a beginning, then a drop again and again; resolves with what came back when the server has cut the connection. */
function drip(url: string, head: string, drop: string): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    let dripping: NodeJS.Timeout | undefined;
    const socket: Socket = createConnection(Number(port), hostname, () => {
      socket.write(head);
      dripping = setInterval(() => drop !== '' && socket.writable && socket.write(drop), 20);
    });
    let answer = '';
    socket.on('data', (chunk) => (answer += chunk.toString()));
    socket.on('error', () => undefined);
    socket.once('close', () => {
      clearInterval(dripping);
      resolve(answer);
    });
  });
}
