// The laws of an attempt that did not simply succeed: what the handler said is what happens, and attempts end.
import { describe, expect, test } from 'vitest';
import { Cancel, Fail, RetryAfter, Snooze } from '../../src/domain/outcome.ts';
import { eventually, job, type Setup, setup } from '../support/unstuck.ts';

/** Runs one job to its end. */
async function end(
  { unstuck }: Setup,
  definition: ReturnType<typeof job>,
  input: unknown = {},
): Promise<Awaited<ReturnType<typeof unstuck.wait>>> {
  await unstuck.work([definition]);
  const { id } = await unstuck.enqueue(definition, input);
  return unstuck.wait(id, { timeout: '20s' });
}

describe('a handler that throws', () => {
  test('S1.6: is retried, its error kept, and succeeds in the end', async () => {
    const all = await setup();
    const flaky = job(
      'flaky',
      (running) => {
        if (running.attempt < 3) throw new Error(`attempt ${running.attempt}`);
        return 'done';
      },
      { retry: { base: 0 } },
    );
    const done = await end(all, flaky);
    expect(done).toMatchObject({ state: 'completed', attempt: 3, result: 'done' });
    expect(await all.unstuck.history(done.id)).toMatchObject([
      { kind: 'failed', attempt: 1, reason: 'attempt 1' },
      { kind: 'failed', attempt: 2, reason: 'attempt 2' },
    ]);
  });

  test('its attempts are capped, and the last error is the error of the job', async () => {
    const all = await setup();
    let runs = 0;
    const bad = job(
      'bad',
      () => {
        runs += 1;
        throw Object.assign(new Error(`run ${runs}`), { code: 'E_MINE' });
      },
      { retry: { attempts: 3, backoff: 'fixed', base: 0 } },
    );
    expect(await end(all, bad)).toMatchObject({
      state: 'failed',
      attempt: 3,
      attemptsMax: 3,
      error: { code: 'E_MINE', message: 'run 3' },
    });
    expect(runs).toBe(3);
    expect(all.lines.filter((line) => line.event === 'attempt_failed')).toHaveLength(3);
  });

  test('waits for its backoff at the gate "retry", within the bounds of full jitter', async () => {
    const { unstuck, moveClock } = await setup();
    const bad = job(
      'bad',
      () => {
        throw new Error('no');
      },
      { retry: { base: '1h', max: '10h' } },
    );
    await unstuck.work([bad]);
    const { id } = await unstuck.enqueue(bad, 1);
    const waiting = (attempt: number) =>
      eventually(async () => {
        const one = await unstuck.get(id);
        return one?.waitsFor === 'retry' && one.attempt === attempt && one;
      }, `it waits after attempt ${attempt}`);
    const first = await waiting(1);
    const delay = (first.deadline?.getTime() ?? 0) - first.updatedAt.getTime();
    expect(delay).toBeGreaterThanOrEqual(0);
    expect(delay).toBeLessThanOrEqual(3_600_000);
    expect(first.error?.message).toBe('no');
    await moveClock('3601 seconds');
    expect((await waiting(2)).attempt).toBe(2);
  });

  test('Fail ends it at once, whatever attempts remain', async () => {
    const all = await setup();
    const never = job('never', () => {
      throw new Fail('no such customer', { code: 'GONE' });
    });
    expect(await end(all, never)).toMatchObject({
      state: 'failed',
      attempt: 1,
      error: { code: 'GONE', message: 'no such customer' },
    });
  });

  test('RetryAfter decides the delay, and is charged', async () => {
    const { unstuck } = await setup();
    const busy = job('busy', () => {
      throw new RetryAfter('2h', 'busy');
    });
    await unstuck.work([busy]);
    const { id } = await unstuck.enqueue(busy, 1);
    const one = await eventually(async () => {
      const now = await unstuck.get(id);
      return now?.waitsFor === 'retry' && now;
    }, 'it waits');
    expect((one.deadline?.getTime() ?? 0) - one.updatedAt.getTime()).toBe(7_200_000);
    expect(one).toMatchObject({ attempt: 1, state: 'pending' });
  });

  test('a backoff function that itself throws fails the job with its error, and not the worker', async () => {
    const all = await setup();
    const bad = job(
      'bad',
      () => {
        throw new Error('no');
      },
      {
        retry: {
          backoff: () => {
            throw new Error('bad policy');
          },
        },
      },
    );
    expect(await end(all, bad)).toMatchObject({
      state: 'failed',
      error: { message: 'bad policy' },
    });
  });

  test('Cancel ends it as cancelled, with its reason', async () => {
    const all = await setup();
    const over = job('over', () => {
      throw new Cancel('nobody wants it');
    });
    expect(await end(all, over)).toMatchObject({ state: 'cancelled', reason: 'nobody wants it' });
  });

  test('E2: Snooze costs no attempt, is counted, and is capped', async () => {
    const all = await setup();
    const sleepy = job(
      'sleepy',
      () => {
        throw new Snooze(0);
      },
      { snoozesMax: 3 },
    );
    const done = await end(all, sleepy);
    expect(done).toMatchObject({
      state: 'failed',
      attempt: 1,
      snoozes: 3,
      error: { code: 'SNOOZES_EXHAUSTED' },
    });
    expect(Number(done.token)).toBe(4);
  });

  test('A6: NUL, lone surrogates and odd values cannot keep a failure from being stored', async () => {
    const { unstuck } = await setup();
    const odd = [
      new Error('a\0b\uD83D'),
      'text\uDE00',
      undefined,
      null,
      5n,
      Symbol('s'),
      Object.create(null),
      Object.assign(new Error('x'), {
        name: `${'x'.repeat(99)}\u{1F600}`,
        code: `${'y'.repeat(99)}\u{1F600}`,
      }),
      new Error('z'.repeat(2_000_000)),
    ];
    const thrower = job(
      'thrower',
      (running) => {
        throw odd[running.input as number];
      },
      { retry: { attempts: 2, base: 0 } },
    );
    await unstuck.work([thrower]);
    const jobs = await unstuck.enqueueMany(
      thrower,
      odd.map((_, input) => ({ input })),
    );
    for (const [index, { id }] of jobs.entries()) {
      const done = await unstuck.wait(id, { timeout: '20s' });
      expect(done, `value ${index}`).toMatchObject({ state: 'failed', attempt: 2 });
      expect(done.error?.code, `value ${index}`).not.toBe('FINISH_REFUSED');
    }
  });
});

describe('a handler that returns what cannot be stored', () => {
  test('A6: ends the job failed as RESULT_UNSTORABLE, without another run', async () => {
    const { unstuck } = await setup({ resultBytesMax: 1_000 });
    const cycle: Record<string, unknown> = {};
    cycle['self'] = cycle;
    const results = [
      'a\0b',
      '\uD83D',
      5n,
      { deep: 5n },
      Object(5n),
      cycle,
      'x'.repeat(2_000),
      () => 1,
      {
        get bad() {
          throw new Error('no');
        },
      },
    ];
    let runs = 0;
    const odd = job('odd', (running) => {
      runs += 1;
      return results[running.input as number];
    });
    await unstuck.work([odd]);
    const jobs = await unstuck.enqueueMany(
      odd,
      results.map((_, input) => ({ input })),
    );
    for (const [index, { id }] of jobs.entries())
      expect(await unstuck.wait(id, { timeout: '20s' }), `result ${index}`).toMatchObject({
        state: 'failed',
        error: { code: 'RESULT_UNSTORABLE' },
      });
    expect(runs).toBe(results.length);
  });

  test('a handler that returns nothing completes with null', async () => {
    const all = await setup();
    expect(
      await end(
        all,
        job('nothing', () => undefined),
      ),
    ).toMatchObject({ state: 'completed', result: null });
  });
});

describe('retrying a finished job by hand', () => {
  test('keeps its id, gives it fresh attempts, raises its token, and says who did it', async () => {
    const { unstuck } = await setup();
    let fail = true;
    const bad = job(
      'bad',
      () => {
        if (fail) throw new Error('no');
        return 'ok';
      },
      { retry: { attempts: 2, base: 0 } },
    );
    await unstuck.work([bad]);
    const { id } = await unstuck.enqueue(bad, { n: 1 }, { priority: 4, tags: ['x'] });
    const first = await unstuck.wait(id, { timeout: '20s' });
    expect(first).toMatchObject({ state: 'failed', attempt: 2, token: '2' });
    fail = false;
    expect(await unstuck.retry(id, { by: 'ann', reason: 'mended' })).toMatchObject({ id });
    const second = await unstuck.wait(id, { timeout: '20s' });
    expect(second).toMatchObject({
      state: 'completed',
      attempt: 1,
      token: '3',
      input: { n: 1 },
      priority: 4,
      tags: ['x'],
    });
    expect((await unstuck.history(id)).map((entry) => entry.kind)).toEqual([
      'failed',
      'failed',
      'retried',
    ]);
    expect((await unstuck.list({})).jobs.filter((one) => one.id === id)).toHaveLength(1);
  });

  test('is refused while the job is live, and while another live job has its key', async () => {
    const { unstuck } = await setup();
    const mail = job('mail', () => 1);
    const { id } = await unstuck.enqueue(mail, 1, { key: 'k' });
    await expect(unstuck.retry(id)).rejects.toMatchObject({ code: 'JOB_STATE_CONFLICT' });
    await unstuck.cancel(id);
    await unstuck.enqueue(mail, 2, { key: 'k' });
    await expect(unstuck.retry(id)).rejects.toMatchObject({ code: 'KEY_TAKEN' });
    await expect(unstuck.retry('01234567-89ab-7def-8123-456789abcd00')).rejects.toMatchObject({
      code: 'JOB_NOT_FOUND',
    });
  });
});

describe('progress', () => {
  test('S3.6: is seen while the job runs, bounded to 0..1, and kept', async () => {
    const { unstuck } = await setup();
    let open!: () => void;
    const held = new Promise<void>((resolve) => (open = resolve));
    const long = job('long', async (running) => {
      running.progress(0.5, `half${'é'.repeat(600)}`);
      await held;
      running.progress(Number.NaN);
      running.progress(7);
      return 1;
    });
    await unstuck.work([long]);
    const { id } = await unstuck.enqueue(long, 1);
    const half = await eventually(async () => {
      const one = await unstuck.get(id);
      return one?.progress === 0.5 && one;
    }, 'half');
    expect(half.progressNote).toMatch(/^half/);
    open();
    expect((await unstuck.wait(id, { timeout: '10s' })).progress).toBe(0.5);
  });

  test('A6: a note that is cut within a pair of surrogates is noted all the same', async () => {
    const { unstuck } = await setup();
    const long = job('long', async (running) => {
      running.progress(0.25, `${'x'.repeat(499)}\u{1F600}\0`);
      await new Promise((resolve) => running.signal.addEventListener('abort', resolve));
    });
    await unstuck.work([long]);
    const { id } = await unstuck.enqueue(long, 1);
    await eventually(async () => (await unstuck.get(id))?.progress === 0.25, 'noted');
  });
});
