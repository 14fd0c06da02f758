// The laws of workers: stopping loses and charges nothing and is bounded, a broken handler breaks nobody else, a dead worker's jobs run again.
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { eventually, gate, job, type Setup, setup } from '../support/unstuck.ts';

test('a worker without jobs needs no thread, and keeps its lease and its lock while the first job brings one', async () => {
  const { unstuck, query } = await setup();
  const keepers = () =>
    query<{ pid: number }>(
      `select pid from pg_stat_activity where datname = current_database() and application_name = 'unstuck lifeline'`,
    );
  const holders = () =>
    query<{ pid: number }>(
      `select pid from pg_locks where locktype = 'advisory' and mode = 'ShareLock' and granted
         and objid = (select lock_key from unstuck.workers)
         and database = (select oid from pg_database where datname = current_database())`,
    );
  const open = gate();
  const mail = job('mail', () => open.promise);
  const worker = await unstuck.work([mail]);
  const [idle] = await keepers();
  expect(await holders()).toEqual([idle]);
  await unstuck.enqueue(mail, 1);
  let unlocked = 0;
  await eventually(async () => {
    const held = await holders();
    if (held.length === 0) unlocked += 1;
    const now = await keepers();
    return now.length === 1 && now[0]?.pid !== idle?.pid && held[0]?.pid === now[0]?.pid;
  }, 'the thread keeps the lease');
  expect(unlocked).toBe(0);
  open.open();
  expect((await unstuck.status()).workers).toMatchObject([{ id: worker.id, state: 'live' }]);
});

describe('stopping', () => {
  test('waits for what runs, and its result is kept', async () => {
    const { unstuck } = await setup({ drainTimeout: '10s' });
    const started = gate();
    const open = gate();
    const mail = job('mail', async () => {
      started.open();
      await open.promise;
      return 'done';
    });
    const worker = await unstuck.work([mail]);
    const { id } = await unstuck.enqueue(mail, 1);
    await started.promise;
    const stopped = worker.stop();
    open.open();
    await stopped;
    expect(await unstuck.get(id)).toMatchObject({ state: 'completed', result: 'done' });
  });

  test('H1, H4: gives the rest back uncharged, within a bound, whatever the handlers do', async () => {
    const { unstuck, query } = await setup({ drainTimeout: '200ms', abortGrace: '200ms' });
    let running = 0;
    const deaf = job('deaf', () => {
      running += 1;
      return new Promise(() => undefined);
    });
    const polite = job('polite', (attempt) => {
      running += 1;
      return new Promise((_, reject) =>
        attempt.signal.addEventListener('abort', () => reject(attempt.signal.reason)),
      );
    });
    const worker = await unstuck.work([deaf, polite], { concurrency: 4 });
    const ids = [];
    for (const one of [deaf, polite, deaf, polite, deaf, polite])
      ids.push((await unstuck.enqueue(one, 1)).id);
    await eventually(() => running === 4, 'four run');
    const from = performance.now();
    await worker.stop();
    expect(performance.now() - from).toBeLessThan(10_000);
    for (const id of ids)
      expect(await unstuck.get(id)).toMatchObject({
        state: 'queued',
        attempt: 0,
        crashes: 0,
        workerId: null,
      });
    expect(await query(`select distinct outcome from unstuck.attempts`)).toEqual([
      { outcome: 'released' },
    ]);
    expect(await query(`select state from unstuck.workers`)).toEqual([{ state: 'stopped' }]);
  });

  test('H2: nothing is claimed or started afterwards', async () => {
    const { unstuck } = await setup();
    let runs = 0;
    const mail = job('mail', () => void (runs += 1));
    const worker = await unstuck.work([mail]);
    await worker.stop();
    await worker.stop();
    const { id } = await unstuck.enqueue(mail, 1);
    await expect(unstuck.wait(id, { timeout: '1500ms' })).rejects.toMatchObject({
      code: 'WAIT_TIMEOUT',
    });
    expect(runs).toBe(0);
  });

  test('H1: twenty restarts under load lose nothing and charge nothing', async () => {
    const { unstuck, query, connect } = await setup({ lease: '2s' });
    const mail = job('mail', async (running) => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      return running.attempt;
    });
    const jobs = await unstuck.enqueueMany(
      mail,
      Array.from({ length: 1_500 }, (_, input) => ({ input })),
    );
    const other = await connect();
    for (let round = 0; round < 20; round += 1) {
      const worker = await other.work([mail], { concurrency: 20 });
      await eventually(async () => {
        const [row] = await query<{ n: number }>(
          'select count(*)::int as n from unstuck.jobs where worker_id is not null',
        );
        return (row?.n ?? 0) > 0 || (await query('select from unstuck.jobs limit 1')).length === 0;
      }, 'it works');
      await worker.stop();
    }
    expect(
      await query(
        'select from unstuck.jobs where worker_id is not null or crashes > 0 or attempt > 0',
      ),
    ).toEqual([]);
    await unstuck.work([mail], { concurrency: 100 });
    await eventually(
      async () => (await query('select from unstuck.jobs limit 1')).length === 0,
      'all done',
      25_000,
    );
    const [sum] = await query<{ n: number; attempts: number; crashes: number }>(
      `select count(*)::int as n, max(attempt)::int as attempts, sum(crashes)::int as crashes from unstuck.finished where state = 'completed'`,
    );
    expect(sum).toEqual({ n: jobs.length, attempts: 1, crashes: 0 });
  }, 90_000);

  test('H1: a claim that is on its way when the worker stops is given back uncharged', async () => {
    const { unstuck, query } = await setup();
    await query(`create function slow() returns trigger language plpgsql as
      $$ begin if new.worker_id is not null then perform pg_sleep(1); end if; return new; end $$`);
    await query(
      'create trigger slow before update on unstuck.jobs for each row execute function slow()',
    );
    let runs = 0;
    const mail = job('mail', () => void (runs += 1));
    const worker = await unstuck.work([mail]);
    const { id } = await unstuck.enqueue(mail, 1);
    await eventually(
      async () =>
        (
          await query(
            `select from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()`,
          )
        ).length > 0,
      'the claim is on its way',
    );
    await worker.stop();
    expect(await unstuck.get(id)).toMatchObject({
      state: 'queued',
      attempt: 0,
      crashes: 0,
      workerId: null,
    });
    expect(runs).toBe(0);
  });

  test('closing twice, and using what is closed, is answered by name', async () => {
    const { unstuck } = await setup();
    await Promise.all([unstuck.close(), unstuck.close()]);
    await expect(unstuck.enqueue('mail', 1)).rejects.toMatchObject({ code: 'WORKER_STOPPED' });
  });
});

describe('a handler that breaks', () => {
  test.for<[law: string, breaks: () => unknown]>([
    [
      'C8, S3.1: a rejected promise that nobody awaited',
      () => {
        void Promise.reject(new Error('stray'));
        return new Promise(() => undefined);
      },
    ],
    [
      'C8, S3.1: an exception in a timer',
      () => {
        setTimeout(() => {
          throw new Error('stray');
        }, 5);
        return new Promise(() => undefined);
      },
    ],
    [
      'a synchronous throw',
      () => {
        throw new Error('stray');
      },
    ],
  ])('%s fails its own job at once, and the worker lives', async ([, breaks]) => {
    const { unstuck } = await setup();
    const mail = job('mail', () => 'ran');
    const broken = job('broken', breaks, { retry: { attempts: 1 } });
    await unstuck.work([mail, broken]);
    const { id } = await unstuck.enqueue(broken, 1);
    expect(await unstuck.wait(id, { timeout: '20s' })).toMatchObject({
      state: 'failed',
      error: { message: 'stray' },
    });
    const next = await unstuck.enqueue(mail, 1);
    expect((await unstuck.wait(next.id, { timeout: '20s' })).result).toBe('ran');
  });

  test('C8: a killed connection of any kind is replaced, and work goes on', async () => {
    const { unstuck, query } = await setup({ lease: '2s' });
    const mail = job('mail', () => 'ran');
    await unstuck.work([mail]);
    for (let round = 0; round < 3; round += 1) {
      await query(
        `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name like 'unstuck%'`,
      );
      const { id } = await unstuck.enqueue(mail, round);
      expect(await unstuck.wait(id, { timeout: '20s' })).toMatchObject({
        state: 'completed',
        crashes: 0,
      });
    }
  });
});

/** Marks every live worker dead, as the sweep does when it is sure. */
const killWorkers = (query: Setup['query']): Promise<unknown> =>
  query(
    `update unstuck.workers set state = 'dead', ended_at = unstuck.clock() where state = 'live'`,
  );

describe('a worker that is declared dead', () => {
  test('aborts what it ran, goes on under a new identity, and its late results are refused', async () => {
    const { unstuck, query } = await setup({ lease: '1s' });
    const started = gate();
    const aborted = gate<unknown>();
    const long = job('long', async (running) => {
      if (running.token !== '1') return 'again';
      started.open();
      await new Promise<void>((resolve) =>
        running.signal.addEventListener('abort', () => resolve()),
      );
      aborted.open(running.signal.reason);
      await eventually(
        async () => (await unstuck.get(running.id))?.crashes === 1,
        'the sweep takes the job back',
      );
      return 'late';
    });
    const worker = await unstuck.work([long]);
    const before = worker.id;
    const { id } = await unstuck.enqueue(long, 1);
    await started.promise;
    await killWorkers(query);
    expect(await aborted.promise).toMatchObject({ code: 'STALE_ATTEMPT' });
    expect(await unstuck.wait(id, { timeout: '20s' })).toMatchObject({
      state: 'completed',
      result: 'again',
      crashes: 1,
      attempt: 1,
      token: '2',
    });
    expect(worker.id).not.toBe(before);
    await eventually(
      async () => (await unstuck.history(id)).some((entry) => entry.kind === 'stale'),
      'the late result is recorded',
    );
    expect((await unstuck.history(id)).map((entry) => entry.kind)).toContain('lost');
    expect((await unstuck.get(id))?.result).toBe('again');
  });

  test('C1: a job lost on its last attempt runs again: a crash is not an attempt', async () => {
    const { unstuck, query } = await setup({ lease: '1s' });
    const started = gate();
    const last = job(
      'last',
      async (running) => {
        if (running.token === '1') {
          started.open();
          await new Promise((_, reject) =>
            running.signal.addEventListener('abort', () => reject(running.signal.reason)),
          );
        }
        return running.attempt;
      },
      { retry: { attempts: 1 } },
    );
    await unstuck.work([last]);
    const { id } = await unstuck.enqueue(last, 1);
    await started.promise;
    await killWorkers(query);
    expect(await unstuck.wait(id, { timeout: '20s' })).toMatchObject({
      state: 'completed',
      result: 1,
      crashes: 1,
    });
  });

  test('C2, C3: the third loss ends a job as poison, and its neighbours finish', async () => {
    const { unstuck, query } = await setup({ lease: '1s' });
    let lost = 0;
    const poison = job('poison', async (running) => {
      lost += 1;
      await killWorkers(query);
      await new Promise((_, reject) =>
        running.signal.addEventListener('abort', () => reject(running.signal.reason)),
      );
    });
    const mail = job('mail', async () => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return 'ran';
    });
    await unstuck.work([poison, mail], { concurrency: 5 });
    const neighbours = await unstuck.enqueueMany(
      mail,
      Array.from({ length: 20 }, (_, input) => ({ input })),
    );
    const { id } = await unstuck.enqueue(poison, 1, { priority: 10 });
    expect(await unstuck.wait(id, { timeout: '25s' })).toMatchObject({
      state: 'failed',
      error: { code: 'JOB_POISON' },
      reason: 'poison',
    });
    expect(lost).toBe(3);
    for (const one of neighbours)
      expect((await unstuck.wait(one.id, { timeout: '20s' })).state).toBe('completed');
    expect((await unstuck.history(id)).filter((entry) => entry.kind === 'lost')).toHaveLength(3);
  });

  test('C2: a job that was lost once runs alone in its process the next time', async () => {
    const { unstuck, query } = await setup();
    let now = 0;
    const together: number[] = [];
    const mail = job('mail', async () => {
      now += 1;
      await new Promise((resolve) => setTimeout(resolve, 30));
      now -= 1;
    });
    const suspect = job('suspect', async () => {
      now += 1;
      together.push(now);
      await new Promise((resolve) => setTimeout(resolve, 100));
      together.push(now);
      now -= 1;
    });
    const { id } = await unstuck.enqueue(suspect, 1);
    await query('update unstuck.jobs set crashes = 1');
    await unstuck.enqueueMany(
      mail,
      Array.from({ length: 60 }, (_, input) => ({ input })),
    );
    await unstuck.work([mail, suspect], { concurrency: 10 });
    expect((await unstuck.wait(id, { timeout: '20s' })).state).toBe('completed');
    await eventually(
      async () => (await query('select from unstuck.jobs')).length === 0,
      'all done',
    );
    expect(together).toEqual([1, 1]);
  });
});

test('S3.2: a worker takes its concurrency and its name from the environment, where the code gives none', async () => {
  const { unstuck } = await setup();
  vi.stubEnv('UNSTUCK_CONCURRENCY', '3');
  vi.stubEnv('UNSTUCK_WORKER_NAME', 'mailer');
  onTestFinished(() => void vi.unstubAllEnvs());
  await unstuck.work([job('mail', () => 1)]);
  expect((await unstuck.status()).workers).toMatchObject([{ name: 'mailer', concurrency: 3 }]);
  vi.stubEnv('UNSTUCK_CONCURRENCY', '0');
  await expect(unstuck.work([job('mail', () => 1)])).rejects.toMatchObject({
    code: 'OPTION_INVALID',
    message: expect.stringContaining('UNSTUCK_CONCURRENCY'),
  });
});

test('B11: a low priority waits a bounded time, however many of a high one stand before it', async () => {
  const { unstuck, query } = await setup();
  const busy = job('busy', () => new Promise<void>((resolve) => setTimeout(resolve, 5)));
  const low = await unstuck.enqueue(busy, 'low', { priority: -10 });
  await query(`insert into unstuck.jobs (type, rank, waits_for, wake_at, claim_by, attempts_max, claim_within_ms)
    select 'busy', -10, null, null, now() + interval '1 hour', 5, 60000 from generate_series(1, 30000)`);
  const worker = await unstuck.work([busy], { concurrency: 50 });
  await unstuck.wait(low.id, { timeout: '30s' });
  const left = await query(
    `select from unstuck.jobs where rank = -10 and worker_id is null limit 1`,
  );
  expect(left).toHaveLength(1);
  await worker.stop();
});
