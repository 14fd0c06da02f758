// The handler in a plain server of node:http, below a path of its own.
import { createServer } from 'node:http';
import { expect, test } from 'vitest';
import { toNodeListener } from '../../src/http/index.ts';
import { setup } from '../support/unstuck.ts';
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
