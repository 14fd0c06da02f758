// An hour in which a remote worker is away, from end to end: real requests, real jobs, real messages to a stand-in of the SMS provider; and stuck jobs that reach Sentry.
import { expect, test } from 'vitest';
import { sentryChannel, smsChannel } from '../../src/domain/alert-channels.ts';
import { defineAlerts } from '../../src/domain/define-alerts.ts';
import { receiver } from '../engine/senders/receiver.ts';
import { allOutcomes, begin, parked, stands } from '../engine/targets/support/remote-worker.ts';
import { eventually, setup } from '../support/unstuck.ts';

test('S2.2, S2.5, S2.8, N7, O4: in an hour that a target is away it is asked sixty times, no job fails or is charged, and no five minutes bring two SMS', async () => {
  const provider = await receiver({ status: 201, body: '{"sid":"SM1","status":"queued"}' });
  const all = await begin();
  const administrator = smsChannel({
    accountSid: 'AC123',
    authToken: 'hush',
    from: '+15005550006',
    to: '+15005550107',
    apiUrl: provider.url,
  });
  all.unstuck.alerts.start(
    defineAlerts({
      channels: { administrator },
      // As often as can be: it is told again whenever the limit of five minutes lets it be.
      rules: [{ kind: 'target-down', repeat: '5m' }],
      interval: '1s',
    }),
  );
  await all.worker.down();
  const ids = [await all.enqueue(), await all.enqueue(), await all.enqueue()];
  await stands(all, 'down');
  const asked = (): number => all.lines.filter(({ event }) => event === 'target_still_down').length;
  const looked = `select from unstuck.ticks where name = 'alerts' and last_ok_at >= unstuck.clock() - interval '30 seconds'
    and not exists (select from unstuck.deliveries where state = 'pending')`;
  const began = performance.now();
  for (let minute = 1; minute <= 60; minute += 1) {
    // What the test itself takes goes off, or two polls would fall into one step.
    const passed = Math.round(performance.now() - began);
    await all.moveClock(`${minute * 60_000 + 1_000 - passed} milliseconds`);
    ids.push(await all.enqueue(minute));
    const isDone = async (): Promise<boolean> =>
      asked() >= minute && (await all.query(looked)).length === 1;
    await eventually(isDone, `minute ${minute} is over`);
  }
  expect(asked()).toBe(60);
  await parked(all, ids.length);
  const told = await all.query<{ after: number | null }>(
    `select extract(epoch from created_at - lag(created_at) over (order by created_at))::float8 as after from unstuck.deliveries`,
  );
  expect(provider.received).toHaveLength(told.length);
  expect(told.length).toBeGreaterThanOrEqual(10);
  expect(told.length).toBeLessThanOrEqual(13);
  for (const { after } of told.slice(1)) expect(after).toBeGreaterThanOrEqual(300);
  await all.worker.up();
  await all.moveClock('71 minutes');
  for (const id of ids)
    expect(await all.unstuck.wait(id)).toMatchObject({ state: 'completed', attempt: 1 });
  expect(await allOutcomes(all)).toEqual([]);
  expect(all.worker.posts).toHaveLength(ids.length);
  // It must be well for a minute, and then that is told, too, once.
  await eventually(async () => (await all.query(looked)).length === 1, 'it is seen to be up');
  await all.moveClock('73 minutes');
  await eventually(
    async () => (await all.query(looked)).length === 1,
    'it has been up for long enough',
  );
  await all.moveClock('80 minutes');
  const texts = (): string[] =>
    provider.received.map(({ body }) => new URLSearchParams(body).get('Body') ?? '');
  await eventually(
    () => texts().at(-1)?.startsWith('[resolved] target-down: assembler'),
    'it is told to be up',
  );
  expect(texts().filter((text) => text.startsWith('[resolved]'))).toHaveLength(1);
}, 240_000);

test('S4.9: jobs that are stuck are an event of Sentry, by the usual rules, though nobody sweeps', async () => {
  const api = await receiver({ status: 200, body: '{"id":"x"}' });
  const all = await setup({ sweep: false });
  const dsn = `${api.url.replace('://', '://pub1ic@')}/42`;
  await all.unstuck.enqueue('mail', 1);
  await all.moveClock('10 minutes');
  all.unstuck.alerts.start(
    defineAlerts({ channels: { sentry: sentryChannel({ dsn }) }, interval: '1s' }),
  );
  await eventually(
    async () => (await all.unstuck.alerts.list()).some(({ rule }) => rule === 'stuck'),
    'it is seen',
  );
  await all.moveClock('10 minutes 31 seconds');
  const told = await eventually(
    () => api.received.find(({ body }) => body.includes('stuck: mail')),
    'Sentry is told',
  );
  expect(told.body).toContain('nothing explains why');
});
