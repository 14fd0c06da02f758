// Traces over HTTP: a request continues the trace of its sender, and so does the job that it enqueues.
import { SpanKind } from '@opentelemetry/api';
import { expect, test } from 'vitest';
import { createHandler } from '../../src/http/index.ts';
import { Remote } from '../support/remote.ts';
import { idOf, traceparent, tracing } from '../support/tracing.ts';
import { setup } from '../support/unstuck.ts';

const SENDER = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

function enqueueRequest(headers: Record<string, string>): Request {
  return new Request('http://localhost/v1/jobs', {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ type: 'plain', input: {} }),
  });
}

test('a request with a traceparent has a server span in that trace, the enqueue is its child, and the job tells it', async () => {
  const { unstuck } = await setup();
  const { ended } = tracing();
  const handle = createHandler(unstuck, { open: true });
  const answer = await handle(enqueueRequest({ traceparent: SENDER, tracestate: 'vendor=1' }));
  const [served] = await ended('POST /v1/jobs');
  const [sent] = await ended('send plain');
  expect(served?.kind).toBe(SpanKind.SERVER);
  expect(served?.parentSpanContext).toMatchObject({ spanId: 'b7ad6b7169203331', isRemote: true });
  expect(served?.attributes).toEqual({
    'http.request.method': 'POST',
    'http.route': '/v1/jobs',
    'http.response.status_code': 201,
    'url.path': '/v1/jobs',
    'url.scheme': 'http',
  });
  expect(sent?.parentSpanContext?.spanId).toBe(idOf(served));
  expect(sent?.spanContext().traceState?.get('vendor')).toBe('1');
  expect(sent && (await answer.json())).toMatchObject({
    traceparent: sent && traceparent(sent.spanContext()),
  });
});

test.each(['garbage', '00-0-0-00', `${SENDER}-more`, ''])(
  'a request with the traceparent %j begins a trace and is answered like any other',
  async (given) => {
    const { unstuck } = await setup();
    const { ended } = tracing();
    const handle = createHandler(unstuck, { open: true });
    expect((await handle(enqueueRequest({ traceparent: given }))).status).toBe(201);
    const [served] = await ended('POST /v1/jobs');
    expect(served?.parentSpanContext).toBeUndefined();
  },
);

test('a server that has a span for the request gets no second one, and probes get none', async () => {
  const { unstuck } = await setup();
  const { spans, under, ended } = tracing();
  const handle = createHandler(unstuck, { open: true });
  await under('own server', () => handle(enqueueRequest({})));
  await handle(new Request('http://localhost/livez'));
  const [sent] = await ended('send plain');
  const [own] = await ended('own server');
  expect(sent?.parentSpanContext?.spanId).toBe(idOf(own));
  expect(spans().map(({ name }) => name)).toEqual(['send plain', 'own server']);
});

test('what the client did wrong is no error of the span', async () => {
  const { unstuck } = await setup();
  const { ended } = tracing();
  const handle = createHandler(unstuck, { open: true });
  await handle(new Request('http://localhost/v1/jobs/none'));
  const [served] = await ended('GET /v1/jobs/{id}');
  expect(served?.attributes['http.response.status_code']).toBe(422);
  expect(served?.status.code).toBe(0);
});

test('without OpenTelemetry the traceparent of a request is not stored', async () => {
  const { unstuck } = await setup();
  const handle = createHandler(unstuck, { open: true });
  const answer = await handle(enqueueRequest({ traceparent: SENDER }));
  expect(await answer.json()).toMatchObject({ traceparent: null });
});

test('a worker in another language is told where its job was enqueued, in every attempt and without an SDK here too', async () => {
  const { unstuck, query } = await setup();
  await query(`select unstuck.enqueue('plain', '1', traceparent => $1)`, [SENDER]);
  const worker = new Remote(unstuck);
  const first = await worker.take('plain');
  expect(first).toMatchObject({ token: '1', traceparent: SENDER });
  await worker.say('release', first);
  expect(await worker.take('plain')).toMatchObject({ token: '2', traceparent: SENDER });
  // A hand may have written anything.
  await unstuck.enqueue('other', 1);
  await query(`update unstuck.jobs set trace = '{"traceparent": "none"}' where type = 'other'`);
  expect(await worker.take('other')).toMatchObject({ traceparent: null });
});

test('a token in a path is not told to the collector of traces', async () => {
  const { unstuck } = await setup();
  const { ended } = tracing();
  const { token } = await unstuck.tokens.create({ name: 'a', scopes: ['read'] });
  const handle = createHandler(unstuck, { open: true });
  await handle(new Request(`http://localhost/v1/tokens/${token}`, { method: 'DELETE' }));
  const [served] = await ended('DELETE /v1/tokens/{id}');
  expect(served?.attributes['url.path']).toBe('/v1/tokens/unstuck_…');
});
