// The handler in a plain server of node:http, below a path of its own.
import { createServer } from 'node:http';
import { createConnection } from 'node:net';
import { expect, test } from 'vitest';
import { createHandler, type Peer, toNodeListener } from '../../src/http/index.ts';
import { eventually, setup } from '../support/unstuck.ts';
import { checkRoutes, checkStream, listening, PREFIX, toMount } from './support/mounted.ts';

test('mounted in node:http everything is as at the root, and streams flow', async () => {
  const { unstuck } = await setup();
  const mounted = toMount(unstuck);
  const listener = toNodeListener(mounted.handler);
  const server = createServer((request, response) => {
    if (request.url?.startsWith(`${PREFIX}/`)) return void listener(request, response);
    response.writeHead(404).end('not here');
  });
  const origin = await listening(server);
  await checkRoutes(origin);
  await checkStream(origin, mounted);
  expect(new Set(mounted.addresses)).toEqual(new Set(['127.0.0.1']));
});

test('a client that resets its connection before it is heard is not taken for this machine', async () => {
  const { unstuck } = await setup();
  const handler = createHandler(unstuck);
  const heard: [Peer | undefined, number][] = [];
  const listener = toNodeListener(async (request, peer) => {
    const answer = await handler(request, peer);
    heard.push([peer, answer.status]);
    return answer;
  });
  const { hostname, port } = new URL(
    await listening(createServer((request, response) => void listener(request, response))),
  );
  // The system keeps what was sent, but after the reset it does not say any more who sent it.
  const client = createConnection({ port: Number(port), host: hostname }, () =>
    client.write(
      'PUT /v1/pools/mine HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 14\r\n\r\n{"capacity":1}',
      () => client.resetAndDestroy(),
    ),
  );
  await eventually(() => heard.length === 1, 'an answer');
  expect(heard).toEqual([[{ address: 'unknown' }, 403]]);
  expect(await unstuck.pools.list()).toEqual([]);
});
