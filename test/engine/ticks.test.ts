// The laws of ticks: an outside clock alone keeps everything going, and calling it often is as calling it once.
import { expect, test } from 'vitest';
import { eventually, job, type Setup, setup } from '../support/unstuck.ts';

const NOTHING = {
  promoted: 0,
  admitted: 0,
  reclaimed: 0,
  timedOut: 0,
  expired: 0,
  refused: 0,
  fired: 0,
  targetsProbed: 0,
  unparked: 0,
  findings: 0,
  more: false,
};

/** Work of every kind that only the clock sets going, two of each, all of it due in two minutes. */
async function waiting({ unstuck, query }: Setup): Promise<void> {
  const inAMinute = new Date(Date.now() + 60_000);
  await unstuck.enqueueMany(
    'timed',
    [1, 2].map((input) => ({ input, delay: '1m' as const })),
  );
  await unstuck.enqueueMany(
    'old',
    [1, 2].map((input) => ({ input, finishBy: inAMinute })),
  );
  await unstuck.schedules.set('a', { type: 'scheduled', every: '1m' });
  await unstuck.schedules.set('b', { type: 'scheduled', every: '1m' });
  await query(`insert into unstuck.jobs (type, input) values ('by-hand', '1'), ('by-hand', '2')`);
  await query(
    `insert into unstuck.jobs (type, waits_for, wake_at, worker_id, token, attempt, started_at, expires_at, attempts_max, claim_within_ms)
      select 'lost', null, null, gen_random_uuid(), 1, 1, now(), now() + interval '1 day', 5, 1000 from generate_series(1, 2)`,
  );
}

test('with no other process that sweeps, one tick promotes, admits, reclaims, expires, fires and explains', async () => {
  const all = await setup({ sweep: false });
  await waiting(all);
  await all.moveClock('2 minutes');
  const round = await all.unstuck.tick();
  expect(round).toMatchObject({ promoted: 2, admitted: 2, reclaimed: 2, expired: 2, fired: 2 });
  expect(round.more).toBe(false);
  expect((await all.unstuck.status()).sweptMsAgo).not.toBeNull();
  await all.moveClock('10 minutes');
  expect((await all.unstuck.tick()).findings).toBeGreaterThan(0);
  expect((await all.unstuck.status()).stuck).toBe(0);
});

test.each([2, 10])(
  '%i ticks at once, from several processes, do everything once',
  async (count) => {
    const all = await setup({ sweep: false });
    await waiting(all);
    await all.moveClock('2 minutes');
    const others = await Promise.all([all.connect(), all.connect()]);
    const processes = [all.unstuck, ...others];
    const callers = Array.from({ length: count }, (_, n) => processes[n % processes.length]);
    const rounds = await Promise.all(callers.map(async (one) => one?.tick()));
    // Calls of one process share a round, so each process is counted once.
    const own = rounds.slice(0, processes.length);
    const sum = (name: 'promoted' | 'admitted' | 'reclaimed' | 'expired' | 'fired'): number =>
      own.reduce((total, round) => total + (round?.[name] ?? 0), 0);
    expect([sum('promoted'), sum('admitted'), sum('expired'), sum('fired')]).toEqual([2, 2, 2, 2]);
    expect(sum('reclaimed')).toBe(2);
    const jobs = await all.query(
      `select type, state, count(*)::integer as count from unstuck.all_jobs group by 1, 2 order by 1`,
    );
    expect(jobs).toEqual([
      { type: 'by-hand', state: 'queued', count: 2 },
      { type: 'lost', state: 'queued', count: 2 },
      { type: 'old', state: 'failed', count: 2 },
      { type: 'scheduled', state: 'queued', count: 2 },
      { type: 'timed', state: 'queued', count: 2 },
    ]);
    expect(await all.unstuck.tick()).toEqual({ ...NOTHING, findings: expect.any(Number) });
  },
);

test('a tick beside processes that sweep and work changes nothing of what they do', async () => {
  const all = await setup({ sweepInterval: '100ms' });
  let runs = 0;
  const worker = await all.unstuck.work([job('timed', () => void (runs += 1))]);
  const jobs = await all.unstuck.enqueueMany(
    'timed',
    Array.from({ length: 50 }, (_, input) => ({ input, delay: '200ms' as const })),
  );
  while ((await all.unstuck.count({ state: 'completed' })).count < jobs.length)
    await all.unstuck.tick();
  expect(runs).toBe(50);
  await worker.stop();
});

test('the job of a worker that fell silent runs again by ticks alone', async () => {
  const all = await setup({ sweep: false, lease: '1s' });
  const { id } = await all.unstuck.enqueue('t', 1);
  await all.query(
    `insert into unstuck.workers (id, name, host, pid, pid_started, version, types, concurrency, state, started_at, beat_at, lease_ms, lease_until)
      values (gen_random_uuid(), 'gone', 'elsewhere', 1, '', '0', '{t}', 1, 'live', now(), now(), 1000, now() - interval '1 minute')`,
  );
  await all.query(
    `update unstuck.jobs set worker_id = (select id from unstuck.workers), token = 1, attempt = 1, started_at = now(), expires_at = now() + interval '1 day', claim_by = null`,
  );
  await eventually(async () => {
    await all.unstuck.tick();
    return (await all.unstuck.get(id))?.state === 'queued';
  }, 'it is queued again');
});

test('a tick is answered in time though the database is slow, and says that there is more', async () => {
  const all = await setup({ sweep: false, sweepTimeout: '10s', lockTimeout: '10s' });
  const { unstuck, session } = all;
  await unstuck.enqueue('t', 1, { delay: '1ms' });
  const other = await session();
  await other.query('begin');
  await other.query('lock table unstuck.jobs in access exclusive mode');
  // Nobody gives the lock up before both have been answered.
  expect(await Promise.all([unstuck.tick(), unstuck.tick()])).toEqual([
    { ...NOTHING, more: true },
    { ...NOTHING, more: true },
  ]);
  await other.query('rollback');
  await eventually(async () => {
    await unstuck.tick();
    return (await unstuck.list({ state: 'queued' })).jobs.length === 1;
  }, 'the job is promoted');
});

test('what fails in a tick is told, and keeps nothing else from being done', async () => {
  const all = await setup({ sweep: false });
  await all.unstuck.enqueue('timed', 1, { delay: '1m' });
  await all.query('drop table unstuck.schedules cascade');
  await all.moveClock('2 minutes');
  await expect(all.unstuck.tick()).rejects.toMatchObject({ code: '42P01' });
  expect((await all.unstuck.list({ state: 'queued' })).jobs).toHaveLength(1);
  await all.logged('tick_failed');
});
