// The laws of schedules that somebody pauses, breaks or moves: pauses, clocks that are put back, bad rows, findings, previews and runs by hand.
import { describe, expect, test } from 'vitest';
import { makePartitions } from '../../src/storage/partitions.ts';
import { job, type Setup, setup } from '../support/unstuck.ts';
import { firing, nominals, setClock, sweeper } from './support/schedules.ts';

const START = '2026-03-10T12:00:00.000Z';
const minute = (n: number): string => new Date(Date.parse(START) + n * 60_000).toISOString();

/** An installation whose clock stands at the start, and nobody who sweeps by himself. */
async function still(): Promise<Setup> {
  const all = await setup({ sweep: false });
  await setClock(all, START);
  await makePartitions(all.database());
  return all;
}

/** Lets the clock stand at each of these minutes, with a sweep at each. */
async function pass(all: Setup, ...at: readonly number[]): Promise<void> {
  const sweep = sweeper(all);
  for (const n of at) {
    await setClock(all, minute(n));
    await sweep.sweepOnce();
  }
}

const MINUTELY = { type: 't', every: '1m', overlap: 'allow', missed: 'all' } as const;

describe('a pause', () => {
  test('fires nothing until it is resumed; its times are over, not missed', async () => {
    const all = await still();
    const { schedules } = all.unstuck;
    await schedules.set('s', MINUTELY);
    const paused = await schedules.pause('s', { reason: 'lunch', by: 'ada' });
    expect(paused.paused).toEqual({ at: new Date(START), until: null, reason: 'lunch', by: 'ada' });
    await pass(all, 1, 2, 5);
    expect(await schedules.get('s')).toMatchObject({ nextAt: new Date(minute(6)), missedTimes: 0 });
    await setClock(all, minute(8));
    const resumed = await schedules.resume('s', { by: 'bob', reason: 'back' });
    expect(resumed).toMatchObject({ paused: null, nextAt: new Date(minute(9)), missedTimes: 0 });
    await pass(all, 9);
    expect(await nominals(all, 's')).toEqual([minute(9)]);
    expect(
      await all.query('select kind, by, reason, detail from unstuck.events order by at'),
    ).toEqual([
      { kind: 'schedule-paused', by: 'ada', reason: 'lunch', detail: { schedule: 's' } },
      { kind: 'schedule-resumed', by: 'bob', reason: 'back', detail: { schedule: 's' } },
    ]);
  });

  test('with an end is over at that instant, and only times before it are silent, also when nobody swept', async () => {
    const all = await still();
    const { schedules } = all.unstuck;
    await schedules.set('s', MINUTELY);
    await schedules.pause('s', { until: new Date(minute(3)) });
    await pass(all, 1, 2);
    expect((await schedules.get('s'))?.paused).not.toBeNull();
    await pass(all, 5);
    expect(await nominals(all, 's')).toEqual([minute(3), minute(4), minute(5)]);
    expect(await schedules.get('s')).toMatchObject({ paused: null, missedTimes: 0 });
    expect(await all.query('select from unstuck.schedules where paused_at is not null')).toEqual(
      [],
    );
  });

  test('needs an end to come, and a schedule; resuming one that is not paused changes nothing', async () => {
    const all = await still();
    const { schedules } = all.unstuck;
    await schedules.set('s', MINUTELY);
    const until = new Date(START);
    await expect(schedules.pause('s', { until })).rejects.toMatchObject({
      code: 'SCHEDULE_INVALID',
    });
    const before = await schedules.get('s');
    expect(await schedules.resume('s')).toEqual(before);
    const none = { code: 'SCHEDULE_NOT_FOUND' };
    await expect(schedules.pause('none')).rejects.toMatchObject(none);
    await expect(schedules.resume('none')).rejects.toMatchObject(none);
    await expect(schedules.delete('none')).rejects.toMatchObject(none);
    await expect(schedules.run('none')).rejects.toMatchObject(none);
    await expect(schedules.preview('none')).rejects.toMatchObject(none);
  });
});

describe('K5: a clock that is put forward and back', () => {
  test('leaves no gap: the next time is computed anew, and the rule goes on', async () => {
    const all = await still();
    const { schedules } = all.unstuck;
    await schedules.set('s', { ...MINUTELY, missed: 'once' });
    await pass(all, 1);
    await setClock(all, '2030-01-01T00:00:30Z');
    await sweeper(all).sweepOnce();
    expect((await schedules.get('s'))?.nextAt).toEqual(new Date('2030-01-01T00:01:00Z'));
    await pass(all, 2);
    expect((await schedules.get('s'))?.nextAt).toEqual(new Date(minute(3)));
    await pass(all, 3, 4);
    expect(await nominals(all, 's')).toEqual([
      minute(1),
      minute(3),
      minute(4),
      '2030-01-01T00:00:00.000Z',
    ]);
  });

  test('fires no time twice, whether its job is live or finished', async () => {
    const all = await still();
    const { unstuck } = all;
    await unstuck.schedules.set('s', MINUTELY);
    await pass(all, 1, 2, 3);
    const [first] = await all.query<{ id: string }>(
      'select id::text from unstuck.jobs order by id limit 1',
    );
    await unstuck.cancel(first?.id ?? '');
    await pass(all, 0, 1, 2, 3, 4);
    expect(await nominals(all, 's')).toEqual([1, 2, 3, 4].map(minute));
    expect(await unstuck.schedules.get('s')).toMatchObject({
      firedTimes: 4,
      lastAt: new Date(minute(4)),
    });
  });

  test('a schedule that is deleted and set again fires its times again: it is another', async () => {
    const all = await still();
    const { schedules } = all.unstuck;
    await schedules.set('s', MINUTELY);
    await pass(all, 1);
    await schedules.delete('s', { by: 'ada', reason: 'gone' });
    expect(await schedules.get('s')).toBeUndefined();
    await setClock(all, minute(0.5));
    await schedules.set('s', { ...MINUTELY, anchor: new Date(START) });
    await pass(all, 1);
    expect(await nominals(all, 's')).toEqual([minute(1), minute(1)]);
  });
});

describe('a bad row', () => {
  test('keeps its error and no other from being fired, is tried again, and is well when it is mended', async () => {
    const all = await still();
    const { unstuck, query } = all;
    for (const name of ['a', 'bad', 'z']) await unstuck.schedules.set(name, MINUTELY);
    await unstuck.schedules.set('cron', { type: 't', cron: '* * * * *', overlap: 'allow' });
    await query(`update unstuck.schedules set cron = 'rubbish' where name = 'cron'`);
    await query(`create function refuse() returns trigger language plpgsql as
      $$ begin if 'schedule:bad' = any(new.tags) then raise exception 'not in my table'; end if; return new; end $$`);
    await query(
      'create trigger refuse before insert on unstuck.jobs for each row execute function refuse()',
    );
    await pass(all, 1, 2);
    expect(await nominals(all, 'a')).toEqual([minute(1), minute(2)]);
    expect(await nominals(all, 'z')).toEqual([minute(1), minute(2)]);
    expect((await unstuck.schedules.get('bad'))?.error).toEqual({
      code: 'P0001',
      message: 'not in my table',
      at: new Date(minute(2)),
      count: 2,
    });
    expect((await unstuck.schedules.get('cron'))?.error).toMatchObject({
      code: 'SCHEDULE_INVALID',
    });
    expect(all.lines.filter(({ event }) => event === 'schedule_failed')).toHaveLength(4);
    const found = (await unstuck.stuck()).filter(({ kind }) => kind === 'schedule');
    expect(found.map(({ subject, reason }) => [subject, reason])).toEqual([
      ['bad', 'the schedule "bad" cannot be fired: not in my table'],
      ['cron', expect.stringContaining('cannot be fired: Expected cron')],
    ]);
    // Not in every round: the next try is a while off.
    await sweeper(all).sweepOnce();
    expect((await unstuck.schedules.get('bad'))?.error?.count).toBe(2);
    await query('drop trigger refuse on unstuck.jobs');
    await unstuck.schedules.set('cron', { type: 't', cron: '* * * * *', overlap: 'allow' });
    await pass(all, 3);
    expect(await nominals(all, 'bad')).toEqual([minute(1), minute(2), minute(3)]);
    for (const name of ['bad', 'cron'])
      expect((await unstuck.schedules.get(name))?.error, name).toBeNull();
    expect(await unstuck.stuck()).toEqual([]);
  });

  test('whose key somebody else holds open waits for that one only so long, and fires later', async () => {
    const all = await setup({ sweep: false, lockTimeout: '200ms' });
    await setClock(all, START);
    const { schedules } = all.unstuck;
    await schedules.set('held', { type: 't', every: '1m' });
    await schedules.set('free', { type: 't', every: '1m' });
    const other = await all.session();
    await other.query('begin');
    await other.query(`select unstuck.enqueue('t', key => 'schedule:held')`);
    await pass(all, 1);
    expect(await nominals(all, 'free')).toEqual([minute(1)]);
    expect((await schedules.get('held'))?.error?.code).toBe('55P03');
    await other.query('rollback');
    await pass(all, 1.5);
    expect(await nominals(all, 'held')).toEqual([minute(1)]);
  });

  test('cannot be stored where the table can tell: no rule, no next time, a pause without a start', async () => {
    const all = await still();
    await all.unstuck.schedules.set('s', MINUTELY);
    for (const change of [
      'next_at = null',
      `next_at = 'infinity'`,
      'every_ms = null',
      `cron = '* * * * *'`,
      'every_ms = 10',
      `missed = 'maybe'`,
      `overlap = 'maybe'`,
      'paused_until = now()',
      `error = '{}'`,
    ])
      await expect(
        all.query(`update unstuck.schedules set ${change}`),
        change,
      ).rejects.toMatchObject({ code: expect.stringMatching(/^23(514|502)$/) });
  });
});

describe('K4: a schedule that nobody fires', () => {
  test('is a finding, that ends when it was fired', async () => {
    const all = await still();
    await all.unstuck.schedules.set('s', MINUTELY);
    await setClock(all, minute(1));
    expect(await all.unstuck.stuck()).toEqual([]);
    await setClock(all, minute(1.5));
    expect(await all.unstuck.stuck()).toMatchObject([
      { kind: 'schedule', subject: 's', count: 1, oldest: new Date(minute(1)), current: true },
    ]);
    await sweeper(all).sweepOnce();
    expect(await all.unstuck.stuck()).toEqual([]);
  });

  test('explains no late job, whatever its name', async () => {
    const all = await still();
    await all.unstuck.schedules.set('time', MINUTELY);
    await all.unstuck.enqueue('t', 1, { delay: '10s' });
    await setClock(all, minute(2));
    await all.query(`insert into unstuck.findings (kind, subject, reason, action, count, oldest, first_seen, last_seen, next_look)
      select 'schedule', 'time', 'r', 'a', 1, now, now, now, now + interval '1 minute' from unstuck.clock() as now`);
    expect(await all.unstuck.status()).toMatchObject({ late: 1, stuck: 1 });
  });

  test('a paused schedule is none', async () => {
    const all = await still();
    await all.unstuck.schedules.set('s', MINUTELY);
    await all.unstuck.schedules.pause('s');
    await pass(all, 3);
    expect(await all.unstuck.stuck()).toEqual([]);
  });
});

describe('preview', () => {
  test('names the next runs of a schedule and of a rule, with what daylight saving does to them', async () => {
    const all = await still();
    const { schedules } = all.unstuck;
    const rule = { cron: '30 2 * * *', timezone: 'Europe/Berlin' };
    await schedules.set('nightly', { type: 't', ...rule });
    const from = new Date('2026-03-28T00:00:00Z');
    const runs = await schedules.preview('nightly', { count: 3, from });
    expect(runs).toEqual([
      { at: new Date('2026-03-28T01:30:00Z'), local: '2026-03-28T02:30:00+01:00', note: null },
      { at: new Date('2026-03-29T01:00:00Z'), local: '2026-03-29T03:00:00+02:00', note: 'gap' },
      { at: new Date('2026-03-30T00:30:00Z'), local: '2026-03-30T02:30:00+02:00', note: null },
    ]);
    expect(await schedules.preview(rule, { count: 3, from })).toEqual(runs);
    const ten = await schedules.preview({ every: '15m' });
    expect(ten).toHaveLength(10);
    expect(ten[0]?.at).toEqual(new Date(minute(15)));
    for (const count of [0, 1_001, 1.5])
      await expect(schedules.preview('nightly', { count })).rejects.toMatchObject({
        code: 'REQUEST_INVALID',
      });
  });

  test('is what then happens, through both changes of the clocks', async () => {
    for (const [from, zone] of [
      ['2026-03-28T20:00:00.000Z', 'Europe/Berlin'],
      ['2026-10-24T20:00:00.000Z', 'Europe/Berlin'],
    ] as const) {
      const all = await setup({ sweep: false });
      await setClock(all, from);
      const { schedules } = all.unstuck;
      const names = ['30 2 * * *', '*/30 * * * *'].map((cron, n) => ({ name: `s${n}`, cron }));
      for (const { name, cron } of names)
        await schedules.set(name, { type: 't', cron, timezone: zone, overlap: 'allow' });
      const until = Date.parse(from) + 12 * 3_600_000;
      const promised = await Promise.all(
        names.map(async ({ name }) =>
          (await schedules.preview(name, { count: 30 }))
            .map(({ at }) => at)
            .filter((at) => at.getTime() <= until)
            .map((at) => at.toISOString()),
        ),
      );
      const [a, b] = [sweeper(all), sweeper(all)];
      for (let at = Date.parse(from); at <= until; at += 10 * 60_000) {
        await setClock(all, new Date(at));
        await Promise.all([a.sweepOnce(), b.sweepOnce()]);
      }
      for (const [index, { name }] of names.entries())
        expect(await nominals(all, name)).toEqual(promised[index]);
    }
  });

  test('of a paused schedule begins with the end of its pause, and is empty without one', async () => {
    const all = await still();
    const { schedules } = all.unstuck;
    await schedules.set('s', MINUTELY);
    await schedules.pause('s', { until: new Date(minute(5)) });
    expect((await schedules.preview('s', { count: 1 }))[0]?.at).toEqual(new Date(minute(5)));
    await schedules.pause('s');
    expect(await schedules.preview('s')).toEqual([]);
  });
});

describe('a run by hand', () => {
  test('is beside the nominal times, paused or not, and says who', async () => {
    const all = await still();
    const { unstuck } = all;
    const mail = job('mail', () => 1);
    await unstuck.schedules.set('s', { job: mail, input: { a: 1 }, every: '1m', tags: ['x'] });
    await unstuck.schedules.pause('s');
    const { id, created } = await unstuck.schedules.run('s', { by: 'ada', reason: 'look' });
    expect(created).toBe(true);
    expect(await unstuck.get(id)).toMatchObject({
      type: 'mail',
      input: { a: 1 },
      tags: ['x', 'schedule:s'],
      key: 'schedule:s',
    });
    expect(await unstuck.history(id)).toMatchObject([
      { kind: 'schedule-run', by: 'ada', reason: 'look', detail: { schedule: 's' } },
    ]);
    expect(await unstuck.schedules.get('s')).toMatchObject({
      firedTimes: 0,
      lastJobId: null,
      nextAt: new Date(minute(1)),
    });
  });

  test('follows the overlap policy', async () => {
    const all = await still();
    const { schedules } = all.unstuck;
    await schedules.set('skip', { ...MINUTELY, overlap: 'skip' });
    const first = await schedules.run('skip');
    expect(await schedules.run('skip')).toEqual({
      id: first.id,
      created: false,
      reason: 'key-live',
    });
    await schedules.set('allow', MINUTELY);
    expect((await schedules.run('allow')).id).not.toBe((await schedules.run('allow')).id);
    await schedules.set('replace', { ...MINUTELY, overlap: 'replace' });
    const old = await schedules.run('replace');
    expect((await schedules.run('replace')).created).toBe(true);
    expect((await all.unstuck.get(old.id))?.state).toBe('cancelled');
  });
});

test('schedules are listed by name, page by page', async () => {
  const { unstuck } = await still();
  for (const name of ['c', 'a', 'B', 'b']) await unstuck.schedules.set(name, MINUTELY);
  const names = async (filter?: object): Promise<string[]> =>
    (await unstuck.schedules.list(filter)).map(({ name }) => name);
  expect(await names()).toEqual(['B', 'a', 'b', 'c']);
  expect(await names({ limit: 2 })).toEqual(['B', 'a']);
  expect(await names({ limit: 2, after: 'a' })).toEqual(['b', 'c']);
  await expect(unstuck.schedules.list({ limit: 0 })).rejects.toMatchObject({
    code: 'REQUEST_INVALID',
  });
});

test('more schedules than one batch holds are all fired before a round says that no more are due', async () => {
  const all = await still();
  await all.query(`insert into unstuck.schedules (name, type, cron, next_at)
    select 's' || n, 't', '* * * * *', unstuck.clock() + interval '1 minute' from generate_series(1, 120) n`);
  await setClock(all, minute(1));
  const { database, fire } = firing(all);
  // A round ends by its time too: on a slow machine one is not enough.
  while ((await fire(database)).more);
  expect(await all.query('select from unstuck.jobs')).toHaveLength(120);
});

test('after an outage, schedules with many missed times each are fired batch by batch', async () => {
  const all = await still();
  await all.query(`insert into unstuck.schedules (name, type, cron, timezone, next_at)
    select 's' || n, 't', '* * * * *', 'Europe/Berlin', unstuck.clock() + interval '1 minute' from generate_series(1, 60) n`);
  await setClock(all, minute(1_000));
  const { database, fire } = firing(all);
  for (let round = 0; round < 20; round += 1) await fire(database);
  expect(await all.query('select from unstuck.jobs')).toHaveLength(60);
});
