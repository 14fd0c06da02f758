// The laws of alerts that leave the process: real loops, real receivers, processes that die, channels that fail, a database that is away.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, onTestFinished, test, vi } from 'vitest';
import { slackChannel } from '../../src/domain/alert-channels.ts';
import {
  type AlertsDefinition,
  type AlertsOptions,
  defineAlerts,
} from '../../src/domain/define-alerts.ts';
import { type Receiver, receiver } from '../engine/senders/receiver.ts';
import { TcpProxy } from '../support/proxy.ts';
import { eventually, setup } from '../support/unstuck.ts';
import { rounds, someChannel } from './support/alerts.ts';

const RULE = { kind: 'findings', for: '0s', clearAfter: '0s' } as const;

function definition(
  channels: Readonly<Record<string, Receiver>>,
  options: Partial<AlertsOptions> = {},
): AlertsDefinition {
  const made = Object.entries(channels).map(([name, { url }]) => [name, slackChannel({ url })]);
  return defineAlerts({
    channels: Object.fromEntries(made) as AlertsOptions['channels'],
    rules: [RULE],
    interval: '1s',
    ...options,
  });
}

const texts = ({ received }: Receiver): string[] =>
  received.map(({ body }) => (JSON.parse(body) as { text: string }).text);

test('O6: an alert reaches people from a process that works nothing and sweeps nothing', async () => {
  const all = await setup({ sweep: false });
  const ops = await receiver();
  await rounds(all).finding('mail');
  all.unstuck.alerts.start(definition({ ops }));
  await eventually(() => ops.received.length === 1, 'told');
  expect(texts(ops)[0]).toMatch(/\*\[warning\] findings: queued: mail\*\n3 jobs: no live worker/);
  await all.logged('alert_fired');
  expect(all.unstuck.stalled).toEqual([]);
});

test('O6: a detector that has had no good round is told of, each for itself, and none while they go on', async () => {
  const all = await setup({ sweep: false });
  const sweeping = await all.connect({ sweep: true });
  sweeping.sweep();
  const fresh = (names: string): Promise<unknown> => {
    const ok = `select from unstuck.ticks where name in (${names}) and last_ok_at > unstuck.clock() - interval '5 seconds'`;
    const count = names.split(',').length;
    return eventually(async () => (await all.query(ok)).length === count, `${names} go on`);
  };
  await fresh(`'sweep', 'findings'`);
  const rules = [{ kind: 'detector-dead', for: '0s', clearAfter: '0s', every: '0s' }] as const;
  const { round, told } = rounds(all, { rules });
  await round();
  expect(await told()).toEqual([]);
  await all.query('alter table unstuck.findings rename to away');
  await all.moveClock('40 seconds');
  await fresh(`'sweep'`);
  await round();
  expect(await told()).toMatchObject([{ subject: '[critical] detector-dead: findings' }]);
  await all.query('alter table unstuck.away rename to findings');
  await fresh(`'sweep', 'findings'`);
  await sweeping.close();
  await all.moveClock('80 seconds');
  await round();
  expect((await told()).slice(1).map(({ subject }) => subject)).toEqual([
    '[critical] detector-dead: sweep',
  ]);
});

test('O5: a channel that is down is tried again, its fallback tells meanwhile, and another one says that it is down', async () => {
  const all = await setup({ sweep: false });
  const [ops, backup] = [await receiver({ status: 500, body: 'no' }), await receiver()];
  await rounds(all).finding('mail');
  all.unstuck.alerts.start(
    defineAlerts({
      channels: {
        ops: slackChannel({ url: ops.url, rules: ['findings'], fallback: 'backup' }),
        backup: slackChannel({ url: backup.url, rules: ['channel-failing'] }),
      },
      rules: [RULE, { kind: 'channel-failing', clearAfter: '0s' }],
      interval: '1s',
    }),
  );
  await eventually(() => ops.received.length === 1, 'tried once');
  await all.moveClock('10 seconds');
  await eventually(() => backup.received.length === 2, 'told by the other one');
  expect(texts(backup).toSorted()).toEqual([
    expect.stringContaining('*[critical] channel-failing: ops*'),
    expect.stringContaining('*[warning] findings: queued: mail*'),
  ]);
  expect(texts(backup).join()).toContain('Slack answered 500: no');
  const open = `select from unstuck.deliveries where channel = 'backup' and state = 'pending' or leased_until is not null`;
  await eventually(async () => (await all.query(open)).length === 0, 'nothing is being sent');
  ops.answer({ status: 200 });
  await all.moveClock('10 minutes');
  await eventually(() => ops.received.length === 3, 'tried again');
  const state = `select state, payload ->> 'handed_to' as handed from unstuck.deliveries where channel = 'ops'`;
  await eventually(
    async () => (await all.query<{ state: string }>(state))[0]?.state === 'delivered',
    'it arrived',
  );
  await eventually(() => texts(backup).some((text) => text.includes('[resolved]')), 'over');
  expect(texts(backup)).toHaveLength(3);
});

test('two processes that look at once send one message', async () => {
  const all = await setup({ sweep: false });
  const ops = await receiver();
  await rounds(all).finding('mail');
  const others = [await all.connect(), await all.connect()];
  for (const one of [all.unstuck, ...others]) one.alerts.start(definition({ ops }));
  await eventually(() => ops.received.length > 0, 'told');
  const seen = `select next_at > now() as taken from unstuck.ticks where name = 'alerts'`;
  for (let round = 1; round < 4; round += 1) {
    await all.moveClock(`${round * 2} seconds`);
    await eventually(async () => (await all.query(seen)).length === 1, 'a round');
  }
  expect(ops.received).toHaveLength(1);
  expect(await all.query('select from unstuck.deliveries')).toHaveLength(1);
});

test('a process that is killed between its decision and the sending leaves the message to another one', async () => {
  const all = await setup({ sweep: false });
  const ops = await receiver();
  // What the first process sends is never answered: it dies while it waits.
  ops.answer(() => undefined);
  await rounds(all).finding('mail');
  const child = spawn(
    process.execPath,
    [
      '--conditions=unstuck-source',
      'test/features/support/alerting-process.ts',
      JSON.stringify({ url: all.url, slack: ops.url }),
    ],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  onTestFinished(() => void child.kill('SIGKILL'));
  await eventually(() => ops.received.length === 1, 'it sends');
  child.kill('SIGKILL');
  await once(child, 'exit');
  ops.answer({ status: 200 });
  all.unstuck.alerts.start(definition({ ops }));
  await all.moveClock('61 seconds');
  await eventually(() => ops.received.length === 2, 'the other one sends it');
  const state = `select state, attempts from unstuck.deliveries`;
  await eventually(
    async () => (await all.query<{ state: string }>(state))[0]?.state === 'delivered',
    'it is marked',
  );
  expect(await all.query(state)).toEqual([{ state: 'delivered', attempts: 2 }]);
});

test('the beat goes out once for all processes while all is well, and stops with its reason when a detector dies', async () => {
  const all = await setup({ sweep: false });
  const [ops, watcher] = [await receiver(), await receiver()];
  await all.query(`update unstuck.ticks set last_ok_at = now() + interval '2 minutes'`);
  await all.query(
    `insert into unstuck.ticks (name, next_at, last_ok_at) values ('findings', now(), now() + interval '2 minutes') on conflict do nothing`,
  );
  const beating = definition({ ops }, { rules: [RULE], beat: { url: watcher.url, every: '10s' } });
  const other = await all.connect();
  for (const one of [all.unstuck, other]) one.alerts.start(beating);
  await eventually(() => watcher.received.length === 1, 'it beats');
  expect(watcher.received[0]).toMatchObject({ method: 'GET' });
  await all.moveClock('11 seconds');
  await eventually(() => watcher.received.length === 2, 'it beats again');
  await all.moveClock('4 minutes');
  const withheld = await all.logged('beat_withheld');
  expect(withheld.facts['reasons']).toMatch(/no good round of the sweep since/);
  expect(watcher.received).toHaveLength(2);
});

test('when the database is gone this process tells so by itself, once, does not beat, and says when it is back', async () => {
  const all = await setup({ sweep: false });
  const [ops, watcher] = [await receiver(), await receiver()];
  const proxy = await TcpProxy.start(all.url);
  onTestFinished(() => proxy.close());
  const away = await all.connect({ database: proxy.url, connectTimeout: '500ms' });
  away.alerts.start(
    definition({ ops }, { databaseLostAfter: '5s', beat: { url: watcher.url, every: '10s' } }),
  );
  await eventually(
    async () =>
      (
        await all.query(
          `select from unstuck.ticks where name = 'alerts' and last_ok_at is not null`,
        )
      ).length === 1,
    'it looks',
  );
  const beats = watcher.received.length;
  proxy.refuse(true);
  proxy.reset();
  await eventually(() => ops.received.length === 1, 'told', 30_000);
  expect(texts(ops)[0]).toMatch(/\*\[critical\] database-lost: [^*]+\*\nThe database has not/);
  expect(texts(ops)[0]).not.toMatch(/postgres(ql)?:/);
  proxy.refuse(false);
  await eventually(() => ops.received.length === 2, 'back', 30_000);
  expect(texts(ops)[1]).toMatch(/\*\[resolved\] database-lost/);
  expect(watcher.received.length - beats).toBeLessThanOrEqual(1);
}, 90_000);

test('a channel is tried at once, and what its API says is answered', async () => {
  const all = await setup({ sweep: false });
  const ops = await receiver();
  await expect(all.unstuck.alerts.test('ops')).rejects.toMatchObject({
    code: 'ALERTS_NOT_STARTED',
  });
  all.unstuck.alerts.start(definition({ ops }));
  expect(await all.unstuck.alerts.test('ops')).toEqual({
    channel: 'ops',
    accepted: true,
    code: null,
    message: 'Slack answered 200',
  });
  ops.answer({ status: 404, body: 'no_service' });
  expect(await all.unstuck.alerts.test('ops')).toMatchObject({
    accepted: false,
    code: 'RECEIVER_REFUSED',
    message: 'Slack answered 404: no_service',
  });
  await expect(all.unstuck.alerts.test('nobody')).rejects.toMatchObject({
    code: 'CHANNEL_NOT_FOUND',
  });
  expect(() => all.unstuck.alerts.start(definition({ ops }))).toThrow(
    expect.objectContaining({ code: 'ALERTS_INVALID' }),
  );
});

test('a single process looks once in every interval, however the pauses between its looks fall', async () => {
  const all = await setup({ sweep: false });
  vi.spyOn(Math, 'random').mockReturnValue(0);
  all.unstuck.alerts.start(definition({ ops: await receiver() }));
  const next = `select next_at from unstuck.ticks where name = 'alerts' and next_at > now() - interval '1 minute'`;
  const looks: number[] = [];
  await eventually(async () => {
    const [row] = await all.query<{ next_at: Date }>(next);
    const at = row?.next_at.getTime();
    if (at !== undefined && at !== looks.at(-1)) looks.push(at);
    return looks.length === 4;
  }, 'four looks');
  const pauses = looks.slice(1).map((at, index) => at - (looks[index] ?? 0));
  expect(pauses.toSorted((a, b) => a - b)[0]).toBeLessThan(1_500);
});

test('an installation that was stopped for a while is no dead detector when it starts again', async () => {
  const all = await setup({ sweep: false });
  const sweeping = await all.connect({ sweep: true });
  sweeping.sweep();
  const ok = `select from unstuck.ticks where name in ('sweep', 'findings') and last_ok_at > unstuck.clock() - interval '5 seconds'`;
  const fresh = (): Promise<unknown> =>
    eventually(async () => (await all.query(ok)).length === 2, 'the detectors go on');
  await fresh();
  await sweeping.close();
  const { round, told } = rounds(all, { rules: [{ kind: 'detector-dead', clearAfter: '0s' }] });
  await all.moveClock('1 hour');
  await round();
  const again = await all.connect({ sweep: true });
  again.sweep();
  await all.moveClock('1 hour 11 seconds');
  await fresh();
  await round();
  expect(await told()).toEqual([]);
});

test('a fallback that was told by itself is not told the same again in place of another channel', async () => {
  const all = await setup({ sweep: false });
  const { at, finding } = rounds(all, {
    channels: {
      ops: someChannel({ fallback: 'backup' }),
      backup: someChannel(),
      other: someChannel({ fallback: 'spare' }),
      spare: someChannel({ rules: ['nothing'] }),
    },
    rules: [RULE, { kind: 'stuck', name: 'nothing' }],
  });
  await finding('mail');
  await at('0s');
  await all.query(
    `update unstuck.deliveries set state = 'failed', failed_at = unstuck.clock(), next_at = null where channel in ('ops', 'other')`,
  );
  await at('10 seconds');
  const told = `select channel, payload ->> 'instead_of' as instead_of from unstuck.deliveries order by channel`;
  expect(await all.query(told)).toEqual([
    { channel: 'backup', instead_of: null },
    { channel: 'ops', instead_of: null },
    { channel: 'other', instead_of: null },
    { channel: 'spare', instead_of: 'other' },
  ]);
});

test('deliveries are listed the newest first, those of alerts too', async () => {
  const all = await setup({ sweep: false });
  const { at, finding } = rounds(all);
  for (const minute of [1, 2, 3, 4, 5, 6]) {
    await finding(`type-${minute}`);
    await at(`${minute} minutes`);
  }
  const { deliveries: listed } = await all.unstuck.deliveries.list();
  const times = listed.map(({ createdAt }) => createdAt.getTime());
  expect(times).toHaveLength(6);
  expect(times).toEqual(times.toSorted((a, b) => b - a));
});
