// The laws of explaining: whatever a job waits for, the explanation names it, who holds it, who acts, and what happens next.
import { expect, test } from 'vitest';
import { defineFanOut } from '../../src/domain/define-fan-out.ts';
import { Fail } from '../../src/domain/outcome.ts';
import type { Check } from '../../src/domain/why-facts.ts';
import { anything, eventually, gate, job, setup } from '../support/unstuck.ts';

const NOBODY = '01a20077-9475-7261-9e06-aa4ced104c00';

const outcomes = (checks: readonly Check[]): string[] =>
  checks.map(
    ({ name, passed }) => `${name} ${passed === null ? 'later' : passed ? 'passed' : 'waits'}`,
  );

test('a job that nobody handles waits for a worker; with a busy one it says who is before it', async () => {
  const { unstuck } = await setup();
  const { id } = await unstuck.enqueue('mail', 1);
  const alone = await unstuck.explain(id);
  expect(alone).toMatchObject({
    id,
    type: 'mail',
    state: 'queued',
    reason: 'no live worker handles "mail"',
    checks: expect.anything(),
  });
  expect(alone.next.at).toBeInstanceOf(Date);
  expect(outcomes(alone.checks)).toEqual([
    'admit passed',
    'hold passed',
    'pause passed',
    'worker waits',
  ]);
  const [open, begun] = [gate(), gate()];
  const mail = job('mail', async () => {
    begun.open();
    await open.promise;
  });
  await unstuck.work([mail], { concurrency: 1 });
  await begun.promise;
  await unstuck.enqueue(mail, 2, { priority: 5 });
  const last = await unstuck.enqueue(mail, 3);
  await eventually(
    async () => (await unstuck.explain(last.id)).reason.startsWith('all 1 slots'),
    'the worker has told that it is busy',
  );
  const why = await unstuck.explain(last.id);
  expect(why.reason).toBe(
    'all 1 slots of the 1 workers that handle "mail" are busy; 1 of its type are before it',
  );
  expect(why.checks.at(-1)).toMatchObject({
    name: 'worker',
    passed: false,
    evidence: { workers: 1, slots: 1, busy: 1, queuedBefore: 1 },
  });
  const running = await unstuck.explain(id);
  expect(running.reason).toContain('attempt 1 has been running on worker');
  expect(outcomes(running.checks)).toEqual([
    'admit passed',
    'hold passed',
    'pause passed',
    'worker passed',
    'lease passed',
  ]);
  open.open();
  await unstuck.wait(last.id);
  expect(await unstuck.explain(id)).toMatchObject({
    state: 'completed',
    reason: expect.stringContaining('completed at'),
    checks: [],
    next: { at: null },
  });
});

test('a pause is named with who paused it, why and until when', async () => {
  const { unstuck } = await setup();
  await unstuck.work([job('mail', () => 1)]);
  await unstuck.queues.pauseType('mail', { by: 'ann', reason: 'storm' });
  const { id } = await unstuck.enqueue('mail', 1);
  const why = await unstuck.explain(id);
  expect(why.reason).toMatch(/^"mail" is paused since .* by ann: storm; without an end$/);
  expect(why.checks.find(({ name }) => name === 'pause')).toMatchObject({
    passed: false,
    evidence: { kind: 'type', name: 'mail', by: 'ann', reason: 'storm' },
  });
});

test('who waits for a slot is told who holds it, and who waits before', async () => {
  const { unstuck } = await setup();
  await unstuck.pools.set('ann', { capacity: 1 });
  const held = await unstuck.enqueue('post', 1, { slot: 'ann' });
  await unstuck.enqueue('post', 2, { slot: 'ann', whenFull: 'wait' });
  const { id } = await unstuck.enqueue('post', 3, { slot: 'ann', whenFull: 'wait' });
  const why = await unstuck.explain(id);
  expect(why.reason).toContain('all 1 slots of pool "ann" are in use; the oldest holder is post');
  expect(outcomes(why.checks)).toEqual([
    'admit passed',
    'hold passed',
    'slot waits',
    'pause passed',
    'worker later',
  ]);
  expect(why.checks[2]?.evidence).toMatchObject({
    pool: 'ann',
    capacity: 1,
    inUse: 1,
    waitingBefore: 1,
    holder: { id: held.id, type: 'post' },
  });
  expect((await unstuck.explain(held.id)).checks[2]).toMatchObject({ name: 'slot', passed: true });
});

test('who waits at a limit is told what it allows and who counts at it', async () => {
  const { unstuck } = await setup();
  await unstuck.limits.set('model', { running: 1 });
  const first = await unstuck.enqueue('ask', 1, { limit: 'model' });
  await eventually(async () => (await unstuck.get(first.id))?.state === 'queued', 'it is let in');
  const { id } = await unstuck.enqueue('ask', 2, { limit: 'model' });
  const why = await unstuck.explain(id);
  expect(why.reason).toContain('limit "model" allows 1 at once, and 1 are in the queue or running');
  expect(why.checks.find(({ name }) => name === 'limit')).toMatchObject({
    passed: false,
    evidence: { limitKey: 'model', running: 1, inUse: 1, holder: { id: first.id } },
  });
});

test('held, timed, retried and inserted jobs say what they wait for', async () => {
  const { unstuck, query } = await setup({ sweep: false });
  const held = await unstuck.enqueue('a', 1, { hold: true });
  expect(await unstuck.explain(held.id)).toMatchObject({
    reason: 'somebody stored it to be released by hand',
  });
  const timed = await unstuck.enqueue('a', 1, { delay: '1h' });
  const why = await unstuck.explain(timed.id);
  expect(why.reason).toBe(`it is for ${why.next.at?.toISOString()}`);
  expect(outcomes(why.checks)).toContain('time waits');
  const [inserted] = await query<{ id: string }>(
    `insert into unstuck.jobs (type, input) values ('new', '1') returning id`,
  );
  expect(await unstuck.explain(inserted?.id ?? '')).toMatchObject({
    reason: 'it was inserted by hand, and nobody has ever defined the type "new"',
    checks: [{ name: 'admit', passed: false }, {}, {}, {}],
  });
  const failing = job(
    'failing',
    () => {
      throw new Error('no paper');
    },
    { retry: { attempts: 3, base: '1h' } },
  );
  await unstuck.work([failing]);
  const { id } = await unstuck.enqueue(failing, 1);
  await eventually(async () => (await unstuck.get(id))?.waitsFor === 'retry', 'it is put off');
  expect((await unstuck.explain(id)).reason).toContain(
    'attempt 1 of 3 ended with HANDLER_FAILED: no paper; the next is at',
  );
});

test('a failed job is explained by its error and what to do', async () => {
  const { unstuck } = await setup();
  const doomed = job('doomed', () => {
    throw new Fail('no such customer');
  });
  await unstuck.work([doomed]);
  const { id } = await unstuck.enqueue(doomed, 1);
  await unstuck.wait(id);
  const why = await unstuck.explain(id);
  expect(why.reason).toMatch(/^failed at .*: no such customer$/);
  expect(why.action).toBe('Read the stored error; the job is retried while attempts remain.');
});

test('a parent says how many of its executions have ended', async () => {
  const { unstuck } = await setup();
  const cell = job('cell', () => 1);
  const parent = defineFanOut({
    type: 'grid',
    input: anything,
    executions: { of: cell, plan: () => ({ region: ['eu', 'us'] }), input: (at) => at },
  });
  const worker = await unstuck.work([parent]);
  const { id } = await unstuck.enqueue(parent, 1);
  await eventually(async () => (await unstuck.get(id))?.waitsFor === 'executions', 'it is planned');
  await worker.stop();
  expect((await unstuck.explain(id)).reason).toBe('0 of its 2 executions have ended, 2 are live');
});

test('a finding of its group and errors of the sweep are part of it', async () => {
  const { unstuck, moveClock, query } = await setup({ sweep: false });
  const { id } = await unstuck.enqueue('mail', 1);
  await query(
    `insert into unstuck.row_errors (job_id, task, code, message, count, last_at) values ($1, 'promote', '22000', 'mine', 2, now())`,
    [id],
  );
  await moveClock('10 minutes');
  await unstuck.stuck();
  expect(await unstuck.explain(id)).toMatchObject({
    late: true,
    finding: { reason: 'no live worker handles "mail"', firstSeen: expect.any(Date) },
    sweepErrors: [{ task: 'promote', message: 'mine', count: 2 }],
  });
});

test('a job that does not exist is told', async () => {
  const { unstuck } = await setup({ sweep: false });
  await expect(unstuck.explain(NOBODY)).rejects.toMatchObject({ code: 'JOB_NOT_FOUND' });
  await expect(unstuck.explain('7')).rejects.toMatchObject({ code: 'JOB_ID_INVALID' });
});
