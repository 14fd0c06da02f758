// The laws of the routes of jobs: counted, explained, changed one by one, in batches, and put right when they hang.
import { expect, test } from 'vitest';
import { z } from 'zod';
import { defineJob } from '../../src/domain/define-job.ts';
import { defineQueue } from '../../src/domain/define-queue.ts';
import { gate } from '../support/unstuck.ts';
import { httpSetup } from './support/client.ts';

const NOBODY = '01a20077-9475-7261-9e06-aa4ced104c00';
const strict = defineJob({
  type: 'strict',
  input: z.strictObject({ n: z.number() }),
  run: () => 1,
});

test('jobs are counted by the filters with which they are listed', async () => {
  const { ask } = await httpSetup();
  for (let n = 0; n < 3; n += 1) await ask('POST /v1/jobs', { type: 'a', input: n, tags: ['x'] });
  await ask('POST /v1/jobs', { type: 'b', input: 0 });
  expect((await ask('GET /v1/jobs/count')).body).toEqual({ count: 4, capped: false });
  const { body } = await ask('GET /v1/jobs/count?type=a&tag=x&state=queued&state=pending');
  expect(body).toEqual({ count: 3, capped: false });
  expect(await ask('GET /v1/jobs/count?state=lost')).toMatchObject({ status: 422 });
});

test('a batch stores each job for itself, and names the problem of one that is refused', async () => {
  const { ask, unstuck } = await httpSetup({ jobs: [strict] });
  const jobs = [
    { type: 'strict', input: { n: 1 } },
    { type: 'strict', input: { n: 'one' } },
    { type: 'free', input: 1, key: 'k' },
    { type: 'free', input: 2, key: 'k' },
    { type: 'free', input: 3, slot: 'none' },
    { type: 'a b', input: 3 },
  ];
  const { status, body } = await ask('POST /v1/jobs/batch', { jobs });
  expect(status).toBe(200);
  expect(body).toMatchObject({ created: 2, refused: 3 });
  expect(body.data.map(({ problem }) => problem?.code)).toEqual([
    undefined,
    'INPUT_INVALID',
    undefined,
    undefined,
    'POOL_UNKNOWN',
    'JOB_TYPE_INVALID',
  ]);
  expect(body.data[1]?.problem?.errors).toMatchObject([{ pointer: '/n' }]);
  expect(body.data[3]).toEqual({
    id: body.data[2]?.id,
    created: false,
    enqueued: 'key-live',
    notice: null,
    problem: null,
  });
  expect(await unstuck.count()).toMatchObject({ count: 2 });
});

test('a batch holds 1 to 1,000 jobs, and is stored in less than the body of a single one allows', async () => {
  const { ask, unstuck } = await httpSetup();
  const many = (count: number): object => ({
    jobs: Array.from({ length: count }, () => ({ type: 'a', input: 'x'.repeat(2_000) })),
  });
  for (const count of [0, 1_001])
    expect(await ask('POST /v1/jobs/batch', many(count))).toMatchObject({
      status: 422,
      body: { code: 'REQUEST_INVALID' },
    });
  expect(await unstuck.count()).toMatchObject({ count: 0 });
  expect((await ask('POST /v1/jobs/batch', many(1_000))).body).toMatchObject({ created: 1_000 });
});

test('jobs that are stored at once are each answered as they are', async () => {
  const { ask } = await httpSetup();
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, n) =>
      ask('POST /v1/jobs', { type: 'a', input: { n }, hold: n % 2 === 0, priority: n }),
    ),
  );
  for (const [n, { status, body }] of answers.entries())
    expect({ status, body }).toMatchObject({
      status: 201,
      body: { input: { n }, priority: n, waits_for: n % 2 === 0 ? 'hold' : 'worker' },
    });
  for (const { body } of answers.slice(0, 5)) {
    const {
      created: _c,
      enqueued: _e,
      notice: _n,
      ...job
    } = body as typeof body & { notice: null };
    expect((await ask(`GET /v1/jobs/${body.id}`)).body).toEqual({ ...job, sending: null });
  }
});

test('a job is released, cancelled, run again with another input and deleted, each in the name of who asked', async () => {
  const { ask, unstuck } = await httpSetup({ jobs: [strict] });
  const { id } = (await ask('POST /v1/jobs', { type: 'strict', input: { n: 1 }, hold: true })).body;
  const released = await ask(`POST /v1/jobs/${id}/release`, { reason: 'go' });
  expect(released).toMatchObject({ status: 200, body: { id, state: 'queued' } });
  expect(await ask(`POST /v1/jobs/${id}/release`)).toMatchObject({
    status: 409,
    body: { code: 'JOB_STATE_CONFLICT', facts: { state: 'queued' } },
  });
  expect(await ask(`POST /v1/jobs/${id}/retry`)).toMatchObject({ status: 409 });
  await ask(`POST /v1/jobs/${id}/cancel`, { reason: 'wrong' });
  const bad = await ask(`POST /v1/jobs/${id}/retry`, { input: { n: 'two' } });
  expect(bad).toMatchObject({ status: 422, body: { code: 'INPUT_INVALID' } });
  const again = await ask(`POST /v1/jobs/${id}/retry`, { input: { n: 2 }, reason: 'mended' });
  expect(again).toMatchObject({ status: 200, body: { id, state: 'queued', input: { n: 2 } } });
  const { body } = await ask(`GET /v1/jobs/${id}/timeline`);
  expect(body.data).toMatchObject([
    { kind: 'released', reason: 'go', by: 'http', attempt: null },
    { kind: 'cancelled', reason: 'wrong' },
    { kind: 'retried', reason: 'mended', detail: { input: { n: 1 } } },
  ]);
  const gone = await ask(`DELETE /v1/jobs/${id}?reason=asked`);
  expect(gone).toMatchObject({ status: 204, body: '' });
  const after = ['GET', 'GET timeline', 'GET explain', 'POST cancel', 'POST retry', 'DELETE'];
  for (const what of after) {
    const [method, verb] = what.split(' ');
    const path = `/v1/jobs/${id}${verb === undefined ? '' : `/${verb}`}`;
    expect(await ask(`${method} ${path}`), what).toMatchObject({
      status: 404,
      body: { code: 'JOB_NOT_FOUND' },
    });
  }
  expect((await unstuck.audit.list()).entries).toMatchObject([
    { action: 'delete', by: 'http', reason: 'asked' },
  ]);
});

test('a running job is not deleted, and the refusal leaves no trace', async () => {
  const { ask, unstuck } = await httpSetup();
  const { opened, pass } = hanging();
  const job = defineJob({ type: 'slow', input: z.unknown(), run: pass });
  await unstuck.work([job]);
  const { id } = await unstuck.enqueue(job, 1);
  await opened;
  expect(await ask(`DELETE /v1/jobs/${id}`)).toMatchObject({
    status: 409,
    body: { code: 'JOB_STATE_CONFLICT', facts: { id, state: 'running' } },
  });
  expect((await unstuck.audit.list()).entries).toEqual([]);
  expect(await ask(`DELETE /v1/jobs/${NOBODY}`)).toMatchObject({ status: 404 });
  expect(await ask('DELETE /v1/jobs/7')).toMatchObject({ body: { code: 'JOB_ID_INVALID' } });
});

test('S3.3: reset-stuck answers exactly what was reset', async () => {
  const { ask, unstuck, moveClock } = await httpSetup();
  expect((await ask('POST /v1/jobs/reset-stuck')).body).toEqual({
    success: true,
    reset_count: 0,
    job_ids: [],
    message: 'No job has been running for longer than 30 minutes; nothing was reset.',
  });
  const { opened, pass } = hanging();
  const job = defineJob({ type: 'slow', input: z.unknown(), timeout: '10h', run: pass });
  await unstuck.work([job]);
  const { id } = await unstuck.enqueue(job, 1);
  await opened;
  await moveClock('31 minutes');
  const young = await ask('POST /v1/jobs/reset-stuck', { timeout_minutes: 60 });
  expect(young.body).toMatchObject({ reset_count: 0 });
  const reset = await ask('POST /v1/jobs/reset-stuck', { timeout_minutes: 30, reason: 'disk' });
  expect(reset.status).toBe(200);
  expect(reset.body).toEqual({
    success: true,
    reset_count: 1,
    job_ids: [id],
    message: 'Reset 1 job that had been running for longer than 30 minutes.',
  });
  expect((await unstuck.audit.list()).entries).toMatchObject([{ by: 'http', reason: 'disk' }]);
  for (const minutes of [-1, 1e12, 'x'])
    expect(await ask('POST /v1/jobs/reset-stuck', { timeout_minutes: minutes })).toMatchObject({
      status: 422,
      body: { code: 'REQUEST_INVALID' },
    });
});

test('S3.5: execute-pending answers exactly what was started, or why nothing was', async () => {
  const { ask, unstuck } = await httpSetup();
  const queue = defineQueue({ name: 'line', limit: { running: 1 } });
  const { opened, pass } = hanging();
  const job = defineJob({ type: 'step', queue, input: z.unknown(), run: pass });
  expect(await ask('POST /v1/jobs/execute-pending', { queue: 'line' })).toMatchObject({
    status: 404,
    body: { code: 'QUEUE_UNKNOWN' },
  });
  await unstuck.work([job]);
  expect((await ask('POST /v1/jobs/execute-pending', { queue: 'line' })).body).toEqual({
    total_pending: 0,
    started: 0,
    job_ids: [],
    message: 'No job is pending.',
  });
  const { id } = await unstuck.enqueue(job, 1);
  await opened;
  await unstuck.enqueue(job, 2);
  expect((await ask('POST /v1/jobs/execute-pending', { queue: 'line' })).body).toEqual({
    total_pending: 1,
    started: 0,
    job_ids: [],
    message: `Job ${id} is running; the next starts when it has ended.`,
  });
});

/** A handler that runs until its signal is aborted, and says when it has begun. */
function hanging(): {
  opened: Promise<void>;
  pass: (job: { signal: AbortSignal }) => Promise<void>;
} {
  const began = gate();
  return {
    opened: began.promise,
    pass: ({ signal }) => {
      began.open();
      return new Promise((_resolve, reject) =>
        signal.addEventListener('abort', () => reject(signal.reason as Error)),
      );
    },
  };
}

test('a job that nobody takes is explained by what is missing', async () => {
  const { ask, unstuck } = await httpSetup();
  const { id } = await unstuck.enqueue('mail', 1);
  const { status, body } = await ask(`GET /v1/jobs/${id}/explain`);
  expect(status).toBe(200);
  expect(body).toMatchObject({
    id,
    state: 'queued',
    reason: 'no live worker handles "mail"',
    action: 'start a worker that handles "mail"',
    next: { event: expect.any(String), at: expect.any(String) },
  });
});
