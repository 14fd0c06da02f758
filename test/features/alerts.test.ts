// The laws of alerts: when they fire and resolve, how seldom people are told, and that one of many processes tells.
import { expect, test } from 'vitest';
import { pagerdutyChannel } from '../../src/domain/alert-channels.ts';
import { ALERTS_TICK, evaluate } from '../../src/features/alerts/evaluate.ts';
import { takeAlertTick } from '../../src/sql/alerts.ts';
import { setup } from '../support/unstuck.ts';
import { rounds, someChannel } from './support/alerts.ts';

const RULE = { kind: 'findings', for: '0s', clearAfter: '0s', repeat: false } as const;

test('an alert fires when it has held for long enough, and resolves when it has not for long enough', async () => {
  const all = await setup({ sweep: false });
  const { at, told, finding } = rounds(all, {
    rules: [{ ...RULE, for: '5m', clearAfter: '2m' }],
  });
  await finding('mail');
  await at('0s');
  expect(await all.unstuck.alerts.list()).toMatchObject([
    { rule: 'findings', subject: 'queued: mail', state: 'pending', count: 3, firedAt: null },
  ]);
  await at('4 minutes');
  expect(await told()).toEqual([]);
  await at('5 minutes 1 second');
  expect(await told()).toMatchObject([
    { channel: 'ops', event: 'alert.firing', subject: '[warning] findings: queued: mail' },
  ]);
  await finding('mail', false);
  await at('20 minutes');
  await finding('mail');
  await at('21 minutes');
  await finding('mail', false);
  await at('22 minutes');
  await at('23 minutes');
  expect(await told()).toHaveLength(1);
  await at('24 minutes 1 second');
  expect(await told()).toMatchObject([{}, { event: 'alert.resolved' }]);
  expect(await all.unstuck.alerts.list()).toEqual([]);
  expect(await all.unstuck.alerts.list({ state: 'resolved' })).toMatchObject([
    { firedTimes: 1, nextLook: null, told: { ops: { state: 'resolved' } } },
  ]);
});

test('what holds for less than it must to fire is forgotten, and nobody is told', async () => {
  const all = await setup({ sweep: false });
  const { at, told, finding } = rounds(all, { rules: [{ ...RULE, for: '5m' }] });
  await finding('mail');
  await at('0s');
  await finding('mail', false);
  await at('1 minute');
  expect(await told()).toEqual([]);
  expect(await all.query('select from unstuck.alerts')).toEqual([]);
});

test('S2.5: a channel gets at most one message of a subject in five minutes, however it goes up and down', async () => {
  const all = await setup({ sweep: false });
  const { at, told, finding } = rounds(all);
  for (const second of Array.from({ length: 30 }, (_, index) => index * 10)) {
    await finding('gpu', (second / 10) % 2 === 0);
    await at(`${second} seconds`);
  }
  expect(await told()).toMatchObject([{ event: 'alert.firing' }]);
  await finding('gpu', false);
  await at('5 minutes 1 second');
  expect(await told()).toMatchObject([{}, { event: 'alert.resolved' }]);
  await finding('gpu');
  await at('6 minutes');
  expect(await told()).toHaveLength(2);
  await at('10 minutes 2 seconds');
  expect(await told()).toMatchObject([{}, {}, { event: 'alert.firing' }]);
});

test('what is down, up and down again within the time is not told twice, and a short up is not told at all', async () => {
  const all = await setup({ sweep: false });
  const { at, told, finding } = rounds(all);
  await finding('gpu');
  await at('0s');
  await finding('gpu', false);
  await at('1 minute');
  await finding('gpu');
  await at('2 minutes');
  await at('6 minutes');
  expect(await told()).toHaveLength(1);
});

test('it is told again while it holds, at the interval that was set, and no more once somebody has acknowledged it', async () => {
  const all = await setup({ sweep: false });
  const { at, told, finding } = rounds(all, { rules: [{ ...RULE, repeat: '1h' }] });
  await finding('mail');
  for (const minutes of [0, 30, 59, 61, 90]) await at(`${minutes} minutes`);
  expect(await told()).toHaveLength(2);
  const [alert] = await all.unstuck.alerts.list();
  const id = alert?.id as string;
  await all.unstuck.alerts.acknowledge(id, { by: 'ann', reason: 'on it' });
  for (const minutes of [130, 200, 300]) await at(`${minutes} minutes`);
  expect(await told()).toHaveLength(2);
  expect(await all.unstuck.alerts.get(id)).toMatchObject({
    state: 'firing',
    acknowledged: { by: 'ann', reason: 'on it' },
  });
  await finding('mail', false);
  await at('301 minutes');
  expect(await told()).toMatchObject([{}, {}, { event: 'alert.resolved' }]);
  expect((await all.unstuck.audit.list()).entries).toMatchObject([
    { action: 'acknowledge-alert', by: 'ann', reason: 'on it' },
  ]);
});

test('an alert that fires anew is not acknowledged any more', async () => {
  const all = await setup({ sweep: false });
  const { at, told, finding } = rounds(all);
  await finding('mail');
  await at('0s');
  const [alert] = await all.unstuck.alerts.list();
  await all.unstuck.alerts.acknowledge(alert?.id as string);
  await finding('mail', false);
  await at('10 minutes');
  await finding('mail');
  await at('20 minutes');
  expect(await all.unstuck.alerts.list()).toMatchObject([{ acknowledged: null, firedTimes: 2 }]);
  expect(await told()).toHaveLength(3);
});

test('a silenced alert tells nobody, goes on, and tells what still matters when the silence ends', async () => {
  const all = await setup({ sweep: false });
  const { at, told, finding } = rounds(all, { rules: [{ ...RULE, for: '1m' }] });
  await finding('mail');
  await at('0s');
  const [alert] = await all.unstuck.alerts.list();
  const id = alert?.id as string;
  await all.unstuck.alerts.silence(id, { for: '1h', by: 'ann', reason: 'known' });
  await at('2 minutes');
  expect(await all.unstuck.alerts.get(id)).toMatchObject({
    state: 'firing',
    silenced: { by: 'ann', until: expect.any(Date) },
  });
  expect(await told()).toEqual([]);
  await at('61 minutes');
  expect(await told()).toMatchObject([{ event: 'alert.firing' }]);
  await all.unstuck.alerts.silence(id);
  await finding('mail', false);
  await at('70 minutes');
  expect(await told()).toHaveLength(1);
  await all.unstuck.alerts.unsilence(id);
  await at('71 minutes');
  expect(await told()).toMatchObject([{}, { event: 'alert.resolved' }]);
  await expect(all.unstuck.alerts.acknowledge(id)).rejects.toMatchObject({
    code: 'ALERT_STATE_CONFLICT',
  });
  const nobody = '00000000-0000-0000-0000-000000000000';
  await expect(all.unstuck.alerts.silence(nobody)).rejects.toMatchObject({
    code: 'ALERT_NOT_FOUND',
  });
});

test('a channel gets what is serious enough and of its rules, and a rule tells the channels that it names', async () => {
  const all = await setup({ sweep: false });
  const { at, told, finding } = rounds(all, {
    channels: {
      all: someChannel(),
      serious: someChannel({ minSeverity: 'critical' }),
      other: someChannel({ rules: ['second'] }),
    },
    rules: [
      RULE,
      { ...RULE, name: 'second', severity: 'critical', channels: ['serious', 'other'] },
    ],
  });
  await finding('mail');
  await at('0s');
  const pairs = (await told()).map(({ channel, subject }) => `${channel} ${subject}`).toSorted();
  expect(pairs).toEqual([
    'all [warning] findings: queued: mail',
    'other [critical] second: queued: mail',
    'serious [critical] second: queued: mail',
  ]);
});

test('O4: a thousand subjects in a minute are at most three messages for each channel, and none is forgotten', async () => {
  const all = await setup({ sweep: false });
  const { at, told, finding } = rounds(all);
  for (let round = 0; round < 6; round += 1) {
    for (let nth = 0; nth < (round === 0 ? 2 : 199); nth += 1) await finding(`t${round}-${nth}`);
    await at(`${round * 9} seconds`);
  }
  const messages = await told();
  expect(messages.length).toBeLessThanOrEqual(3);
  await at('70 seconds');
  const later = await told();
  expect(later.length).toBeLessThanOrEqual(messages.length + 3);
  expect(later.reduce((sum, { total }) => sum + total, 0)).toBe(997);
  expect(later.at(-1)?.text).toMatch(/and \d+ more\.\nunstuck alert list/);
  await at('80 seconds');
  expect(await told()).toHaveLength(later.length);
});

test('two processes that look at once tell once, also when one of them took its tick long ago', async () => {
  const all = await setup({ sweep: false });
  const { definition, database, told, finding } = rounds(all);
  const other = all.database();
  await finding('mail');
  const [first] = await database.run(takeAlertTick, [ALERTS_TICK, 10_000]);
  expect(await other.run(takeAlertTick, [ALERTS_TICK, 10_000])).toEqual([]);
  await all.moveClock('11 seconds');
  const [second] = await other.run(takeAlertTick, [ALERTS_TICK, 10_000]);
  const { log } = all.unstuck;
  await Promise.all([
    evaluate(database, definition, first?.round as string, log),
    evaluate(other, definition, second?.round as string, log),
  ]);
  await evaluate(database, definition, first?.round as string, log);
  expect(await told()).toHaveLength(1);
});

test('a rule that cannot be looked at keeps its alerts, and no other rule waits for it', async () => {
  const all = await setup({ sweep: false });
  const { at, told, finding } = rounds(all, {
    rules: [
      { ...RULE, every: '0s' },
      { kind: 'schedule-missed', for: '0s', clearAfter: '0s' },
    ],
  });
  await all.unstuck.schedules.set('nightly', { type: 'x', cron: '30 2 * * *' });
  await all.query(`update unstuck.schedules set next_at = now() - interval '1 hour'`);
  await finding('mail');
  await at('0s');
  expect(await told()).toHaveLength(2);
  await all.query('alter table unstuck.findings rename to away');
  await all.query(`update unstuck.schedules set next_at = now() + interval '1 hour'`);
  await at('10 minutes');
  expect((await told()).slice(2)).toMatchObject([
    { event: 'alert.resolved', subject: '[resolved] schedule-missed: nightly' },
  ]);
  expect(all.lines.find(({ event }) => event === 'alert_rule_failed')?.facts).toMatchObject({
    rule: 'findings',
  });
  expect(await all.unstuck.alerts.list()).toMatchObject([{ rule: 'findings', state: 'firing' }]);
});

test('an alert of a rule that nobody has any more ends after an hour without a look', async () => {
  const all = await setup({ sweep: false });
  const { at, finding } = rounds(all);
  await finding('mail');
  await at('0s');
  const others = rounds(all, { rules: [{ kind: 'schedule-missed' }] });
  await others.at('1 minute');
  expect(await all.unstuck.alerts.list()).toMatchObject([{ state: 'firing', current: false }]);
  await others.at('62 minutes');
  expect(await all.unstuck.alerts.list()).toEqual([]);
});

test('what was acknowledged is told to PagerDuty, once, and to nobody else', async () => {
  const all = await setup({ sweep: false });
  const { at, told, finding } = rounds(all, {
    channels: { ops: someChannel(), pager: pagerdutyChannel({ routingKey: 'R0' }) },
  });
  await finding('mail');
  await at('0s');
  const [alert] = await all.unstuck.alerts.list();
  await all.unstuck.alerts.acknowledge(alert?.id as string, { by: 'ann', reason: 'on it' });
  await at('10 seconds');
  await at('20 seconds');
  expect((await told()).slice(2)).toMatchObject([
    {
      channel: 'pager',
      event: 'alert.acknowledged',
      text: expect.stringMatching(/^Acknowledged by ann \(on it\)\./),
    },
  ]);
  await finding('mail', false);
  await at('6 minutes');
  const ended = (await told()).slice(3);
  expect(ended.map(({ channel }) => channel).toSorted()).toEqual(['ops', 'pager']);
});

test('the database refuses an alert that holds and that nobody looks at again', async () => {
  const all = await setup({ sweep: false });
  const insert = (state: string): Promise<unknown> =>
    all.query(
      `insert into unstuck.alerts (id, rule, subject, severity, state, summary, since, fired_at, updated_at)
        values (gen_random_uuid(), 'r', $1, 'info', $1, 's', now(), now(), now())`,
      [state],
    );
  for (const state of ['pending', 'firing'])
    await expect(insert(state)).rejects.toMatchObject({ constraint: 'alerts_live_has_next_look' });
  await insert('resolved');
});
