// The handler in Fastify, in a plugin that leaves bodies alone.
import { fastify } from 'fastify';
import { expect, onTestFinished, test } from 'vitest';
import { toNodeListener } from '../../src/http/index.ts';
import { setup } from '../support/unstuck.ts';
import { checkRoutes, checkStream, PREFIX, toMount } from './support/mounted.ts';

test('mounted in Fastify everything is as at the root, streams flow, and other routes keep their parser', async () => {
  const { unstuck } = await setup();
  const mounted = toMount(unstuck);
  const listener = toNodeListener(mounted.handler);
  const app = fastify({ forceCloseConnections: true });
  app.post('/echo', (request) => request.body);
  await app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, _payload, done) => done(null));
    scope.all(`${PREFIX}/*`, (request, reply) => {
      reply.hijack();
      return listener(request.raw, reply.raw);
    });
  });
  const origin = await app.listen({ port: 0, host: '127.0.0.1' });
  onTestFinished(() => app.close());

  await checkRoutes(origin);
  await checkStream(origin, mounted);
  const headers = { 'content-type': 'application/json' };
  const echo = await fetch(`${origin}/echo`, { method: 'POST', headers, body: '{"a":1}' });
  expect(await echo.json()).toEqual({ a: 1 });
});
