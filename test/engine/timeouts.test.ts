// The laws of timeouts: an attempt ends in time whatever its handler does, and what comes late is refused and recorded.
import { describe, expect, test } from 'vitest';
import { eventually, gate, job, setup } from '../support/unstuck.ts';

describe('an attempt past its timeout', () => {
  test('S1.4: is told by its signal, and retried or failed by policy', async () => {
    const { unstuck } = await setup();
    const reasons: unknown[] = [];
    const slow = job(
      'slow',
      (running) =>
        new Promise((_, reject) => {
          running.signal.addEventListener('abort', () => {
            reasons.push((running.signal.reason as { code?: string }).code);
            reject(running.signal.reason);
          });
        }),
      { timeout: '200ms', retry: { attempts: 2, base: 0 } },
    );
    await unstuck.work([slow]);
    const { id } = await unstuck.enqueue(slow, 1);
    expect(await unstuck.wait(id, { timeout: '20s' })).toMatchObject({
      state: 'failed',
      attempt: 2,
      error: { code: 'JOB_TIMEOUT' },
    });
    expect(reasons).toEqual(['JOB_TIMEOUT', 'JOB_TIMEOUT']);
    expect((await unstuck.history(id)).map((entry) => entry.kind)).toEqual([
      'timed-out',
      'timed-out',
    ]);
  });

  test('may still return within the grace, and is accepted', async () => {
    const { unstuck } = await setup({ abortGrace: '10s' });
    const polite = job(
      'polite',
      (running) =>
        new Promise((resolve) =>
          running.signal.addEventListener('abort', () => resolve('just in time')),
        ),
      { timeout: '200ms' },
    );
    await unstuck.work([polite]);
    const { id } = await unstuck.enqueue(polite, 1);
    expect(await unstuck.wait(id, { timeout: '20s' })).toMatchObject({
      state: 'completed',
      result: 'just in time',
    });
  });

  test('C6: is fenced off although its handler never returns, its slot is free, and the handler is counted as a ghost', async () => {
    const { unstuck, logged } = await setup();
    const ghost = job('ghost', () => new Promise(() => undefined), {
      timeout: '200ms',
      retry: { attempts: 1 },
    });
    const next = job('next', () => 'ran');
    await unstuck.work([ghost, next], { concurrency: 1 });
    const { id } = await unstuck.enqueue(ghost, 1);
    expect(await unstuck.wait(id, { timeout: '20s' })).toMatchObject({
      state: 'failed',
      error: { code: 'JOB_TIMEOUT' },
    });
    expect((await logged('handler_left_behind')).facts).toMatchObject({ job: id, ghosts: 1 });
    const second = await unstuck.enqueue(next, 1);
    expect((await unstuck.wait(second.id, { timeout: '20s' })).result).toBe('ran');
    await eventually(
      async () => (await unstuck.status()).workers[0]?.ghosts === 1,
      'the ghost in the status',
    );
  });

  test('C6: a worker with too many ghosts asks once to be replaced', async () => {
    const { unstuck } = await setup({ ghostsMax: 2 });
    const ghost = job('ghost', () => new Promise(() => undefined), {
      timeout: '100ms',
      retry: { attempts: 1 },
    });
    let asked = 0;
    await unstuck.work([ghost], { concurrency: 4, onReplace: () => (asked += 1) });
    const jobs = await unstuck.enqueueMany(ghost, [{ input: 1 }, { input: 2 }, { input: 3 }]);
    for (const { id } of jobs) await unstuck.wait(id, { timeout: '20s' });
    expect(asked).toBe(1);
  });

  test('D12: what it decides in the same turn as its end is late too: the end stays the first', async () => {
    const { unstuck } = await setup();
    const torn = job(
      'torn',
      ({ signal }) => {
        setTimeout(() => {
          throw new Error('the first');
        }, 0);
        return new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(new Error('the late one')));
        });
      },
      { retry: { attempts: 1 } },
    );
    await unstuck.work([torn]);
    const enqueued = await unstuck.enqueueMany(torn, [{ input: 1 }, { input: 2 }, { input: 3 }]);
    for (const { id } of enqueued) {
      expect(await unstuck.wait(id, { timeout: '20s' })).toMatchObject({
        state: 'failed',
        error: { message: 'the first' },
      });
      await eventually(
        async () => (await unstuck.history(id)).some(({ kind }) => kind === 'late-result'),
        'the late one in the history',
      );
    }
  });

  test('D1, D12: its late result is refused and recorded, and does not touch the next attempt', async () => {
    const { unstuck } = await setup();
    const late = gate();
    const stubborn = job(
      'stubborn',
      async (running) => {
        if (running.attempt > 1) return 'second';
        await late.promise;
        return 'first, too late';
      },
      { timeout: '200ms', retry: { base: 0 } },
    );
    await unstuck.work([stubborn]);
    const { id } = await unstuck.enqueue(stubborn, 1);
    expect(await unstuck.wait(id, { timeout: '20s' })).toMatchObject({
      state: 'completed',
      result: 'second',
      attempt: 2,
    });
    late.open();
    const history = await eventually(async () => {
      const entries = await unstuck.history(id);
      return entries.some((entry) => entry.kind === 'late-result') && entries;
    }, 'the late result in the history');
    expect(history.map((entry) => entry.kind).toSorted()).toEqual([
      'late-result',
      'stale',
      'timed-out',
    ]);
    expect(history.find((entry) => entry.kind === 'stale')).toMatchObject({
      token: '1',
      attempt: 1,
    });
    expect((await unstuck.get(id))?.result).toBe('second');
  });

  test('C7: a timeout of 30 days does not fire at once', async () => {
    const { unstuck } = await setup();
    const long = job(
      'long',
      async (running) => {
        await new Promise((resolve) => setTimeout(resolve, 100));
        return running.signal.aborted;
      },
      { timeout: '30d' },
    );
    await unstuck.work([long]);
    const { id } = await unstuck.enqueue(long, 1);
    expect((await unstuck.wait(id, { timeout: '20s' })).result).toBe(false);
  });

  test('D1: is ended by the sweep when its worker does not, and the result that comes then is stale', async () => {
    const { unstuck, moveClock, query } = await setup();
    const held = gate();
    let runs = 0;
    const slow = job(
      'slow',
      async () => {
        runs += 1;
        await held.promise;
        return 'too late';
      },
      { timeout: '1h', retry: { attempts: 1 } },
    );
    await unstuck.work([slow]);
    const { id } = await unstuck.enqueue(slow, 1);
    await eventually(() => runs === 1, 'it runs');
    // The clock of the database says that the timeout is over; the worker's own clock does not.
    await moveClock('2 hours');
    await eventually(async () => (await unstuck.get(id))?.state === 'failed', 'the sweep ended it');
    held.open();
    const entries = await eventually(async () => {
      const found = await unstuck.history(id);
      return found.length >= 2 && found;
    }, 'both in the history');
    expect(entries.map((entry) => entry.kind)).toContain('timed-out');
    expect(await unstuck.get(id)).toMatchObject({
      state: 'failed',
      error: { code: 'JOB_TIMEOUT' },
    });
    await eventually(
      async () =>
        (await query(`select from unstuck.attempts where job_id = $1 and outcome = 'stale'`, [id]))
          .length === 1,
      'recorded as stale',
    );
  });
});

describe('cancelling', () => {
  const mail = job('mail', () => 1);

  test('ends a held, a delayed and a queued job, with who and why', async () => {
    const { unstuck } = await setup();
    for (const options of [{ hold: true }, { delay: '1h' }, {}] as const) {
      const { id } = await unstuck.enqueue(mail, 1, options);
      expect(await unstuck.cancel(id, { by: 'ann', reason: 'not needed' })).toMatchObject({
        state: 'cancelled',
        reason: 'not needed',
        waitsFor: null,
        deadline: null,
      });
      expect(await unstuck.history(id)).toMatchObject([
        { kind: 'cancelled', by: 'ann', reason: 'not needed' },
      ]);
      await expect(unstuck.cancel(id)).rejects.toMatchObject({ code: 'JOB_STATE_CONFLICT' });
    }
    await expect(unstuck.cancel('01234567-89ab-7def-8123-456789abcd00')).rejects.toMatchObject({
      code: 'JOB_NOT_FOUND',
    });
  });

  test.for([true, false])(
    'F1: reaches the signal of a running job within two heartbeats (notify: %s)',
    async (notify) => {
      const { unstuck } = await setup({ notify, lease: '5s' });
      const started = gate();
      const told = gate<number>();
      const long = job(
        'long',
        (running) =>
          new Promise((_, reject) => {
            started.open();
            running.signal.addEventListener('abort', () => {
              told.open(performance.now());
              reject(running.signal.reason);
            });
          }),
      );
      await unstuck.work([long]);
      const { id } = await unstuck.enqueue(long, 1);
      await started.promise;
      const from = performance.now();
      expect((await unstuck.cancel(id)).state).toBe('cancelled');
      // A heartbeat is a fifth of the lease; the rest is for a busy machine.
      expect((await told.promise) - from).toBeLessThan(2 * 1_000 + 1_000);
      expect((await unstuck.get(id))?.state).toBe('cancelled');
    },
  );

  test('F6: an abort after a cancel is no failure: it is not retried and not recorded as one', async () => {
    const { unstuck, lines } = await setup({ lease: '1s' });
    const started = gate();
    let runs = 0;
    const long = job(
      'long',
      (running) =>
        new Promise((_, reject) => {
          runs += 1;
          started.open();
          running.signal.addEventListener('abort', () => reject(running.signal.reason));
        }),
      { retry: { base: 0 } },
    );
    await unstuck.work([long]);
    const { id } = await unstuck.enqueue(long, 1);
    await started.promise;
    await unstuck.cancel(id);
    await eventually(
      async () => (await unstuck.status()).workers[0]?.running === 0,
      'the handler ended',
    );
    expect(runs).toBe(1);
    expect((await unstuck.history(id)).map((entry) => entry.kind)).toEqual(['cancelled']);
    expect(lines.some((line) => line.event === 'attempt_failed')).toBe(false);
  });

  test('D8: a result after a cancel is refused and recorded', async () => {
    const { unstuck } = await setup();
    const started = gate();
    const held = gate();
    const deaf = job('deaf', async () => {
      started.open();
      await held.promise;
      return 'done anyway';
    });
    await unstuck.work([deaf]);
    const { id } = await unstuck.enqueue(deaf, 1);
    await started.promise;
    await unstuck.cancel(id);
    held.open();
    await eventually(
      async () => (await unstuck.history(id)).some((entry) => entry.kind === 'stale'),
      'recorded',
    );
    expect(await unstuck.get(id)).toMatchObject({ state: 'cancelled', result: null });
  });

  test('D8: a result after a cancel is recorded also when its handler had been left behind', async () => {
    const { unstuck, logged } = await setup();
    const [started, late] = [gate(), gate()];
    const deaf = job('deaf', async () => {
      started.open();
      await late.promise;
      return 'late';
    });
    await unstuck.work([deaf]);
    const { id } = await unstuck.enqueue(deaf, 1);
    await started.promise;
    await unstuck.cancel(id);
    await logged('handler_left_behind');
    late.open();
    await eventually(
      async () => (await unstuck.history(id)).some(({ kind }) => kind === 'late-result'),
      'the late result in the history',
    );
    expect(await unstuck.get(id)).toMatchObject({ state: 'cancelled', result: null });
  });

  test('F2: of cancel and finish exactly one is accepted, whoever is first', async () => {
    const { unstuck, query } = await setup();
    await unstuck.work([mail], { concurrency: 20 });
    const jobs = await unstuck.enqueueMany(
      mail,
      Array.from({ length: 100 }, (_, input) => ({ input })),
    );
    const cancels = await Promise.allSettled(jobs.map(({ id }) => unstuck.cancel(id)));
    let cancelled = 0;
    for (const [index, { id }] of jobs.entries()) {
      const done = await unstuck.wait(id, { timeout: '20s' });
      const won = cancels[index]?.status === 'fulfilled';
      cancelled += won ? 1 : 0;
      expect(done.state).toBe(won ? 'cancelled' : 'completed');
    }
    const rows = await query<{ count: number }>(
      'select count(*)::int as count from unstuck.finished group by id',
    );
    expect(rows.every((row) => row.count === 1)).toBe(true);
    expect(rows).toHaveLength(100);
    expect(cancelled).toBeLessThanOrEqual(100);
  });
});
