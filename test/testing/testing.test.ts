// The laws of `unstuck/testing`: what users need to test their handlers, without waiting.
import { beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { defineFanOut } from '../../src/domain/define-fan-out.ts';
import { defineJob } from '../../src/domain/define-job.ts';
import { Fail } from '../../src/domain/outcome.ts';
import { drain, moveClock, resetClock, runHandler } from '../../src/testing/index.ts';
import { Unstuck } from '../../src/unstuck.ts';
import { freshDatabase } from '../support/database.ts';

const hello = defineJob({
  type: 'hello',
  input: z.strictObject({ name: z.string() }),
  retry: { attempts: 2, backoff: 'fixed', base: '1h', max: '1h' },
  run: ({ input, attempt }) => {
    if (input.name === 'nobody') throw new Fail('there is nobody', { code: 'NOBODY' });
    if (input.name === 'second' && attempt === 1) throw new Error('not yet');
    return `hi ${input.name}`;
  },
});

let url: string;
let unstuck: Unstuck;

beforeEach(async () => {
  const database = await freshDatabase();
  url = database.url;
  unstuck = await Unstuck.connect({ database: url, logLevel: 'silent' });
  return async () => {
    await unstuck.close();
    await database.drop();
  };
});

describe('drain', () => {
  test('runs everything that is due and leaves what is held or in the future', async () => {
    const done = await unstuck.enqueueMany(hello, [
      { input: { name: 'a' } },
      { input: { name: 'nobody' } },
    ]);
    const held = await unstuck.enqueue(hello, { name: 'b' }, { hold: true });
    const later = await unstuck.enqueue(hello, { name: 'c' }, { delay: '2h' });
    await drain(unstuck, [hello]);
    const states = await Promise.all(
      [...done, held, later].map(async ({ id }) => (await unstuck.get(id))?.state),
    );
    expect(states).toEqual(['completed', 'failed', 'pending', 'pending']);
    expect((await unstuck.status()).workers).toEqual([]);
  });

  test('with the clock moved, schedules whose time has come are fired and their jobs run', async () => {
    await unstuck.schedules.set('s', { job: hello, input: { name: 'a' }, cron: '0 9 * * *' });
    await drain(unstuck, [hello]);
    expect((await unstuck.list()).jobs).toEqual([]);
    await moveClock(unstuck, '1d');
    await drain(unstuck, [hello]);
    expect((await unstuck.list()).jobs).toMatchObject([{ state: 'completed', result: 'hi a' }]);
  });

  test('with the clock moved, what was in the future runs too: delays and retries', async () => {
    const later = await unstuck.enqueue(hello, { name: 'c' }, { delay: '2h' });
    const again = await unstuck.enqueue(hello, { name: 'second' });
    await drain(unstuck, [hello]);
    expect(await unstuck.get(again.id)).toMatchObject({ state: 'pending', waitsFor: 'retry' });
    await moveClock(unstuck, '3h');
    await drain(unstuck, [hello]);
    for (const { id } of [later, again])
      expect(await unstuck.get(id)).toMatchObject({ state: 'completed' });
  });

  test('runs what waits for a slot, at a limit or for executions', async () => {
    await unstuck.pools.set('p', { capacity: 1 });
    const part = defineJob({
      type: 'part',
      input: z.number(),
      slot: 'p',
      whenFull: 'wait',
      limit: { running: 1 },
      run: ({ input }) => input,
    });
    const whole = defineFanOut({
      type: 'whole',
      input: z.array(z.number()),
      executions: { of: part, plan: (input) => input, input: (item: number) => item },
      run: ({ executions }) => executions.length,
    });
    const { id } = await unstuck.enqueue(whole, [1, 2, 3]);
    await drain(unstuck, [part, whole]);
    expect((await unstuck.get(id, { as: whole }))?.result).toBe(3);
  });

  test('gives up in time and names what is left', async () => {
    const stubborn = defineJob({
      type: 'stubborn',
      input: z.null(),
      run: (job) => new Promise((resolve) => job.signal.addEventListener('abort', resolve)),
    });
    await unstuck.enqueue(stubborn, null);
    const own = await Unstuck.connect({
      database: url,
      logLevel: 'silent',
      drainTimeout: '0ms',
      abortGrace: '0ms',
    });
    await expect(drain(own, [stubborn], { timeout: '2s' })).rejects.toMatchObject({
      code: 'WAIT_TIMEOUT',
      message: expect.stringContaining('1 running stubborn'),
    });
    await own.close();
  });
});

describe('the clock', () => {
  test('moves for every session, moves add up, and it can be made the server’s again', async () => {
    const day = 86_400_000;
    const before = Date.now();
    expect((await moveClock(unstuck, '10d')).getTime() - before).toBeGreaterThan(9.9 * day);
    expect((await moveClock(url, '30d')).getTime() - before).toBeGreaterThan(39.9 * day);
    const { id } = await unstuck.enqueue(hello, { name: 'later' });
    await drain(unstuck, [hello]);
    const ended = (await unstuck.get(id))?.finishedAt?.getTime() ?? 0;
    expect(ended - before).toBeGreaterThan(39.9 * day);
    expect((await resetClock(unstuck)).getTime() - before).toBeLessThan(day);
  });

  test('only moves by a duration', async () => {
    await expect(moveClock(unstuck, 'soon')).rejects.toMatchObject({ code: 'TIME_INVALID' });
  });
});

describe('runHandler', () => {
  test('calls the handler with a checked input and answers with its result', async () => {
    expect(await runHandler(hello, { name: 'x' })).toBe('hi x');
    await expect(runHandler(hello, { name: 7 as never })).rejects.toMatchObject({
      code: 'INPUT_INVALID',
    });
    await expect(runHandler(hello, { name: 'nobody' })).rejects.toBeInstanceOf(Fail);
  });

  test('the attempt can be chosen', async () => {
    await expect(runHandler(hello, { name: 'second' })).rejects.toThrow('not yet');
    expect(await runHandler(hello, { name: 'second' }, { attempt: 2 })).toBe('hi second');
  });
});
