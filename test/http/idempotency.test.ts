// The laws of `Idempotency-Key`: a repeat stores nothing and is answered as the first one was, whatever was lost on the way.

import { expect, test } from 'vitest';
import { z } from 'zod';
import { defineJob } from '../../src/domain/define-job.ts';
import { pruneRequests } from '../../src/sql/requests.ts';
import { TcpProxy } from '../support/proxy.ts';
import { eventually } from '../support/unstuck.ts';
import { httpSetup } from './support/client.ts';

const JOB = { type: 'mail', input: { to: 'ann' } };
const key = (name: string): Record<string, string> => ({ 'idempotency-key': name });

test('a repeat is answered with the same job and status, and stores nothing', async () => {
  const { ask, unstuck } = await httpSetup();
  const first = await ask('POST /v1/jobs', JOB, key('a'));
  expect(first.status).toBe(201);
  expect(first.headers.has('idempotency-replayed')).toBe(false);
  const again = await ask('POST /v1/jobs', { input: { to: 'ann' }, type: 'mail' }, key('a'));
  expect(again.status).toBe(201);
  expect(again.headers.get('idempotency-replayed')).toBe('true');
  expect(again.body).toEqual(first.body);
  expect(again.headers.get('location')).toBe(first.headers.get('location'));
  expect(await unstuck.count()).toMatchObject({ count: 1 });
});

test('without a key, and with another one, each request stores its own job', async () => {
  const { ask, unstuck } = await httpSetup();
  for (const headers of [{}, {}, key('a'), key('b')]) await ask('POST /v1/jobs', JOB, headers);
  expect(await unstuck.count()).toMatchObject({ count: 4 });
});

test('a key that was used for another request is refused, and nothing is stored', async () => {
  const { ask, unstuck } = await httpSetup();
  await ask('POST /v1/jobs', JOB, key('a'));
  const other = await ask('POST /v1/jobs', { ...JOB, priority: 1 }, key('a'));
  expect(other).toMatchObject({ status: 422, body: { code: 'IDEMPOTENCY_MISMATCH' } });
  const batch = await ask('POST /v1/jobs/batch', { jobs: [JOB] }, key('a'));
  expect(batch).toMatchObject({ status: 422, body: { code: 'IDEMPOTENCY_MISMATCH' } });
  expect(await unstuck.count()).toMatchObject({ count: 1 });
});

test('a key that is none is refused', async () => {
  const { ask } = await httpSetup();
  for (const bad of ['', 'a b', 'x'.repeat(256)])
    expect(await ask('POST /v1/jobs', JOB, key(bad))).toMatchObject({
      status: 422,
      body: { code: 'REQUEST_INVALID' },
    });
});

test('keys of different senders are apart', async () => {
  const { ask, askAs, unstuck } = await httpSetup();
  const other = askAs(unstuck, { open: false, token: 'correct-horse-battery' });
  await ask('POST /v1/jobs', JOB, key('a'));
  const headers = { ...key('a'), authorization: 'Bearer correct-horse-battery' };
  const { headers: answered } = await other('POST /v1/jobs', { ...JOB, priority: 2 }, headers);
  expect(answered.has('idempotency-replayed')).toBe(false);
  expect(await unstuck.count()).toMatchObject({ count: 2 });
});

test('a hundred requests with one key at once, to two processes, store one job', async () => {
  const { ask, askAs, connect, unstuck } = await httpSetup();
  const other = askAs(await connect());
  const answers = await Promise.all(
    Array.from({ length: 100 }, async (_, n) => {
      const send = n % 2 === 0 ? ask : other;
      for (;;) {
        const answer = await send('POST /v1/jobs', JOB, key('a'));
        if (answer.status !== 409) return answer;
        expect(answer).toMatchObject({ body: { code: 'IDEMPOTENCY_IN_FLIGHT' } });
        expect(answer.headers.get('retry-after')).toBe('2');
      }
    }),
  );
  expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
  expect(answers.filter(({ headers }) => !headers.has('idempotency-replayed'))).toHaveLength(1);
  expect(await unstuck.count()).toMatchObject({ count: 1 });
});

test('while another process serves the request a repeat waits a little, is told so, and then gets its answer', async () => {
  const { ask, session, unstuck } = await httpSetup();
  await ask('POST /v1/jobs', JOB, key('before'));
  const other = await session();
  await other.query('begin');
  await other.query(
    `insert into unstuck.requests (sender, key, digest, at) select sender, 'a', 'x', unstuck.clock() from unstuck.requests`,
  );
  expect(await ask('POST /v1/jobs', JOB, key('a'))).toMatchObject({
    status: 409,
    body: { code: 'IDEMPOTENCY_IN_FLIGHT' },
  });
  // Others are not held up by it.
  const [b, c] = await Promise.all([
    ask('POST /v1/jobs', JOB, key('b')),
    ask('POST /v1/jobs', JOB, key('c')),
  ]);
  expect([b.status, c.status]).toEqual([201, 201]);
  await other.query('rollback');
  expect(await ask('POST /v1/jobs', JOB, key('a'))).toMatchObject({ status: 201 });
  expect(await unstuck.count()).toMatchObject({ count: 4 });
});

test.each(['open-requests', 'note-requests', 'commit'])(
  'a reply to %s that is lost neither loses nor doubles the job',
  async (statement) => {
    const all = await httpSetup();
    const proxy = await TcpProxy.start(all.url);
    const through = all.askAs(await all.connect({ database: proxy.url }));
    await through('POST /v1/jobs', JOB, key('warm'));
    proxy.cutReplyTo(statement);
    const first = await through('POST /v1/jobs', JOB, key('a'));
    expect(proxy.cut).toBe(1);
    expect(first.status).toBe(201);
    expect(first.headers.has('idempotency-replayed')).toBe(false);
    const again = await all.ask('POST /v1/jobs', JOB, key('a'));
    expect(again.body.id).toBe(first.body.id);
    expect(await all.unstuck.count()).toMatchObject({ count: 2 });
  },
);

test('a request that was refused leaves its key free', async () => {
  const { ask, unstuck } = await httpSetup();
  await unstuck.pools.set('p', { capacity: 0 });
  const job = { ...JOB, slot: 'p' };
  expect(await ask('POST /v1/jobs', job, key('a'))).toMatchObject({
    status: 409,
    body: { code: 'SLOTS_EXHAUSTED' },
  });
  expect(await ask('POST /v1/jobs', { type: '' }, key('a'))).toMatchObject({ status: 422 });
  await unstuck.pools.set('p', { capacity: 1 });
  const stored = await ask('POST /v1/jobs', job, key('a'));
  expect(stored).toMatchObject({ status: 201, body: { pool: 'p' } });
  expect(await ask('POST /v1/jobs', job, key('a'))).toMatchObject({
    status: 201,
    body: { id: stored.body.id },
  });
});

test('the answer stays the same when its job has run, and when it is gone', async () => {
  const { ask, unstuck } = await httpSetup();
  const { body } = await ask('POST /v1/jobs', JOB, key('a'));
  await unstuck.cancel(body.id);
  expect(await ask('POST /v1/jobs', JOB, key('a'))).toMatchObject({
    status: 201,
    body: { id: body.id, created: true, state: 'cancelled' },
  });
  await unstuck.delete(body.id);
  const gone = await ask('POST /v1/jobs', JOB, key('a'));
  expect(gone.body).toEqual({
    id: body.id,
    created: true,
    enqueued: 'created',
    notice: null,
  });
  expect(await unstuck.count()).toMatchObject({ count: 0 });
});

test('a repeat is answered even when its job would be refused by now', async () => {
  const { ask, moveClock } = await httpSetup();
  const job = { ...JOB, key: 'k', when_taken: 'refuse' };
  const { body } = await ask('POST /v1/jobs', job, key('a'));
  expect(await ask('POST /v1/jobs', job, key('a'))).toMatchObject({
    status: 201,
    body: { id: body.id },
  });
  expect(await ask('POST /v1/jobs', job, key('b'))).toMatchObject({
    status: 409,
    body: { code: 'KEY_TAKEN' },
  });
  await moveClock('23 hours');
  expect((await ask('POST /v1/jobs', job, key('a'))).body.id).toBe(body.id);
});

test('a key is remembered for a day; then the request is a new one, whether it was pruned or not', async () => {
  const { ask, moveClock, database, query, unstuck } = await httpSetup();
  const { body } = await ask('POST /v1/jobs', JOB, key('a'));
  await ask('POST /v1/jobs', JOB, key('b'));
  await moveClock('25 hours');
  const later = await ask('POST /v1/jobs', { ...JOB, priority: 5 }, key('a'));
  expect(later.status).toBe(201);
  expect(later.body.id).not.toBe(body.id);
  await query(
    `insert into unstuck.requests select sender, 'old ' || n, digest, answers, at from unstuck.requests, generate_series(1, 30) n where key = 'b'`,
  );
  // By so many at a time: what a day of them leaves must not end at the timeout of a statement.
  expect(await database().run(pruneRequests, [20])).toEqual([{ gone: 20 }]);
  expect(await database().run(pruneRequests, [20])).toEqual([{ gone: 11 }]);
  expect(await query('select key from unstuck.requests')).toEqual([{ key: 'a' }]);
  expect(await unstuck.count()).toMatchObject({ count: 3 });
});

test('a batch with a key is one answer: what was stored, what was refused, and the same again', async () => {
  const { ask, unstuck } = await httpSetup({
    jobs: [defineJob({ type: 'strict', input: z.number(), run: () => 1 })],
  });
  const jobs = [JOB, { type: 'strict', input: 'no' }, { ...JOB, slot: 'nowhere' }, JOB];
  const first = await ask('POST /v1/jobs/batch', { jobs }, key('a'));
  expect(first.body).toMatchObject({
    created: 2,
    refused: 2,
    data: [
      { created: true, enqueued: 'created', problem: null },
      { id: null, problem: { code: 'INPUT_INVALID' } },
      { id: null, problem: { code: 'POOL_UNKNOWN', status: 404, facts: { pool: 'nowhere' } } },
      { created: true },
    ],
  });
  const again = await ask('POST /v1/jobs/batch', { jobs }, key('a'));
  expect(again.headers.get('idempotency-replayed')).toBe('true');
  expect(again.body).toEqual(first.body);
  expect(await unstuck.count()).toMatchObject({ count: 2 });
});

test('what PostgreSQL refuses of a batch with a key keeps no other job of it from being stored', async () => {
  const { ask, query, unstuck } = await httpSetup();
  await query(`alter table unstuck.jobs add constraint mine check (input <> '"bad"')`);
  const jobs = Array.from({ length: 20 }, (_, n) => ({
    type: 'mail',
    input: n === 13 ? 'bad' : n,
  }));
  const { body } = await ask('POST /v1/jobs/batch', { jobs }, key('a'));
  expect(body).toMatchObject({ created: 19, refused: 1 });
  expect(body.data[13]).toMatchObject({ id: null, problem: { code: 'ENQUEUE_REFUSED' } });
  expect(await unstuck.count()).toMatchObject({ count: 19 });
});

test('jobs of requests with keys wake the workers of the same process', async () => {
  const mail = defineJob({ type: 'mail', input: z.unknown(), run: () => 'sent' });
  const { ask, unstuck } = await httpSetup({ pollInterval: '1h', notify: false });
  await unstuck.work([mail]);
  const { body } = await ask('POST /v1/jobs', JOB, key('a'));
  await eventually(async () => (await unstuck.get(body.id))?.state === 'completed', 'it ran');
});

test('a pool that somebody holds is waited for once, whatever a batch or how many requests ask of it', async () => {
  const { ask, session, query, unstuck } = await httpSetup();
  await unstuck.pools.set('p', { capacity: 1_000 });
  const other = await session();
  await other.query('begin');
  await other.query(`select from unstuck.pools where key = 'p' for update`);
  const busy = { ...JOB, slot: 'p' };
  const batch = { jobs: Array.from({ length: 200 }, (_, n) => (n % 20 === 7 ? JOB : busy)) };
  const { body } = await ask('POST /v1/jobs/batch', batch, key('batch'));
  expect(body).toMatchObject({ created: 10, refused: 190 });
  expect(body.data[0]).toMatchObject({ problem: { code: 'POOL_BUSY' } });
  const answers = await Promise.all(
    Array.from({ length: 60 }, (_, n) =>
      ask('POST /v1/jobs', n % 6 === 1 ? JOB : busy, key(`${n}`)),
    ),
  );
  expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([
    ...Array.from({ length: 10 }, () => 201),
    ...Array.from({ length: 50 }, () => 409),
  ]);
  await other.query('rollback');
  expect(await ask('POST /v1/jobs', busy, key('0'))).toMatchObject({ status: 201 });
  expect(await query('select from unstuck.requests')).toHaveLength(12);
});

test('an enqueue with a key that stored nothing is counted as one', async () => {
  const { ask, unstuck } = await httpSetup();
  for (const name of ['a', 'b', 'b']) await ask('POST /v1/jobs', { ...JOB, key: 'k' }, key(name));
  expect(unstuck.watch.meter.types.get('mail')).toMatchObject({ enqueued: 1, deduplicated: 1 });
});
