// The handler in Express, before and behind its body parsers.
import { createServer } from 'node:http';
import express, { type Express } from 'express';
import { expect, test } from 'vitest';
import { createClient, toNodeListener } from '../../src/http/index.ts';
import { setup } from '../support/unstuck.ts';
import {
  checkRoutes,
  checkStream,
  listening,
  type Mounted,
  PREFIX,
  toMount,
} from './support/mounted.ts';

async function serveExpress(
  build: (app: Express, mounted: Mounted) => void,
): Promise<{ origin: string; mounted: Mounted }> {
  const { unstuck } = await setup();
  const mounted = toMount(unstuck);
  const app = express();
  build(app, mounted);
  return { origin: await listening(createServer(app)), mounted };
}

test('mounted with app.use everything is as at the root, and streams flow', async () => {
  const { origin, mounted } = await serveExpress((app, { handler }) => {
    app.use(PREFIX, toNodeListener(handler));
    app.use(express.json());
  });
  await checkRoutes(origin);
  await checkStream(origin, mounted);
  expect(new Set(mounted.addresses)).toEqual(new Set(['127.0.0.1']));
});

test('behind express.json everything is the same, as long as it reads bodies of that size', async () => {
  const { origin, mounted } = await serveExpress((app, { handler }) => {
    app.use(express.json({ limit: '1mb' }));
    app.use(PREFIX, toNodeListener(handler));
  });
  await checkRoutes(origin);
  await checkStream(origin, mounted);
});

test.each([
  ['express.text', express.text({ type: '*/*' })],
  ['express.raw', express.raw({ type: '*/*' })],
])('behind %s the body is the one that was sent', async (_, parser) => {
  const { origin } = await serveExpress((app, { handler }) => {
    app.use(parser);
    app.use(PREFIX, toNodeListener(handler));
  });
  const client = createClient(`${origin}${PREFIX}`);
  const { id } = await client.enqueueJob({ type: 'mail', input: { text: 'ü' } });
  expect((await client.getJob({ id })).input).toEqual({ text: 'ü' });
});

test('a body that somebody has read and thrown away is told as such, and nothing is stored', async () => {
  const { origin } = await serveExpress((app, { handler }) => {
    app.use((request, _response, next) => void request.resume().on('end', next));
    app.use(PREFIX, toNodeListener(handler));
  });
  const client = createClient(`${origin}${PREFIX}`);
  await expect(client.enqueueJob({ type: 'mail', input: {} })).rejects.toMatchObject({
    code: 'REQUEST_INVALID',
    message: expect.stringContaining('Mount the handler before'),
  });
  expect((await client.listJobs()).data).toEqual([]);
});
