// The laws of schedules: each nominal time fires once whoever sweeps and whoever dies, and what is missed, overlaps or is broken follows its policy.
import { describe, expect, test } from 'vitest';
import { makePartitions } from '../../src/storage/partitions.ts';
import { sharedServers } from '../support/database.ts';
import type { ServerName } from '../support/postgres.ts';
import { eventually, gate, job, type Setup, setup } from '../support/unstuck.ts';
import { nominals, setClock, sweeper } from './support/schedules.ts';

const START = '2026-03-10T12:00:00.000Z';
const MINUTE = 60_000;

/** `count` instants, a minute apart, from the first minute after the start. */
const minutes = (count: number, first = 1): string[] =>
  Array.from({ length: count }, (_, index) => minute(first + index));
const minute = (n: number): string => new Date(Date.parse(START) + n * MINUTE).toISOString();

/** An installation whose clock stands at the start, with the partitions of that day, and nobody who sweeps by himself. */
async function still(server?: ServerName): Promise<Setup> {
  const all = await setup({ sweep: false, ...(server === undefined ? {} : { server }) });
  await setClock(all, START);
  await makePartitions(all.database());
  return all;
}

describe('set', () => {
  test('stores a schedule with its next time, and the same again changes nothing', async () => {
    const { unstuck, query } = await still();
    const spec = {
      type: 'report',
      input: { to: 'ä', n: 1 },
      cron: '30 2 * * *',
      timezone: 'Europe/Berlin',
      priority: 3,
      tags: ['nightly'],
      claimWithin: '10m',
    } as const;
    const made = await unstuck.schedules.set('nightly-report', spec);
    expect(made).toMatchObject({
      name: 'nightly-report',
      type: 'report',
      input: { to: 'ä', n: 1 },
      cron: '30 2 * * *',
      every: null,
      timezone: 'Europe/Berlin',
      missed: 'once',
      missedMax: 100,
      overlap: 'skip',
      priority: 3,
      tags: ['nightly'],
      claimWithin: 600_000,
      nextAt: new Date('2026-03-11T01:30:00Z'),
      lastAt: null,
      lastJobId: null,
      firedTimes: 0,
      paused: null,
      error: null,
      createdAt: new Date(START),
    });
    const version = async (): Promise<unknown> =>
      (await query('select xmin::text, ctid::text from unstuck.schedules'))[0];
    const before = await version();
    expect(await unstuck.schedules.set('nightly-report', spec)).toEqual(made);
    expect(await version()).toEqual(before);
    expect(await unstuck.schedules.list()).toEqual([made]);
    expect(await unstuck.schedules.get('nightly-report')).toEqual(made);
    expect(await unstuck.schedules.get('daily')).toBeUndefined();
  });

  test('a changed rule goes on from now, anything else keeps the next time, and a pause survives both', async () => {
    const all = await still();
    const { schedules } = all.unstuck;
    await schedules.set('s', { type: 't', every: '15m' });
    await schedules.pause('s', { reason: 'lunch', by: 'ada' });
    await setClock(all, minute(10));
    const renamed = await schedules.set('s', { type: 'u', every: '15m', overlap: 'allow' });
    expect(renamed).toMatchObject({
      type: 'u',
      nextAt: new Date(minute(15)),
      anchor: new Date(START),
      paused: { reason: 'lunch', by: 'ada', at: new Date(START), until: null },
    });
    const slower = await schedules.set('s', { type: 'u', every: '20m', overlap: 'allow' });
    expect(slower).toMatchObject({ nextAt: new Date(minute(30)), anchor: new Date(minute(10)) });
    expect(slower.paused?.reason).toBe('lunch');
    const anchor = new Date('2026-01-01T00:05:00Z');
    const anchored = await schedules.set('s', { type: 'u', every: '20m', anchor });
    expect(anchored.nextAt).toEqual(new Date('2026-03-10T12:25:00Z'));
  });

  test('the input of a defined job is checked, and its jobs have the settings of the type', async () => {
    const all = await still();
    const { unstuck } = all;
    const mail = job('mail', () => 1, { retry: { attempts: 9 } });
    await unstuck.schedules.set('s', { job: mail, input: { to: 'ada' }, every: '1m' });
    await setClock(all, minute(1));
    await sweeper(all).sweepOnce();
    const fired = await unstuck.get((await unstuck.schedules.get('s'))?.lastJobId ?? '');
    expect(fired).toMatchObject({
      type: 'mail',
      input: { to: 'ada' },
      attemptsMax: 9,
      key: 'schedule:s',
      tags: ['schedule:s', `nominal:${minute(1)}`],
      state: 'queued',
    });
    expect(fired?.createdAt).toEqual(new Date(minute(1)));
  });

  test.each([
    [{ type: 't' }, 'SCHEDULE_INVALID', 'either cron or every'],
    [{ type: 't', cron: '* * * * *', every: '1m' }, 'SCHEDULE_INVALID', 'either cron or every'],
    [{ type: 't', cron: '0 0 30 2 *' }, 'SCHEDULE_INVALID', 'no date to come'],
    [{ type: 't', every: '999ms' }, 'SCHEDULE_INVALID', 'from 1s'],
    [{ type: 't', every: 'soon' }, 'SCHEDULE_INVALID', 'from 1s'],
    [{ type: 't', every: '1m', timezone: 'Mars/Base' }, 'SCHEDULE_INVALID', 'time zone'],
    [{ type: 't', every: '1m', anchor: new Date(Number.NaN) }, 'SCHEDULE_INVALID', 'anchor'],
    [{ type: 't', cron: '* * * * *', anchor: new Date(0) }, 'SCHEDULE_INVALID', 'anchor'],
    [{ type: 't', every: '1m', missed: 'none' }, 'SCHEDULE_INVALID', 'missed'],
    [{ type: 't', every: '1m', missedMax: 1_001 }, 'SCHEDULE_INVALID', 'missedMax'],
    [{ type: 't', every: '1m', overlap: 'queue' }, 'SCHEDULE_INVALID', 'overlap'],
    [
      { type: 't', every: '1m', tags: Array.from({ length: 19 }, String) },
      'SCHEDULE_INVALID',
      'tags',
    ],
    [{ type: 't', every: '1m', jitter: '1s' }, 'OPTION_UNKNOWN', 'jitter'],
    [{ type: 'no spaces', every: '1m' }, 'JOB_TYPE_INVALID', 'type'],
    [{ type: 't', every: '1m', priority: 1.5 }, 'PRIORITY_INVALID', 'priority'],
    [{ type: 't', every: '1m', input: Number.NaN }, 'INPUT_UNSTORABLE', 'NaN'],
    [{ every: '1m' }, 'SCHEDULE_INVALID', 'either job or type'],
  ])('K6: what cannot be is refused, and nothing is stored: %j', async (spec, code, words) => {
    const { unstuck } = await still();
    const attempt = unstuck.schedules.set('s', spec as never);
    await expect(attempt).rejects.toMatchObject({ code, message: expect.stringContaining(words) });
    await expect(unstuck.schedules.set('a b', { type: 't', every: '1m' })).rejects.toMatchObject({
      code: 'SCHEDULE_INVALID',
    });
    expect(await unstuck.schedules.list()).toEqual([]);
  });
});

describe('K3: each nominal time fires once', () => {
  test.for(sharedServers())(
    'with four processes that sweep at once, over 100 times, on server %s',
    async (server) => {
      const all = await still(server);
      await all.unstuck.schedules.set('s', { type: 't', cron: '* * * * *', overlap: 'allow' });
      await all.unstuck.schedules.set('i', { type: 't', every: '1m', overlap: 'allow' });
      const processes = Array.from({ length: 4 }, () => sweeper(all));
      for (let n = 1; n <= 100; n += 1) {
        await setClock(all, minute(n));
        await Promise.all(processes.map((one) => one.sweepOnce()));
      }
      expect(await nominals(all, 's')).toEqual(minutes(100));
      expect(await nominals(all, 'i')).toEqual(minutes(100));
      expect(await all.unstuck.schedules.get('s')).toMatchObject({
        firedTimes: 100,
        missedTimes: 0,
        lastAt: new Date(minute(100)),
        nextAt: new Date(minute(101)),
      });
    },
  );

  test('with four whole processes whose sweeps run by themselves', async () => {
    const all = await setup({ sweepInterval: '20ms' });
    const { unstuck, query } = all;
    await setClock(all, START);
    await unstuck.schedules.set('s', { type: 't', cron: '* * * * *', overlap: 'allow' });
    const others = await Promise.all([1, 2, 3].map(() => all.connect()));
    for (const one of [unstuck, ...others]) one.sweep();
    for (let n = 1; n <= 20; n += 1) {
      await setClock(all, minute(n));
      await eventually(
        async () => (await unstuck.schedules.get('s'))?.firedTimes === n,
        `the run of minute ${n}`,
      );
    }
    expect(await nominals(all, 's')).toEqual(minutes(20));
    expect(await query('select from unstuck.schedules where error is not null')).toEqual([]);
  });

  test('when the process is cut off between the job and the step of the schedule', async () => {
    const all = await still();
    const { unstuck, query } = all;
    await unstuck.schedules.set('s', { type: 't', every: '1m', overlap: 'allow' });
    // Holds the transaction that fires when its job is stored and the schedule is about to move on.
    await query(`create function hold() returns trigger language plpgsql as
      $$ begin perform pg_advisory_xact_lock(42); return new; end $$`);
    await query(
      'create trigger hold before update on unstuck.schedules for each row execute function hold()',
    );
    const holder = await all.session();
    await holder.query('select pg_advisory_lock(42)');
    await setClock(all, minute(1));
    const first = sweeper(all).sweepOnce();
    const ended = first.then(
      () => 'fired',
      () => 'cut off',
    );
    const waiting = await eventually(
      async () =>
        (
          await query<{
            pid: number;
          }>(`select pid from pg_locks where locktype = 'advisory' and not granted
          and database = (select oid from pg_database where datname = current_database())`)
        )[0],
      'a transaction that has stored its job and is not committed',
    );
    expect(await nominals(all, 's')).toEqual([]);
    await query('select pg_terminate_backend($1)', [waiting.pid]);
    expect(await ended).toBe('cut off');
    await holder.query('select pg_advisory_unlock(42)');
    await Promise.all([sweeper(all).sweepOnce(), sweeper(all).sweepOnce()]);
    expect(await nominals(all, 's')).toEqual([minute(1)]);
    expect(await unstuck.schedules.get('s')).toMatchObject({ firedTimes: 1, error: null });
  });
});

describe('K2: times that passed while nobody swept', () => {
  const after = async (spec: object, at: string): Promise<[Setup, string[]]> => {
    const all = await still();
    await all.unstuck.schedules.set('s', {
      type: 't',
      cron: '* * * * *',
      overlap: 'allow',
      ...spec,
    });
    await setClock(all, at);
    await sweeper(all).sweepOnce();
    return [all, await nominals(all, 's')];
  };
  const late = (n: number): string => new Date(Date.parse(minute(n)) + 30_000).toISOString();

  test.each([
    ['skip', late(5), [], 5],
    ['once', late(5), [minute(5)], 4],
    ['all', late(5), minutes(5), 0],
    ['skip', minute(5), [minute(5)], 4],
    ['once', minute(5), [minute(5)], 4],
    ['all', minute(5), minutes(5), 0],
  ] as const)('%s at %s', async (missed, at, expected, unfired) => {
    const [all, fired] = await after({ missed }, at);
    expect(fired).toEqual(expected);
    expect(await all.unstuck.schedules.get('s')).toMatchObject({
      firedTimes: expected.length,
      missedTimes: unfired,
      nextAt: new Date(minute(6)),
    });
  });

  test('a sweep that comes seldom misses nothing by that', async () => {
    const all = await setup({ sweep: false, sweepInterval: '1m' });
    await setClock(all, START);
    await all.unstuck.schedules.set('s', { type: 't', cron: '* * * * *', missed: 'skip' });
    await setClock(all, late(1));
    await sweeper(all).sweepOnce();
    expect(await nominals(all, 's')).toEqual([minute(1)]);
  });

  test('all is capped at missedMax, to the latest', async () => {
    const [all, fired] = await after({ missed: 'all', missedMax: 3 }, late(10));
    expect(fired).toEqual(minutes(3, 8));
    expect(await all.unstuck.schedules.get('s')).toMatchObject({ missedTimes: 7 });
  });

  test('an outage of a year costs one round, whatever the rule', async () => {
    const started = performance.now();
    const [all, fired] = await after(
      { cron: '* * * * * *', missed: 'once' },
      '2027-03-10T12:00:00Z',
    );
    expect(performance.now() - started).toBeLessThan(20_000);
    expect(fired.at(-1)).toBe('2027-03-10T12:00:00.000Z');
    expect(await all.unstuck.schedules.get('s')).toMatchObject({ missedTimes: 94 });
  });
});

describe('K7: while the run before is live', () => {
  test('skip leaves the new one out, and fires again when the old one has ended', async () => {
    const all = await still();
    const { unstuck } = all;
    await unstuck.schedules.set('s', { type: 't', every: '1m' });
    const sweep = sweeper(all);
    for (const n of [1, 2, 3]) {
      await setClock(all, minute(n));
      await sweep.sweepOnce();
    }
    expect(await nominals(all, 's')).toEqual([minute(1)]);
    const seen = await unstuck.schedules.get('s');
    expect(seen).toMatchObject({
      firedTimes: 1,
      skippedTimes: 2,
      missedTimes: 0,
      lastAt: new Date(minute(1)),
      lastSkippedAt: new Date(minute(3)),
    });
    await unstuck.cancel(seen?.lastJobId ?? '');
    await setClock(all, minute(4));
    await sweep.sweepOnce();
    expect(await nominals(all, 's')).toEqual([minute(1), minute(4)]);
  });

  test('skip is not jammed by a run whose worker died', async () => {
    const all = await setup({ sweepInterval: '20ms', watchInterval: '50ms' });
    const { unstuck, query } = all;
    const stuck = gate();
    const runs: number[] = [];
    const mail = job('mail', async (running) => {
      runs.push(running.crashes);
      if (running.crashes === 0) await stuck.promise;
    });
    await unstuck.work([mail]);
    await unstuck.schedules.set('s', { job: mail, input: 1, every: '1s' });
    await eventually(() => runs.length === 1, 'the first run');
    await query(`update unstuck.workers set state = 'dead', ended_at = now()`);
    await unstuck.work([mail], { name: 'another' });
    await eventually(
      async () => ((await unstuck.schedules.get('s'))?.firedTimes ?? 0) >= 2,
      'a second run',
    );
    stuck.open();
    expect(runs.slice(0, 2)).toEqual([0, 1]);
  });

  test('allow runs them beside each other', async () => {
    const all = await still();
    await all.unstuck.schedules.set('s', { type: 't', every: '1m', overlap: 'allow' });
    for (const n of [1, 2, 3]) {
      await setClock(all, minute(n));
      await sweeper(all).sweepOnce();
    }
    expect(await all.query('select from unstuck.jobs')).toHaveLength(3);
  });

  test('replace cancels the old one, says so, and of many missed ones only the latest runs', async () => {
    const all = await still();
    const { unstuck } = all;
    const spec = { type: 't', every: '1m', overlap: 'replace', missed: 'all' } as const;
    await unstuck.schedules.set('s', spec);
    await setClock(all, minute(1));
    await sweeper(all).sweepOnce();
    const old = (await unstuck.schedules.get('s'))?.lastJobId ?? '';
    await setClock(all, minute(4));
    await sweeper(all).sweepOnce();
    expect(await unstuck.get(old)).toMatchObject({
      state: 'cancelled',
      reason: 'replaced by the next run',
    });
    expect((await unstuck.history(old)).map(({ kind, by }) => [kind, by])).toEqual([
      ['cancelled', 'schedule'],
    ]);
    expect(await nominals(all, 's')).toEqual([minute(1), minute(4)]);
    expect(await unstuck.schedules.get('s')).toMatchObject({ firedTimes: 2, skippedTimes: 2 });
  });

  test('replace aborts a handler that runs', async () => {
    const all = await setup({ sweepInterval: '20ms' });
    const aborted = gate<unknown>();
    const slow = job('slow', (running) => {
      running.signal.addEventListener('abort', () => aborted.open(running.signal.reason));
      return new Promise(() => undefined);
    });
    await all.unstuck.work([slow]);
    const spec = { job: slow, input: 1, every: '1s', overlap: 'replace' } as const;
    await all.unstuck.schedules.set('s', spec);
    expect(String(await aborted.promise)).toContain('cancel');
  });
});
