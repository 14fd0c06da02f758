// The laws of workers in other languages: each job goes to one of them, and nothing is lost with any of them.
import { expect, onTestFinished, test, vi } from 'vitest';
import { createHandler, serve } from '../../src/http/index.ts';
import { Database } from '../../src/storage/database.ts';
import { die, outcomes, type Pulled, Remote } from '../support/remote.ts';
import { eventually, job, setup } from '../support/unstuck.ts';

const NOBODY = '01a20077-9475-7261-9e06-aa4ced104c00';

test('a job is claimed, told of, and completed', async () => {
  const { unstuck } = await setup();
  const worker = new Remote(unstuck);
  const { id } = await unstuck.enqueue('ocr', { page_No: 1 }, { tags: ['a'] });
  const { status, body } = await worker.claim({ types: ['ocr'], name: 'py-1' });
  expect(status).toBe(200);
  expect(body).toEqual({
    heartbeat_every_ms: 10_000,
    jobs: [
      {
        id,
        token: '1',
        type: 'ocr',
        input: { page_No: 1 },
        attempt: 1,
        attempts_max: 5,
        crashes: 0,
        tags: ['a'],
        progress: null,
        progress_note: null,
        traceparent: null,
        expires_at: expect.stringMatching(/Z$/),
      },
    ],
  });
  const [pulled] = body.jobs as [Pulled];
  expect(await worker.say('heartbeat', pulled)).toMatchObject({
    status: 200,
    body: { continue: true, reason: null, expires_at: pulled.expires_at },
  });
  await worker.say('progress', pulled, { progress: 0.5, note: 'half' });
  expect(await unstuck.get(id)).toMatchObject({
    state: 'running',
    workerId: worker.id,
    progress: 0.5,
    progressNote: 'half',
  });
  const ended = await worker.say('complete', pulled, { result: { text: 'x', innerName: 1 } });
  expect(ended).toMatchObject({ status: 200, body: { id, state: 'completed' } });
  expect(await unstuck.get(id)).toMatchObject({
    state: 'completed',
    result: { text: 'x', innerName: 1 },
  });
  expect(await unstuck.history(id)).toEqual([]);
});

test('nothing to do is 204, and says when to ask again', async () => {
  const { unstuck } = await setup();
  const { status, headers } = await new Remote(unstuck).claim({ types: ['ocr'] });
  expect([status, headers.get('retry-after')]).toEqual([204, '1']);
});

test('a long poll ends when a job comes, and not before', async () => {
  const { unstuck, connect } = await setup();
  const elsewhere = await connect();
  const polls = ['a', 'b'].map((type) => new Remote(unstuck).take(type));
  const second = await elsewhere.enqueue('b', 2);
  expect((await polls[1])?.id).toBe(second.id);
  const first = await elsewhere.enqueue('a', 1);
  expect((await polls[0])?.id).toBe(first.id);
});

test('no job is given to two workers, however many ask at once', async () => {
  const { unstuck } = await setup();
  const ids = (
    await unstuck.enqueueMany(
      't',
      Array.from({ length: 60 }, () => ({ input: 1 })),
    )
  ).map(({ id }) => id);
  const handle = createHandler(unstuck);
  const given = await Promise.all(
    Array.from({ length: 12 }, async () => {
      const { body } = await new Remote(handle).claim({ types: ['t'], max: 7 });
      return (body.jobs ?? []).map(({ id }) => id);
    }),
  );
  expect(given.flat().toSorted()).toEqual(ids.toSorted());
});

test('whoever hangs up while it waits gets nothing', async () => {
  const { unstuck } = await setup();
  const hangUp = new AbortController();
  const poll = new Remote(unstuck).claim({ types: ['t'], wait: '20s' }, hangUp.signal);
  await eventually(async () => (await unstuck.status()).workers.length === 1, 'it waits');
  hangUp.abort();
  expect((await poll).status).toBe(204);
  const { id } = await unstuck.enqueue('t', 1);
  expect((await new Remote(unstuck).take('t')).id).toBe(id);
});

test('what was claimed for somebody who has hung up goes back, uncharged', async () => {
  const set = await setup();
  const { id } = await set.unstuck.enqueue('t', 1);
  expect(await new Remote(set.unstuck).claim({ types: ['t'] }, AbortSignal.abort())).toMatchObject({
    status: 204,
  });
  expect(await set.unstuck.get(id)).toMatchObject({ state: 'queued', attempt: 0 });
  expect(await outcomes(set, id)).toEqual(['released']);
});

test('an answer that was lost: the jobs that the worker does not name go back after a while', async () => {
  const set = await setup();
  const { unstuck } = set;
  const worker = new Remote(unstuck);
  await unstuck.enqueueMany('t', [{ input: 1 }, { input: 2 }]);
  const kept = await worker.take('t');
  const lost = await worker.take('t');
  const holding = [{ id: kept.id, token: kept.token }];
  expect((await worker.claim({ types: ['t'], holding })).status).toBe(204);
  await set.query(
    `with c as (update unstuck.claims set created_at = created_at - interval '11 s')
     update unstuck.jobs set started_at = started_at - interval '11 s'`,
  );
  const again = await worker.take('t', { holding });
  expect(again).toMatchObject({ id: lost.id, attempt: 1, token: '2', crashes: 0 });
  expect(await worker.say('complete', kept)).toMatchObject({ status: 200 });
  expect(await worker.say('complete', lost)).toMatchObject({ status: 409 });
});

test('the job of a worker that fell silent runs again, alone and uncharged; what the zombie still says is refused and recorded once', async () => {
  const set = await setup();
  const { unstuck } = set;
  const [first, second] = [new Remote(unstuck), new Remote(unstuck)];
  const { id } = await unstuck.enqueue('t', 1);
  const pulled = await first.take('t');
  await die(set, first, id);
  const again = await second.take('t', { max: 5 });
  expect(again).toMatchObject({ id, attempt: 1, crashes: 1, token: '2' });
  expect(await first.say('heartbeat', pulled)).toMatchObject({
    body: { continue: false, reason: 'lost' },
  });
  for (let round = 0; round < 2; round += 1)
    expect(await first.say('complete', pulled, { result: 'late' })).toMatchObject({
      status: 409,
      body: { code: 'STALE_ATTEMPT', facts: { reason: 'lost' } },
    });
  expect(await outcomes(set, id)).toEqual(['lost', 'stale']);
  await unstuck.enqueue('t', 'beside');
  expect((await second.claim({ types: ['t'] })).status).toBe(204); // It runs alone.
  await second.say('complete', again, { result: 'good' });
  expect(await unstuck.get(id)).toMatchObject({ state: 'completed', result: 'good' });
  expect(await second.take('t')).toMatchObject({ input: 'beside' });
});

test('a job that takes three workers with it ends as poison', async () => {
  const set = await setup();
  const { id } = await set.unstuck.enqueue('t', 1);
  for (let round = 0; round < 3; round += 1) {
    const worker = new Remote(set.unstuck);
    expect(await worker.take('t')).toMatchObject({ id, crashes: round });
    await die(set, worker, id);
  }
  expect(await set.unstuck.get(id)).toMatchObject({
    state: 'failed',
    error: { code: 'JOB_POISON' },
  });
});

test('a heartbeat keeps the jobs of its worker, and may come to another process', async () => {
  const set = await setup();
  const { unstuck, query } = set;
  const worker = new Remote(unstuck);
  await unstuck.enqueue('t', 1);
  const pulled = await worker.take('t', { lease: '5s' });
  const left = async (): Promise<number> =>
    (
      await query<{ ms: number }>(
        `select (extract(epoch from lease_until - unstuck.clock()) * 1000)::integer as ms from unstuck.workers where id = $1`,
        [worker.id],
      )
    )[0]?.ms ?? 0;
  await query(
    `update unstuck.workers set lease_until = unstuck.clock() + interval '2 s' where id = $1`,
    [worker.id],
  );
  const elsewhere = new Remote(await set.connect());
  expect(await elsewhere.say('heartbeat', pulled)).toMatchObject({ body: { continue: true } });
  expect(await left()).toBeGreaterThan(4_000);
  expect(await elsewhere.say('complete', pulled)).toMatchObject({ body: { state: 'completed' } });
});

test('a worker that was declared dead and is not goes on with the next claim', async () => {
  const set = await setup();
  const worker = new Remote(set.unstuck);
  const { id } = await set.unstuck.enqueue('t', 1);
  await worker.take('t');
  await die(set, worker, id);
  expect(await worker.take('t')).toMatchObject({ id, token: '2' });
});

test('a cancel reaches the worker with its next heartbeat, and its result is refused', async () => {
  const set = await setup();
  const worker = new Remote(set.unstuck);
  const { id } = await set.unstuck.enqueue('t', 1);
  const pulled = await worker.take('t');
  await set.unstuck.cancel(id, { by: 'me', reason: 'no need' });
  expect(await worker.say('heartbeat', pulled)).toMatchObject({
    body: { continue: false, reason: 'cancelled' },
  });
  expect(await worker.say('complete', pulled, { result: 1 })).toMatchObject({
    status: 409,
    body: { facts: { reason: 'cancelled' } },
  });
  expect(await set.unstuck.get(id)).toMatchObject({ state: 'cancelled', result: null });
});

test('past its timeout the worker is told, and the sweep ends the attempt', async () => {
  const set = await setup();
  const { unstuck, query } = set;
  const worker = new Remote(unstuck);
  const { id } = await unstuck.enqueue('t', 1);
  const pulled = await worker.take('t');
  await query(
    `update unstuck.jobs set expires_at = unstuck.clock() - interval '1 s' where id = $1`,
    [id],
  );
  expect(await worker.say('heartbeat', pulled)).toMatchObject({
    body: { continue: false, reason: 'timed-out' },
  });
  await query(
    `with c as (update unstuck.claims set expires_at = unstuck.clock() - interval '1 hour')
    update unstuck.jobs set expires_at = unstuck.clock() - interval '1 hour' where id = $1`,
    [id],
  );
  await eventually(async () => (await unstuck.get(id))?.state === 'pending', 'it is timed out');
  expect(await worker.say('complete', pulled)).toMatchObject({
    status: 409,
    body: { facts: { reason: 'timed-out' } },
  });
});

test('a paused type is passed over, and goes on when it is resumed', async () => {
  const { unstuck } = await setup();
  const { id } = await unstuck.enqueue(
    job('paused', () => 1),
    1,
  );
  await unstuck.queues.pauseType('paused', { reason: 'x' });
  const worker = new Remote(unstuck);
  expect((await worker.claim({ types: ['paused'] })).status).toBe(204);
  await unstuck.queues.resumeType('paused');
  expect(await worker.take('paused')).toMatchObject({ id });
});

test('people see it among the workers, and a finding counts its slots', async () => {
  const set = await setup();
  const worker = new Remote(set.unstuck);
  await set.unstuck.enqueueMany('t', [
    { input: 1, claimWithin: '100ms' },
    { input: 2, claimWithin: '100ms' },
  ]);
  await worker.take('t', { name: 'py-1' });
  expect((await set.unstuck.status()).workers).toMatchObject([
    { id: worker.id, name: 'py-1', state: 'live', types: ['t'], running: 1, concurrency: 1 },
  ]);
  await eventually(
    async () => (await set.unstuck.stuck()).find(({ subject }) => subject === 't'),
    'a finding tells of the second one',
  );
  expect(await set.unstuck.stuck()).toMatchObject([
    { reason: 'all 1 slots of the 1 workers that handle "t" are busy' },
  ]);
  await worker.post(`workers/${worker.id}/stop`, {});
  expect(await set.unstuck.stuck()).toMatchObject([{ reason: 'no live worker handles "t"' }]);
});

test('a server that closes ends the long polls, and cuts none', async () => {
  const { unstuck, lines } = await setup();
  const server = await serve(unstuck, { port: 0 });
  const poll = new Remote(server.url).claim({ types: ['t'], wait: '25s' });
  await eventually(async () => (await unstuck.status()).workers.length === 1, 'it waits');
  await server.close();
  expect((await poll).status).toBe(204);
  await unstuck.close();
  expect(lines.filter(({ event }) => event === 'request_failed')).toEqual([]);
});

test('over a socket: whoever hangs up gets nothing, and closing ends the polls', async () => {
  const { unstuck } = await setup();
  const server = await serve(unstuck, { port: 0 });
  const [gone, waits] = [new Remote(server.url), new Remote(server.url)];
  const hangUp = new AbortController();
  const poll = gone.claim({ types: ['t'], wait: '20s' }, hangUp.signal);
  await eventually(async () => (await unstuck.status()).workers.length === 1, 'it waits');
  hangUp.abort();
  await expect(poll).rejects.toThrow('aborted');
  await fetch(`${server.url}/readyz`);
  const { id } = await unstuck.enqueue('t', 1);
  expect(await waits.take('t')).toMatchObject({ id, token: '1' });
  const last = waits.claim({ types: ['t'], wait: '20s' });
  await unstuck.close();
  expect([204, 503]).toContain((await last).status); // 503 when the end came before it.
  expect(await waits.claim({ types: ['t'] })).toMatchObject({
    status: 503,
    body: { code: 'WORKER_STOPPED' },
  });
  await server.close();
});

test('a worker that stops gives back what it holds, uncharged, and is gone', async () => {
  const set = await setup();
  const { unstuck } = set;
  const worker = new Remote(unstuck);
  await unstuck.enqueueMany('t', [{ input: 1 }, { input: 2 }]);
  await worker.claim({ types: ['t'], max: 2 });
  expect(await worker.post(`workers/${worker.id}/stop`, {})).toMatchObject({
    body: { released: 2 },
  });
  expect(await worker.post(`workers/${worker.id}/stop`, {})).toMatchObject({
    body: { released: 0 },
  });
  const { jobs } = await unstuck.list();
  expect(jobs.map(({ state, attempt, crashes }) => [state, attempt, crashes])).toEqual([
    ['queued', 0, 0],
    ['queued', 0, 0],
  ]);
  expect((await set.query('select state from unstuck.workers'))[0]).toEqual({ state: 'stopped' });
});

test.each<[string, string, object, number, string]>([
  ['no types', 'workers/@/claim', { types: [] }, 422, 'REQUEST_INVALID'],
  ['a bad type', 'workers/@/claim', { types: ['a b'] }, 422, 'JOB_TYPE_INVALID'],
  ['too long a wait', 'workers/@/claim', { types: ['t'], wait: '1m' }, 422, 'REQUEST_INVALID'],
  ['too short a lease', 'workers/@/claim', { types: ['t'], lease: 1 }, 422, 'REQUEST_INVALID'],
  [
    'a name that cannot be stored',
    'workers/@/claim',
    { types: ['t'], name: 'a\0' },
    422,
    'REQUEST_INVALID',
  ],
  ['a worker that is no UUID', 'workers/7/claim', { types: ['t'] }, 422, 'REQUEST_INVALID'],
  ['an unknown field', 'workers/@/claim', { types: ['t'], wait_ms: 1 }, 422, 'REQUEST_INVALID'],
  ['a job that is not there', `claims/${NOBODY}/complete`, { token: '1' }, 404, 'JOB_NOT_FOUND'],
  ['no id', 'claims/7/heartbeat', { token: '1' }, 422, 'JOB_ID_INVALID'],
  [
    'a token that is none',
    `claims/${NOBODY}/complete`,
    { token: '99999999999999999999' },
    422,
    'REQUEST_INVALID',
  ],
  [
    'too much progress',
    `claims/${NOBODY}/progress`,
    { token: '1', progress: 2 },
    422,
    'REQUEST_INVALID',
  ],
  [
    'a bad delay',
    `claims/${NOBODY}/fail`,
    { token: '1', error: { message: 'x' }, retry_after: 'soon' },
    422,
    'TIME_INVALID',
  ],
])('%s is refused, and nothing is changed', async (_what, path, body, status, code) => {
  const { unstuck, query } = await setup();
  const worker = new Remote(unstuck);
  expect(await worker.post(path.replace('@', worker.id), body)).toMatchObject({
    status,
    body: { code },
  });
  expect(await query('select from unstuck.workers')).toEqual([]);
});

test('a new job makes a few of those look that wait, not all; many jobs reach as many as they need', async () => {
  const { unstuck, connect } = await setup({ sweep: false });
  const elsewhere = await connect();
  const handle = createHandler(unstuck);
  const watched = vi.spyOn(Database.prototype, 'run');
  onTestFinished(() => watched.mockRestore());
  const looks = (): number =>
    watched.mock.calls.filter(([{ name }]) => name === 'pull-state').length;
  const polls = Array.from({ length: 60 }, () =>
    new Remote(handle).claim({ types: ['t'], wait: '20s' }),
  );
  await eventually(() => looks() >= 60, 'all have looked');
  const before = looks();
  await unstuck.enqueue('t', 0);
  await Promise.race(polls);
  // Some of them look by themselves, once a second.
  expect(looks() - before).toBeLessThan(30);
  const inputs = Array.from({ length: 59 }, (_, n) => ({ input: n + 1 }));
  await elsewhere.enqueueMany('t', inputs);
  const given = (await Promise.all(polls)).flatMap(({ body }) => body.jobs);
  expect(new Set(given.map(({ input }) => input)).size).toBe(60);
});
