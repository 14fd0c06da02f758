// The laws of serving: over a real socket, on this machine only unless a token protects it, and without cutting a request.
import { createConnection } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { serve } from '../../src/http/index.ts';
import { Unstuck } from '../../src/unstuck.ts';
import { freshDatabase } from '../support/database.ts';

async function connected(): Promise<Unstuck> {
  const database = await freshDatabase();
  const unstuck = await Unstuck.connect({ database: database.url, logLevel: 'silent' });
  onTestFinished(async () => {
    await unstuck.close();
    await database.drop();
  });
  return unstuck;
}

test('a job goes in and comes out over a socket', async () => {
  const server = await serve(await connected(), { port: 0 });
  onTestFinished(() => server.close());
  const sent = await fetch(`${server.url}/v1/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ type: 'free', input: { from: 'a socket' } }),
  });
  expect(sent.status).toBe(201);
  const shown = await fetch(new URL(sent.headers.get('location') ?? '', server.url));
  expect(await shown.json()).toMatchObject({ state: 'queued', input: { from: 'a socket' } });
});

test('a web page that was pointed at this machine is refused by its own name', async () => {
  const server = await serve(await connected(), { port: 0 });
  onTestFinished(() => server.close());
  const answer = await speak(server.url, 'GET /v1/jobs/7 HTTP/1.1\r\nHost: evil.example\r\n\r\n');
  expect(answer).toMatch(/^HTTP\/1\.1 403 /);
  expect(answer).toContain('HOST_REFUSED');
});

test.each(['0.0.0.0', '::', 'localhost.evil.example'])(
  'the address %s is not served without a token',
  async (host) => {
    const unstuck = await connected();
    await expect(serve(unstuck, { host, port: 0 })).rejects.toMatchObject({
      code: 'OPTION_INVALID',
      message: expect.stringContaining('UNSTUCK_TOKEN'),
    });
  },
);

test('a token that is too short is refused', async () => {
  const unstuck = await connected();
  await expect(serve(unstuck, { port: 0, token: 'short' })).rejects.toMatchObject({
    code: 'OPTION_INVALID',
    message: expect.stringContaining('option token'),
  });
});

test('closing lets a request end and takes no new ones', async () => {
  const server = await serve(await connected(), { port: 0 });
  const pending = fetch(`${server.url}/readyz`);
  await new Promise((resolve) => setTimeout(resolve, 5));
  const closed = server.close();
  expect([200, 503]).toContain((await pending).status);
  await closed;
  await expect(fetch(`${server.url}/livez`)).rejects.toThrow('fetch failed');
});

/** Sends raw text and resolves with the answer when the server has said enough. */
function speak(url: string, text: string): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = createConnection(Number(port), hostname, () => socket.write(text));
    let answer = '';
    socket.on('data', (chunk) => {
      answer += chunk.toString();
      if (answer.includes('HOST_REFUSED')) socket.destroy();
    });
    socket.once('close', () => resolve(answer));
    socket.once('error', reject);
    socket.setTimeout(10_000, () => socket.destroy());
  });
}
