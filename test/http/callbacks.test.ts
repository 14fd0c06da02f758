// The laws of callbacks: a remote worker tells of the attempt that it was given, as every worker does, and may do nothing else.
import { expect, test } from 'vitest';
import { accepts } from '../engine/targets/support/remote-worker.ts';
import { outcomes } from '../support/remote.ts';
import { eventually } from '../support/unstuck.ts';
import { callBack, calledBack, post, TOKEN } from './support/called-back.ts';

test('a remote worker is told where to call back, and its result is that of the job', async () => {
  const { server, unstuck, sent } = await calledBack();
  const job = await sent({ episode: 7 });
  expect(job.callback).toEqual({
    url: `${server.url}/v1/claims/${job.id}`,
    authorization: expect.stringMatching(/^Bearer callback_[\w-]{43}$/),
  });
  expect(await callBack(job, 'heartbeat')).toMatchObject({ status: 200, body: { continue: true } });
  expect(await callBack(job, 'progress', { progress: 0.5, note: 'half' })).toMatchObject({
    body: { continue: true },
  });
  expect(await unstuck.get(job.id)).toMatchObject({ progress: 0.5, progressNote: 'half' });
  const ended = await callBack(job, 'complete', { result: { minutes: 42 } });
  expect(ended).toEqual({ status: 200, body: { id: job.id, state: 'completed' } });
  expect(await unstuck.get(job.id)).toMatchObject({
    state: 'completed',
    result: { minutes: 42 },
    attempt: 1,
  });
});

test('N3: a callback that comes twice is answered alike, and another end is refused', async () => {
  const { unstuck, sent } = await calledBack();
  const job = await sent();
  const both = await Promise.all([
    callBack(job, 'complete', { result: 1 }),
    callBack(job, 'complete', { result: 1 }),
  ]);
  const again = await callBack(job, 'complete', { result: 1 });
  for (const answer of [...both, again])
    expect(answer).toEqual({ status: 200, body: { id: job.id, state: 'completed' } });
  expect(await callBack(job, 'fail', { error: { message: 'no' } })).toMatchObject({
    status: 409,
    body: { code: 'STALE_ATTEMPT' },
  });
  expect(await unstuck.get(job.id)).toMatchObject({ state: 'completed', result: 1 });
});

test('N3: what an older attempt still sends is refused and recorded once; the newer one decides', async () => {
  const all = await calledBack({}, { retry: { attempts: 3, backoff: 'fixed', base: '1ms' } });
  const { unstuck, worker, sent } = all;
  const first = await sent();
  const failed = await callBack(first, 'fail', { error: { message: 'no', code: 'NO' } });
  expect(failed.body).toEqual({ id: first.id, state: 'pending' });
  const second = await eventually(() => worker.posts[1]?.sent, 'it is sent again');
  expect(second).toMatchObject({ id: first.id, attempt: 2 });
  expect(second.callback?.authorization).not.toBe(first.callback?.authorization);
  for (let round = 0; round < 2; round += 1)
    expect(await callBack(first, 'complete', { result: 'old' })).toMatchObject({
      status: 409,
      body: { code: 'STALE_ATTEMPT' },
    });
  expect(await callBack(first, 'heartbeat')).toMatchObject({ body: { continue: false } });
  await callBack(second, 'complete', { result: 'new' });
  expect(await unstuck.get(first.id)).toMatchObject({ state: 'completed', result: 'new' });
  expect(await outcomes(all, first.id)).toEqual(['failed', 'stale']);
});

test('F3: a remote worker whose job was cancelled is told to stop by its next heartbeat', async () => {
  const { unstuck, sent } = await calledBack();
  const job = await sent();
  await unstuck.cancel(job.id);
  expect(await callBack(job, 'heartbeat')).toMatchObject({
    status: 200,
    body: { continue: false, reason: 'cancelled' },
  });
  expect(await callBack(job, 'complete', { result: 1 })).toMatchObject({ status: 409 });
  expect(await unstuck.get(job.id)).toMatchObject({ state: 'cancelled' });
});

test('a callback is good before the request that gave it has been answered', async () => {
  const { unstuck, worker, sent } = await calledBack();
  const states: unknown[] = [];
  worker.answer(async (got, response) => {
    states.push((await callBack(got.sent, 'complete', { result: 'at once' })).body['state']);
    await accepts(got, response);
  });
  const job = await sent();
  expect(await unstuck.wait(job.id)).toMatchObject({ state: 'completed', result: 'at once' });
  expect(await eventually(() => states.length > 0 && states, 'it is answered')).toEqual([
    'completed',
  ]);
});

test('a failure by callback is retried as the definition of the handler says, and a release charges nothing', async () => {
  const all = await calledBack();
  const { unstuck, worker, sent, query } = all;
  const job = await sent();
  expect((await callBack(job, 'release')).body).toEqual({ id: job.id, state: 'queued' });
  const second = await eventually(() => worker.posts[1]?.sent, 'it is sent again');
  expect(second.attempt).toBe(1);
  const failed = await callBack(second, 'fail', { error: { message: 'no' }, retry_after: '1h' });
  expect(failed.body).toEqual({ id: job.id, state: 'pending' });
  const [row] = await query<{ s: number }>(
    'select extract(epoch from wake_at - updated_at)::float8 as s from unstuck.jobs where id = $1',
    [job.id],
  );
  expect(row?.s).toBe(3_600);
  expect(await unstuck.get(job.id)).toMatchObject({ attempt: 1, error: { message: 'no' } });
});

test('the secret of an attempt is refused for another job, another attempt, or with another text, and nothing is changed', async () => {
  const { sent, unstuck } = await calledBack();
  const [job, other] = [await sent(), await sent()];
  const secret = job.callback?.authorization ?? '';
  for (const what of ['heartbeat', 'progress', 'complete', 'fail', 'release']) {
    const more = { progress: 1, result: 1, error: { message: 'x' } };
    const [field] = { progress: ['progress'], complete: ['result'], fail: ['error'] }[what] ?? [];
    const body = field === undefined ? {} : { [field]: more[field as keyof typeof more] };
    expect(await callBack(other, what, body, secret)).toMatchObject({
      status: 401,
      body: { code: 'UNAUTHENTICATED' },
    });
    for (const token of ['2', '01', '0'])
      expect(await callBack(job, what, { ...body, token })).toMatchObject({
        status: 403,
        body: { code: 'CALLBACK_REFUSED' },
      });
    const wrong = `${secret.slice(0, -1)}${secret.endsWith('A') ? 'B' : 'A'}`;
    expect(await callBack(job, what, body, wrong)).toMatchObject({ status: 401 });
  }
  for (const one of [job, other])
    expect(await unstuck.get(one.id)).toMatchObject({ state: 'running', progress: null });
  const nobody = { url: job.callback?.url.replace(job.id, 'no-uuid') ?? '', authorization: secret };
  expect(await callBack({ ...job, callback: nobody }, 'heartbeat')).toMatchObject({ status: 401 });
});

test('wrong secrets count as the failures of their address', async () => {
  const { sent } = await calledBack();
  const job = await sent();
  const ask = async (n: number): Promise<number> =>
    (await callBack(job, 'heartbeat', {}, `Bearer callback_${n}`)).status;
  const statuses: number[] = [];
  for (let round = 0; round < 60; round += 1) statuses.push(await ask(round));
  expect(statuses).toEqual(Array.from({ length: 60 }, () => 401));
  // One more for each second that this took is heard; so many at once are not.
  expect(await Promise.all(Array.from({ length: 90 }, (_, n) => ask(60 + n)))).toContain(429);
});

test('a secret that was good is let in from an address with wrong ones', async () => {
  const { sent } = await calledBack();
  const job = await sent();
  expect(await callBack(job, 'heartbeat')).toMatchObject({ status: 200 });
  for (let round = 0; round < 70; round += 1)
    await callBack(job, 'heartbeat', {}, `Bearer callback_${round}`);
  expect(await callBack(job, 'heartbeat')).toMatchObject({ status: 200 });
});

test('callbacks are let in where the application knows its callers, and by a token of the scope worker as before', async () => {
  const mounted = await calledBack({}, {}, { token: undefined, authenticate: () => undefined });
  const job = await mounted.sent();
  expect(await callBack(job, 'heartbeat')).toMatchObject({ status: 200 });
  expect(await post(`${job.callback?.url}/heartbeat`, { token: '1' }, undefined)).toMatchObject({
    status: 401,
  });
  const all = await calledBack();
  const { token } = await all.unstuck.tokens.create({ name: 'w', scopes: ['worker'] });
  const one = await all.sent();
  expect(await callBack(one, 'heartbeat', {}, `Bearer ${token}`)).toMatchObject({ status: 200 });
  expect(await callBack(one, 'heartbeat', {}, `Bearer ${TOKEN}`)).toMatchObject({ status: 200 });
});

test('N11: no clock is compared: a callback is good however far the clocks are apart', async () => {
  const { sent, moveClock, unstuck } = await calledBack({ silence: '2h' }, { timeout: '3h' });
  const job = await sent();
  await moveClock('1 hour');
  expect(await callBack(job, 'complete', { result: 1 })).toMatchObject({ status: 200 });
  expect(await unstuck.get(job.id)).toMatchObject({ state: 'completed' });
});

test('no secret of a callback is in a log, or in an answer of the API', async () => {
  const { sent, lines, server } = await calledBack();
  const job = await sent();
  await callBack(job, 'complete', { result: 1 });
  await callBack(job, 'heartbeat', {}, `${job.callback?.authorization}x`);
  const headers = { authorization: `Bearer ${TOKEN}` };
  const texts = await Promise.all(
    ['', '/timeline', '/explain'].map(async (path) =>
      (await fetch(`${server.url}/v1/jobs/${job.id}${path}`, { headers })).text(),
    ),
  );
  expect(JSON.stringify([lines, texts])).not.toContain('callback_');
});
