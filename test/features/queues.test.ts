// The laws of queues: what is paused starts nowhere, what is resumed starts at once; the next of a sequential queue; drained means nothing is left.
import { describe, expect, test } from 'vitest';
import { defineQueue } from '../../src/domain/define-queue.ts';
import { gate, job, setup } from '../support/unstuck.ts';

const mail = job('mail', () => 'sent', { queue: 'mails' });

describe('a pause', () => {
  test('starts no job of the queue in any process, with who, why and until; resume starts them at once', async () => {
    const { unstuck, connect } = await setup();
    const other = await connect();
    const plain = job('plain', () => 1);
    await Promise.all([unstuck.work([mail, plain]), other.work([mail])]);
    const paused = await unstuck.queues.pause('mails', { by: 'ann', reason: 'vendor down' });
    expect(paused).toMatchObject({ paused: { by: 'ann', reason: 'vendor down', until: null } });
    const ids = await Promise.all([1, 2, 3].map((n) => unstuck.enqueue(mail, n)));
    const passes = await unstuck.enqueue(plain, 1);
    await unstuck.wait(passes.id, { timeout: '20s' });
    expect(await unstuck.queues.get('mails')).toMatchObject({ queued: 3, running: 0 });
    await unstuck.queues.resume('mails');
    for (const { id } of ids)
      expect(await unstuck.wait(id, { timeout: '20s' })).toMatchObject({ state: 'completed' });
    expect(await unstuck.queues.get('mails')).toMatchObject({ paused: null, queued: 0 });
  });

  test('ends by itself at its time', async () => {
    const { unstuck, moveClock } = await setup();
    await unstuck.work([mail]);
    await unstuck.queues.pause('mails', { until: new Date(Date.now() + 3_600_000) });
    const { id } = await unstuck.enqueue(mail, 1);
    expect(await unstuck.queues.pauses()).toMatchObject([{ kind: 'queue', name: 'mails' }]);
    await moveClock('61 minutes');
    expect(await unstuck.wait(id, { timeout: '20s' })).toMatchObject({ state: 'completed' });
    expect(await unstuck.queues.pauses()).toEqual([]);
  });

  test('of one type leaves the others of its queue alone; running jobs go on', async () => {
    const { unstuck } = await setup();
    const held = gate();
    const started = gate();
    const slow = job(
      'slow',
      async () => {
        started.open();
        await held.promise;
      },
      { queue: 'mails' },
    );
    await unstuck.work([mail, slow]);
    const first = await unstuck.enqueue(slow, 1);
    await started.promise;
    await unstuck.queues.pauseType('slow', { reason: 'look' });
    const second = await unstuck.enqueue(slow, 2);
    const other = await unstuck.enqueue(mail, 1);
    await unstuck.wait(other.id, { timeout: '20s' });
    held.open();
    await unstuck.wait(first.id, { timeout: '20s' });
    expect(await unstuck.get(second.id)).toMatchObject({ state: 'queued' });
    await unstuck.queues.resumeType('slow');
    await unstuck.wait(second.id, { timeout: '20s' });
  });

  test('of what does not exist, or until a time that is over, is refused', async () => {
    const { unstuck } = await setup({ sweep: false });
    await unstuck.work([mail]);
    const over = { until: new Date(Date.now() - 60_000) };
    await expect(unstuck.queues.pause('mails', over)).rejects.toMatchObject({
      code: 'TIME_INVALID',
    });
    await expect(unstuck.queues.pause('mails', { untl: 1 } as never)).rejects.toMatchObject({
      code: 'OPTION_UNKNOWN',
    });
    await expect(unstuck.queues.pause('nope')).rejects.toMatchObject({ code: 'QUEUE_UNKNOWN' });
    const unknown = { code: 'JOB_TYPE_UNKNOWN' };
    await expect(unstuck.queues.pauseType('nope')).rejects.toMatchObject(unknown);
    await expect(unstuck.queues.resumeType('nope')).rejects.toMatchObject(unknown);
  });
});

describe('S3.5: next', () => {
  test('starts none while one is running, and says so; else it says what it started, or that nothing is pending', async () => {
    const { unstuck } = await setup({ sweep: false });
    const queue = defineQueue({ name: 'collection', limit: { running: 1 } });
    const held = gate();
    const started = gate<string>();
    const collect = job(
      'collect',
      async ({ id }) => {
        started.open(id);
        await held.promise;
      },
      { queue },
    );
    const worker = await unstuck.work([collect]);
    expect(await unstuck.queues.executePending('collection')).toEqual({
      totalPending: 0,
      started: 0,
      jobIds: [],
      message: 'No job is pending.',
    });
    await unstuck.enqueue(collect, 1);
    const running = await started.promise;
    const { id } = await unstuck.enqueue(collect, 2);
    expect(await unstuck.queues.executePending('collection')).toEqual({
      totalPending: 1,
      started: 0,
      jobIds: [],
      message: `Job ${running} is running; the next starts when it has ended.`,
    });
    await unstuck.queues.pause('collection', { by: 'ann' });
    expect((await unstuck.queues.executePending('collection')).message).toBe(
      'The queue is paused by ann; none was started.',
    );
    await unstuck.queues.resume('collection');
    held.open();
    expect(await unstuck.wait(id, { timeout: '20s' })).toMatchObject({ state: 'completed' });
    await worker.stop();
  });

  test('what was told to nobody is started by it', async () => {
    const { unstuck, session } = await setup({ sweep: false });
    const collect = job('collect', () => 1, {
      queue: defineQueue({ name: 'c', limit: { running: 1 } }),
    });
    // In a transaction, of whose commit nobody hears: no worker runs here.
    const client = await session();
    await client.query('begin');
    const { id } = await unstuck.enqueue(collect, 1, { in: client });
    await client.query('commit');
    expect(await unstuck.queues.executePending('c')).toEqual({
      totalPending: 1,
      started: 1,
      jobIds: [id],
      message: 'Started 1 of 1 pending.',
    });
  });
});

test('drain resolves when nothing of the queue is left to run, and tells after its timeout what is', async () => {
  const { unstuck } = await setup();
  const held = gate();
  const slow = job('slow', () => held.promise, { queue: 'mails' });
  await unstuck.work([slow]);
  await unstuck.enqueue(slow, 1);
  await unstuck.enqueue(slow, 2, { delay: '1h' });
  await expect(unstuck.queues.drain('mails', { timeout: '50ms' })).rejects.toMatchObject({
    code: 'WAIT_TIMEOUT',
    detail: { left: 1 },
  });
  await expect(unstuck.queues.drain('mails', { timeout: 'soon' })).rejects.toMatchObject({
    code: 'TIME_INVALID',
  });
  const drained = unstuck.queues.drain('mails', { timeout: '20s' });
  held.open();
  await drained;
  expect(await unstuck.queues.get('mails')).toMatchObject({
    running: 0,
    pending: 1,
    waitsFor: { time: 1 },
  });
});
