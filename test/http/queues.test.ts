// The laws of queues, types and pauses over HTTP.
import { expect, test } from 'vitest';
import { toCursor } from '../../src/http/cursor.ts';
import { job, type Setup, setup } from '../support/unstuck.ts';
import { type Ask, asking, everyPage } from './support/asking.ts';

const mail = job('mail', () => 'sent', { queue: 'post' });

async function defined(): Promise<Setup & { readonly ask: Ask }> {
  const all = await setup({ sweep: false });
  await all.unstuck.enqueue(mail, 1);
  return { ...all, ask: asking(all.unstuck) };
}

test('a queue is listed and shown with its counts', async () => {
  const { ask } = await defined();
  const queue = { name: 'post', types: ['mail'], paused: null, queued: 1, running: 0, pending: 0 };
  expect(await ask('GET /v1/queues/post')).toMatchObject({ status: 200, body: queue });
  const { body } = await ask('GET /v1/queues');
  expect(body).toMatchObject({ next_cursor: null });
  expect(body.data).toContainEqual(expect.objectContaining(queue));
  expect(await ask('GET /v1/queues/none')).toMatchObject({
    status: 404,
    body: { code: 'QUEUE_UNKNOWN' },
  });
});

test('queues come page by page, each once', async () => {
  const { ask, unstuck } = await defined();
  for (const queue of ['a', 'b', 'c', 'd'])
    await unstuck.enqueue(
      job(`t${queue}`, () => 1, { queue }),
      1,
    );
  const names = (await everyPage(ask, '/v1/queues', 2)).map(({ name }) => name);
  expect(names.filter((name) => name !== 'default')).toEqual(['a', 'b', 'c', 'd', 'post']);
});

test('a pause keeps who, why and until when, and stops claims until it is resumed', async () => {
  const { ask, unstuck } = await defined();
  const until = '2099-01-01T00:00:00.000Z';
  const paused = { reason: 'night', by: 'http', until };
  expect(await ask('POST /v1/queues/post/pause', { reason: 'night', until })).toMatchObject({
    status: 200,
    body: { paused },
  });
  expect((await ask('GET /v1/pauses')).body.data).toMatchObject([
    { kind: 'queue', name: 'post', ...paused },
  ]);
  const worker = await unstuck.work([mail]);
  await ask('POST /v1/queues/post/resume');
  const { jobs } = await unstuck.list();
  await unstuck.wait(jobs[0]?.id ?? '', { timeout: '20s' });
  await worker.stop();
  expect((await ask('GET /v1/pauses')).body.data).toEqual([]);
});

test('a type is paused and resumed', async () => {
  const { ask } = await defined();
  expect(await ask('POST /v1/types/mail/pause', { reason: 'wrong' })).toMatchObject({
    status: 200,
    body: { reason: 'wrong', by: 'http', until: null },
  });
  expect((await ask('GET /v1/pauses')).body.data).toMatchObject([{ kind: 'type', name: 'mail' }]);
  expect(await ask('POST /v1/types/mail/resume')).toMatchObject({ status: 204, body: {} });
  expect((await ask('GET /v1/pauses')).body.data).toEqual([]);
});

const REFUSED: readonly [string, unknown, number, string][] = [
  ['POST /v1/queues/none/pause', {}, 404, 'QUEUE_UNKNOWN'],
  ['POST /v1/queues/none/resume', undefined, 404, 'QUEUE_UNKNOWN'],
  ['POST /v1/queues/a%00b/resume', undefined, 422, 'REQUEST_INVALID'],
  ['POST /v1/types/none/pause', {}, 422, 'JOB_TYPE_UNKNOWN'],
  ['POST /v1/types/none/resume', undefined, 422, 'JOB_TYPE_UNKNOWN'],
  ['POST /v1/queues/post/pause', { until: '2020-01-01T00:00:00Z' }, 422, 'TIME_INVALID'],
  ['POST /v1/queues/post/pause', { until: '0000-01-01T00:00:00Z' }, 422, 'TIME_INVALID'],
  ['POST /v1/queues/post/pause', { until: 'tomorrow' }, 422, 'REQUEST_INVALID'],
  ['POST /v1/queues/post/pause', { reason: 'a\0b' }, 422, 'REQUEST_INVALID'],
  ['POST /v1/queues/post/pause', { by: 'me' }, 422, 'REQUEST_INVALID'],
  ['GET /v1/queues?limit=0', undefined, 422, 'REQUEST_INVALID'],
  ['GET /v1/queues?cursor=abc', undefined, 422, 'REQUEST_INVALID'],
  [`GET /v1/queues?cursor=${toCursor('\0', 'queues')}`, undefined, 422, 'REQUEST_INVALID'],
];

test('what cannot be is told by its code, and nothing is paused', async () => {
  const { ask, unstuck } = await defined();
  for (const [request, body, status, code] of REFUSED)
    expect(await ask(request, body), `${request} ${JSON.stringify(body)}`).toMatchObject({
      status,
      body: { code },
    });
  expect(await unstuck.queues.pauses()).toEqual([]);
});
