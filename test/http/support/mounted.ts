// What holds of a handler wherever it is mounted: the same requests are sent to every kind of server, over real sockets.
import type { AddressInfo, Server } from 'node:net';
import { expect, onTestFinished } from 'vitest';
import { createClient, createHandler, type Handler } from '../../../src/http/index.ts';
import type { Unstuck } from '../../../src/unstuck.ts';

/** Where the handler is mounted in all tests. */
export const PREFIX = '/admin/queue';

/** A handler with a stream of its own beside the routes, which a test moves on. */
export interface Mounted {
  readonly handler: Handler;
  /** Sends the next event of the open stream. */
  readonly next: (text: string) => void;
  /** Resolves when the client of the open stream has gone away. */
  readonly left: Promise<void>;
  /** The addresses that the server has told of its clients. */
  readonly addresses: readonly (string | undefined)[];
}

/** Makes the handler that is mounted. */
export function toMount(unstuck: Unstuck): Mounted {
  const routes = createHandler(unstuck, { prefix: PREFIX });
  let leave = (): void => undefined;
  const left = new Promise<void>((resolve) => void (leave = resolve));
  const addresses: (string | undefined)[] = [];
  let stream: ReadableStreamDefaultController<Uint8Array>;
  const encoder = new TextEncoder();
  const handler: Handler = async (request, peer) => {
    addresses.push(peer?.address);
    if (!request.url.endsWith('/test-stream')) return routes(request, peer);
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => void (stream = controller),
      cancel: () => leave(),
    });
    return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
  };
  const next = (text: string): void => stream.enqueue(encoder.encode(text));
  return { handler, next, left, addresses };
}

/** Listens on a free port; closed after the test. */
export async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    (server as Server & { closeAllConnections?: () => void }).closeAllConnections?.();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Jobs, probes, errors and large bodies are the same as at the root. */
export async function checkRoutes(origin: string): Promise<void> {
  const client = createClient(`${origin}${PREFIX}`);
  expect(await (await fetch(`${origin}${PREFIX}/livez`)).text()).toBe('ok\n');

  const input = { text: 'ü'.repeat(150_000), big: '9007199254740993', list: [1, 2.5, null] };
  const { id } = await client.enqueueJob({ type: 'mail', input });
  expect((await client.getJob({ id })).input).toEqual(input);
  expect((await client.listJobs({ state: ['queued', 'failed'], limit: 10 })).data).toHaveLength(1);
  expect(await client.cancelJob({ id, reason: 'ä' })).toMatchObject({ reason: 'ä' });

  const unsafe = await post(`${origin}${PREFIX}/v1/jobs`, '{"type":"a","input":9007199254740993}');
  expect(unsafe).toMatchObject({ status: 422, code: 'INPUT_UNSTORABLE' });
  const broken = await post(`${origin}${PREFIX}/v1/jobs`, '{"type":');
  expect(broken.status).toBeGreaterThanOrEqual(400);
  await expect(client.getJob({ id: 'none' })).rejects.toMatchObject({ code: 'JOB_ID_INVALID' });
  const nowhere = await fetch(`${origin}${PREFIX}/v1/nowhere?a=1`);
  expect([nowhere.status, await nowhere.json()]).toMatchObject([404, { code: 'ROUTE_NOT_FOUND' }]);
  expect((await fetch(`${origin}/v1/jobs`)).status).toBe(404);
}

/** Each event arrives when it is sent, and a client that goes away ends the stream of the handler. */
export async function checkStream(origin: string, { next, left }: Mounted): Promise<void> {
  const leave = new AbortController();
  const answer = await fetch(`${origin}${PREFIX}/test-stream`, { signal: leave.signal });
  const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
  for (const text of ['data: 1\n\n', 'data: 2\n\n']) {
    next(text);
    expect(new TextDecoder().decode((await reader.read()).value)).toBe(text);
  }
  leave.abort();
  await left;
}

async function post(url: string, body: string): Promise<{ status: number; code: unknown }> {
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(url, { method: 'POST', headers, body });
  const text = await answer.text();
  const json = answer.headers.get('content-type')?.includes('json') === true;
  return {
    status: answer.status,
    code: json ? (JSON.parse(text) as { code: unknown }).code : text,
  };
}
