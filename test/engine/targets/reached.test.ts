// What a target is reached through: TLS that is checked, addresses that may be called, and the trace of the attempt that goes along.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { defineJob } from '../../../src/domain/define-job.ts';
import type { TargetOptions } from '../../../src/domain/define-target.ts';
import { CERTIFICATE, secureServer } from '../../std/support/servers.ts';
import { traceparent, tracing } from '../../support/tracing.ts';
import { anything, type Setup, setup } from '../../support/unstuck.ts';
import {
  allOutcomes,
  begin,
  completes,
  HERE,
  parked,
  remoteWorker,
  type Sent,
  standing,
  targetAt,
} from './support/remote-worker.ts';

test('the remote worker gets the traceparent of the attempt, and of each attempt its own', async () => {
  const { ended } = tracing();
  const all = await begin({}, { retry: { attempts: 2, base: '1ms' } });
  all.worker.answer((got, response) => {
    all.worker.answer(completes);
    const { id, token } = got.sent;
    response.end(JSON.stringify({ id, token, status: 'failed', error: { message: 'once' } }));
  });
  expect(await all.unstuck.wait(await all.enqueue())).toMatchObject({
    state: 'completed',
    attempt: 2,
  });
  const attempts = await ended('process assemble', 2);
  const got = all.worker.posts.map(({ headers }) => headers['traceparent']);
  expect(got).toEqual(attempts.map((span) => traceparent(span.spanContext())));
  expect(new Set(got).size).toBe(2);
});

test('without a trace no traceparent is sent', async () => {
  const { unstuck, worker, enqueue } = await begin();
  await unstuck.wait(await enqueue());
  expect(worker.posts[0]?.headers).not.toHaveProperty('traceparent');
});

/** A worker that sends to a remote worker behind HTTPS, and what that was sent. */
async function secure(options: Partial<TargetOptions>): Promise<{
  readonly all: Setup;
  readonly sent: Sent[];
  readonly enqueue: () => Promise<string>;
}> {
  const sent: Sent[] = [];
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await text(request);
    if (body === '') return void response.writeHead(204).end();
    const got = JSON.parse(body) as Sent;
    sent.push(got);
    const { id, token } = got;
    response.end(JSON.stringify({ id, token, status: 'completed', result: 'in private' }));
  };
  const { port } = await secureServer((request, response) => void serve(request, response));
  const all = await setup({ ...HERE, privateAddresses: ['localhost'] });
  const target = targetAt(await remoteWorker(), {
    url: `https://localhost:${port}/jobs`,
    ...options,
  });
  const assemble = defineJob({ type: 'assemble', input: anything, target });
  await all.unstuck.work([assemble]);
  return { all, sent, enqueue: async () => (await all.unstuck.enqueue(assemble, 1)).id };
}

test('a job is sent over TLS to a target whose authority is given', async () => {
  const { all, sent, enqueue } = await secure({ ca: CERTIFICATE });
  expect(await all.unstuck.wait(await enqueue())).toMatchObject({ result: 'in private' });
  expect(sent).toHaveLength(1);
});

test('N7: a target whose certificate nobody vouches for is sent nothing; its jobs wait uncharged, and it says why', async () => {
  const { all, sent, enqueue } = await secure({});
  await enqueue();
  await parked(all, 1);
  expect(await standing(all)).toMatchObject({ last_error: { code: 'TLS_FAILED' } });
  expect(await allOutcomes(all)).toEqual([]);
  expect(sent).toEqual([]);
});

test('N10: a target at a private address that nobody has allowed is sent nothing; its jobs wait uncharged, and it says what to allow', async () => {
  const all = await begin({}, {}, { privateAddresses: 'refuse' });
  await all.enqueue();
  await parked(all, 1);
  const { last_error: error } = await standing(all);
  expect(error).toMatchObject({ code: 'ADDRESS_REFUSED' });
  expect(error?.message).toMatch(/privateAddresses|UNSTUCK_PRIVATE_ADDRESSES/);
  expect(all.worker.posts).toEqual([]);
  expect(await allOutcomes(all)).toEqual([]);
});
