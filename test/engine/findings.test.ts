// The laws of findings: a late job is explained with the right reason, so that none is stuck, and the explanation ends with its cause.
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { storeFindings } from '../../src/sql/findings.ts';
import { eventually, gate, job, type Setup, setup } from '../support/unstuck.ts';

/** The finding about a type or gate, once it is there. */
const finding = (
  { unstuck }: Setup,
  subject: string,
): Promise<Awaited<ReturnType<typeof unstuck.stuck>>[number]> =>
  eventually(
    async () => (await unstuck.stuck()).find((one) => one.subject === subject),
    `a finding about ${subject}`,
  );

describe('a job that waits longer than claimWithin', () => {
  test('A9: for a type that no worker handles says so, and is explained, not stuck', async () => {
    const all = await setup({ sweep: false });
    const { unstuck, moveClock } = all;
    const { id } = await unstuck.enqueue('lonely', 1, { claimWithin: '1m' });
    expect(await unstuck.status()).toMatchObject({ late: 0, stuck: 0 });
    await moveClock('5 minutes');
    expect(await unstuck.status()).toMatchObject({ late: 1, stuck: 1 });
    expect(await finding(all, 'lonely')).toMatchObject({
      kind: 'queued',
      count: 1,
      current: true,
      reason: 'no live worker handles "lonely"',
    });
    expect(await unstuck.status()).toMatchObject({ late: 1, stuck: 0 });
    expect(await unstuck.get(id)).toMatchObject({ state: 'queued', late: true });
  });

  test('says nothing of a pause that no claim obeys any more', async () => {
    const all = await setup({ sweep: false });
    const paused = job('paused', () => 1);
    const worker = await all.unstuck.work([paused]);
    await worker.stop();
    await all.unstuck.queues.pauseType('paused', {
      reason: 'lunch',
      until: new Date(Date.now() + 60_000),
    });
    await all.unstuck.enqueue(paused, 1, { claimWithin: '1m' });
    await all.moveClock('5 minutes');
    expect((await finding(all, 'paused')).reason).toBe('no live worker handles "paused"');
  });

  test('behind busy workers says how many slots there are', async () => {
    const all = await setup({ lease: '1s' });
    const started = gate();
    const long = job(
      'long',
      () => {
        started.open();
        return new Promise(() => undefined);
      },
      { timeout: '10d' },
    );
    await all.unstuck.work([long], { concurrency: 1 });
    await all.unstuck.enqueue(long, 1);
    await started.promise;
    await all.unstuck.enqueue(long, 2, { claimWithin: '100ms' });
    const found = await eventually(async () => {
      const one = (await all.unstuck.stuck()).find((finding_) => finding_.subject === 'long');
      return one?.reason.startsWith('all 1 slots') && one;
    }, 'the finding');
    expect(found.count).toBe(1);
  });

  test('is found behind a job of its type that may wait longer', async () => {
    const all = await setup({ sweep: false });
    await all.unstuck.enqueue('mixed', 1, { claimWithin: '10h' });
    await all.unstuck.enqueue('mixed', 2, { claimWithin: '1m' });
    await all.moveClock('5 minutes');
    expect(await finding(all, 'mixed')).toMatchObject({ count: 1 });
    expect(await all.unstuck.status()).toMatchObject({ late: 1, stuck: 0 });
  });

  test('is found behind any number of jobs of its type that may wait longer', async () => {
    const all = await setup({ sweep: false });
    await all.unstuck.enqueueMany(
      'mixed',
      Array.from({ length: 600 }, (_, input) => ({ input, claimWithin: '10h' })),
    );
    await all.unstuck.enqueue('mixed', 2, { claimWithin: '1m' });
    await all.moveClock('5 minutes');
    expect(await finding(all, 'mixed')).toMatchObject({ count: 1 });
    expect(await all.unstuck.status()).toMatchObject({ late: 1, stuck: 0 });
  });

  test('is found at every priority', async () => {
    const all = await setup({ sweep: false });
    await all.unstuck.enqueue('mixed', 1, { priority: 5, claimWithin: '10h' });
    await all.unstuck.enqueue('mixed', 2, { priority: -5, claimWithin: '1m' });
    await all.moveClock('5 minutes');
    expect(await finding(all, 'mixed')).toMatchObject({ count: 1 });
  });
});

test('a job that is held for more than a day says so', async () => {
  const all = await setup({ sweep: false });
  await all.unstuck.enqueue('mail', 1, { hold: true });
  await all.moveClock('25 hours');
  expect(await finding(all, 'hold')).toMatchObject({ kind: 'hold', count: 1 });
  expect(await all.unstuck.status()).toMatchObject({ late: 1, stuck: 0 });
});

test('a gate that nobody sweeps says so', async () => {
  const all = await setup({ sweep: false });
  await all.unstuck.enqueue('mail', 1, { delay: '1m' });
  await all.moveClock('5 minutes');
  expect((await finding(all, 'time')).reason).toContain('the sweep is behind');
});

test('a running job is not stuck while its worker or the sweep may still end it, and explained afterwards', async () => {
  const all = await setup({ sweep: false, abortGrace: '20s' });
  const started = gate();
  const end = gate();
  const long = job(
    'long',
    () => {
      started.open();
      return end.promise;
    },
    { timeout: '10m' },
  );
  await all.unstuck.work([long], { name: 'w1' });
  await all.unstuck.enqueue(long, 1);
  await started.promise;
  await all.moveClock('10 minutes 29 seconds');
  expect(await all.unstuck.status()).toMatchObject({ late: 1, stuck: 0 });
  await all.moveClock('10 minutes 40 seconds');
  expect(await all.unstuck.status()).toMatchObject({ late: 1, stuck: 1 });
  expect(await finding(all, 'w1')).toMatchObject({ kind: 'running', count: 1 });
  expect(await all.unstuck.status()).toMatchObject({ late: 1, stuck: 0 });
  end.open();
});

test('findings are made at a pace of their own, however seldom the sweep runs', async () => {
  const { unstuck, query } = await setup({ sweepInterval: '1h' });
  unstuck.sweep();
  await eventually(
    async () => (await query('select from unstuck.ticks where last_ok_at is not null'))[0],
    'the only round of the sweep',
  );
  await unstuck.enqueue('lonely', 1, { claimWithin: '100ms' });
  await eventually(
    async () => (await unstuck.status()).findings.some(({ subject }) => subject === 'lonely'),
    'a finding that nobody asked for',
  );
});

test('a finding ends with its cause, and keeps since when it was seen while it stays', async () => {
  const all = await setup();
  const mail = job('mail', () => 1);
  await all.unstuck.enqueue(mail, 1, { claimWithin: '100ms' });
  const first = await finding(all, 'mail');
  expect((await finding(all, 'mail')).firstSeen).toEqual(first.firstSeen);
  await all.unstuck.work([mail]);
  await eventually(async () => (await all.unstuck.stuck()).length === 0, 'no finding');
});

test('a finding of queued jobs that only the walk through a large table meets stays until a whole walk has met none', async () => {
  const { unstuck, database } = await setup({ sweep: false });
  const one = database();
  const late = { kind: 'queued', subject: 't', reason: 'r', action: 'a', count: 1, look_ms: 1_000 };
  await one.run(storeFindings, [JSON.stringify([{ ...late, oldest: new Date() }]), 0]);
  await one.run(storeFindings, ['[]', 60_000]);
  expect((await unstuck.status()).findings).toMatchObject([{ subject: 't' }]);
  await one.run(storeFindings, ['[]', 0]);
  expect((await unstuck.status()).findings).toEqual([]);
});

test('a finding is a warning in the log once, not in every round', async () => {
  const all = await setup();
  await all.unstuck.enqueue('lonely', 1, { claimWithin: '100ms' });
  await finding(all, 'lonely');
  for (let round = 0; round < 5; round += 1) await all.unstuck.stuck();
  expect(all.lines.filter((line) => line.event === 'finding')).toHaveLength(1);
});

test('B14: a worker whose loops have no pulse says which, and the finding ends when they go on', async () => {
  const all = await setup({ sweep: false, lease: '10s', lockTimeout: '100ms' });
  const worker = await all.unstuck.work([job('plain', () => 1)], { name: 'w1' });
  /** What the worker's heartbeats say, asked for at once: with this lease they are seconds apart. */
  const beats =
    <T>(ask: () => Promise<T>) =>
    async (): Promise<T> => {
      worker.reconcile(worker.id);
      return ask();
    };
  const locker = await locked(all);
  await eventually(
    beats(async () => {
      vi.advanceTimersByTime(45_000);
      return (await all.query(`select 1 from unstuck.workers where 'pump' = any (stalled)`))[0];
    }),
    'the worker says that its pump has no pulse',
  );
  expect(worker.stalled).toContain('pump');
  // The pump alone goes on hanging: its worker's row is kept as it is while the finding is read.
  const held = await all.session();
  await held.query('begin; lock table unstuck.workers in row exclusive mode');
  await held.query('select from unstuck.workers for update');
  await locker.query('rollback');
  expect(await finding(all, 'w1')).toMatchObject({
    kind: 'loop',
    reason: expect.stringMatching(
      /^no pulse in worker w1: .*pump.* has had no good round for 30 s$/,
    ),
  });
  await held.query('rollback');
  await eventually(
    beats(async () => (await all.unstuck.stuck()).length === 0),
    'the finding is over',
    60_000,
  );
}, 90_000);

test('B14: a loop of the pump that waits for a claim of the other has no pulse either while claims fail', async () => {
  const all = await setup({ sweep: false, lease: '60s', lockTimeout: '1s' });
  const worker = await all.unstuck.work([job('plain', () => 1)]);
  await locked(all);
  // The time that is moved by hand begins with 0, far behind that of the last good round.
  vi.advanceTimersByTime(600_000);
  for (let claims = 0; claims < 3; claims += 1) {
    await eventually(
      () =>
        all
          .query(`select 1 from pg_locks where not granted and relation = 'unstuck.jobs'::regclass`)
          .then((rows) => rows[0]),
      'a claim waits',
    );
    worker.wake();
    await all.query('select 1');
    expect(worker.stalled).toEqual(expect.arrayContaining(['pump', 'second pump']));
  }
});

/** A session that keeps everybody from the jobs, once a claim has failed for it; time moves by hand from then on. */
async function locked(all: Setup): Promise<Awaited<ReturnType<Setup['session']>>> {
  const locker = await all.session();
  await locker.query('begin; lock table unstuck.jobs in access exclusive mode');
  vi.useFakeTimers({ toFake: ['performance'] });
  onTestFinished(() => void vi.useRealTimers());
  await eventually(
    () => all.lines.find(({ event, facts }) => event === 'loop_failed' && facts.loop === 'pump'),
    'a claim fails',
  );
  return locker;
}

test('an event loop that is blocked for 30 s is a finding', async () => {
  const all = await setup({ sweep: false, lease: '60s' });
  await all.unstuck.work([job('plain', () => 1)], { name: 'w1' });
  // The first heartbeat may still be on its way and would write that all is well.
  const blocked = await eventually(async () => {
    await all.query('update unstuck.workers set loop_lag_ms = 31000');
    return (await all.unstuck.stuck()).find(({ subject }) => subject === 'w1');
  }, 'a finding about w1');
  expect(blocked).toMatchObject({
    kind: 'loop',
    reason: 'no pulse in worker w1: event loop has had no good round for 30 s',
  });
});
