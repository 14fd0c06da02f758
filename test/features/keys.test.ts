// The laws of unique keys: one live job for each, refused, returned or replaced; windows; and a key that never jams.
import { describe, expect, test } from 'vitest';
import { Fail } from '../../src/domain/outcome.ts';
import { gate, job, setup } from '../support/unstuck.ts';

const report = job('report', ({ input }) => input);

describe('a key that a live job has', () => {
  test('is answered with that job, or refused, as the caller chose', async () => {
    const { unstuck } = await setup({ sweep: false });
    const { id } = await unstuck.enqueue(report, 1, { key: 'k' });
    expect(await unstuck.enqueue(report, 2, { key: 'k' })).toEqual({
      id,
      created: false,
      reason: 'key-live',
    });
    await expect(
      unstuck.enqueue(report, 2, { key: 'k', whenTaken: 'refuse' }),
    ).rejects.toMatchObject({
      code: 'KEY_TAKEN',
      detail: { id },
    });
    expect(await unstuck.get(id)).toMatchObject({ input: 1 });
  });

  test('takes the new input and priority, with whenTaken replace, unless it is running or of another type', async () => {
    const { unstuck } = await setup({ sweep: false });
    const held = gate();
    const started = gate();
    const slow = job('slow', async () => {
      started.open();
      await held.promise;
    });
    const { id } = await unstuck.enqueue(report, { n: 1 }, { key: 'k', delay: '1h' });
    const options = { key: 'k', whenTaken: 'replace', priority: 7 } as const;
    expect(await unstuck.enqueue(report, { n: 2 }, options)).toEqual({
      id,
      created: false,
      reason: 'replaced',
    });
    expect(await unstuck.get(id)).toMatchObject({ input: { n: 2 }, priority: 7, waitsFor: 'time' });
    await expect(unstuck.enqueue(slow, 1, options)).rejects.toMatchObject({ code: 'KEY_TAKEN' });
    const worker = await unstuck.work([slow]);
    const running = await unstuck.enqueue(slow, 1, { key: 'r' });
    await started.promise;
    await expect(
      unstuck.enqueue(slow, 2, { key: 'r', whenTaken: 'replace' }),
    ).rejects.toMatchObject({ code: 'KEY_TAKEN', detail: { id: running.id } });
    held.open();
    await worker.stop();
  });

  test('with replace and a free key the job is created', async () => {
    const { unstuck } = await setup({ sweep: false });
    expect(await unstuck.enqueue(report, 1, { key: 'k', whenTaken: 'replace' })).toMatchObject({
      created: true,
      reason: 'created',
    });
  });

  test('many callers at once replace and create one job between them', async () => {
    const { unstuck, connect, query } = await setup({ sweep: false });
    const others = [unstuck, await connect({ sweep: false }), await connect({ sweep: false })];
    const calls = Array.from({ length: 60 }, (_, n) =>
      (others[n % 3] ?? unstuck).enqueue(report, n, { key: 'k', whenTaken: 'replace' }),
    );
    const answers = await Promise.all(calls);
    expect(answers.filter((answer) => answer.created)).toHaveLength(1);
    expect(new Set(answers.map((answer) => answer.id)).size).toBe(1);
    expect(await query('select from unstuck.jobs')).toHaveLength(1);
  });
});

describe('replacing the input of a job that counts somewhere', () => {
  const tied = job('tied', () => 1, {
    slot: (input) => `publisher:${String(input)}`,
    limit: { running: 1, key: (input) => String(Math.abs(input as number)) },
  });
  const call = { key: 'k', whenTaken: 'replace' } as const;

  test('needs no slot of a pool that is full: the job has its own', async () => {
    const { unstuck } = await setup({ sweep: false });
    await unstuck.pools.set('publisher:1', { capacity: 1 });
    const { id } = await unstuck.enqueue(tied, 1, call);
    expect(await unstuck.enqueue(tied, 1, { ...call, priority: 7 })).toMatchObject({
      id,
      reason: 'replaced',
    });
    expect(await unstuck.get(id)).toMatchObject({ priority: 7 });
  });

  test('is refused when the new input asks for another pool, or counts at another limit', async () => {
    const { unstuck } = await setup({ sweep: false });
    for (const n of [1, -1, 2]) await unstuck.pools.set(`publisher:${n}`, { capacity: 1 });
    const { id } = await unstuck.enqueue(tied, 1, call);
    for (const other of [-1, 2])
      await expect(unstuck.enqueue(tied, other, call)).rejects.toMatchObject({
        code: 'KEY_TAKEN',
        message: expect.stringContaining('another pool or limit'),
      });
    expect(await unstuck.get(id)).toMatchObject({ input: 1, pool: 'publisher:1' });
  });
});

describe('A4: a key is free when its job ends', () => {
  test.for(['completed', 'failed', 'cancelled'] as const)('%s', async (state) => {
    const { unstuck } = await setup();
    const ends = job('ends', async () => {
      if (state === 'failed') throw new Fail('no');
    });
    if (state !== 'cancelled') await unstuck.work([ends]);
    const { id } = await unstuck.enqueue(ends, 1, { key: 'k', whenTaken: 'refuse' });
    if (state === 'cancelled') await unstuck.cancel(id);
    expect(await unstuck.wait(id, { timeout: '20s' })).toMatchObject({ state });
    expect(await unstuck.enqueue(ends, 2, { key: 'k', whenTaken: 'refuse' })).toMatchObject({
      created: true,
    });
  });
});

describe('a window', () => {
  test('lets no second job in until it is over, whether the first has ended or not', async () => {
    const { unstuck, moveClock } = await setup({ sweep: false });
    const once = { key: 'daily', keyWindow: '1h' } as const;
    const { id } = await unstuck.enqueue(report, 1, once);
    expect(await unstuck.enqueue(report, 2, once)).toMatchObject({ id, reason: 'key-live' });
    await unstuck.cancel(id);
    expect(await unstuck.enqueue(report, 2, once)).toEqual({
      id,
      created: false,
      reason: 'key-window',
    });
    await moveClock('59 minutes');
    expect(await unstuck.enqueue(report, 2, once)).toMatchObject({ created: false });
    await moveClock('61 minutes');
    expect(await unstuck.enqueue(report, 2, once)).toMatchObject({ created: true });
  });

  test('A3: in a transaction that rolls back it was never open', async () => {
    const { unstuck, session } = await setup({ sweep: false });
    const once = { key: 'daily', keyWindow: '1h' } as const;
    const client = await session();
    await client.query('begin');
    await unstuck.enqueue(report, 1, { ...once, in: client });
    await client.query('rollback');
    expect(await unstuck.enqueue(report, 2, once)).toMatchObject({ created: true });
  });

  test.for([
    [{ keyWindow: '1h' }, 'KEY_INVALID'],
    [{ key: 'k', keyWindow: '1ms' }, 'TIME_INVALID'],
    [{ whenTaken: 'refuse' }, 'KEY_INVALID'],
    [{ key: 'k', whenTaken: 'maybe' }, 'KEY_INVALID'],
  ] as const)('%j is refused', async ([options, code]) => {
    const { unstuck } = await setup({ sweep: false });
    await expect(unstuck.enqueue(report, 1, options as never)).rejects.toMatchObject({ code });
  });
});
