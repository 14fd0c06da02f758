// The laws of sending among processes (O5): one sends one delivery at a time, whoever dies when, and no receiver keeps another waiting.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import type { Message } from '../../../src/domain/delivery.ts';
import { Deliverer } from '../../../src/engine/deliverer.ts';
import { webhookTo } from '../../../src/engine/senders/webhook.ts';
import { type Sender, Senders } from '../../../src/engine/senders.ts';
import {
  acceptDelivery,
  claimDeliveries,
  type DueRow,
  deferDelivery,
  failDelivery,
} from '../../../src/sql/deliveries.ts';
import { caller } from '../../std/support/calls.ts';
import { eventually, type Setup, setup } from '../../support/unstuck.ts';
import { LOCAL, receiver } from './receivers.ts';

const MESSAGE: Message = {
  id: '018f0000-0000-7000-8000-000000000000',
  purpose: 'notify',
  event: 'job.ended',
  subject: 's',
  text: 't',
  severity: 'info',
  at: new Date(0),
  data: {},
};

/** Starts a process that works, and answers when it does. */
async function worker(url: string, sweep: boolean): Promise<ChildProcess> {
  const file = fileURLToPath(new URL('worker-process.ts', import.meta.url));
  const child = spawn(
    process.execPath,
    ['--conditions=unstuck-source', file, JSON.stringify({ url, sweep })],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child.stdout as NodeJS.ReadableStream, 'data');
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
}

/** Alerts to be sent by a channel. */
const alerts = ({ query }: Setup, channel: string, count: number): Promise<unknown> =>
  query(
    `insert into unstuck.deliveries (purpose, channel, payload)
      select 'alert', $1, '{"event": "alert.test", "subject": "s", "text": "t", "severity": "info", "data": {"n": 1}}'
      from generate_series(1, $2)`,
    [channel, count],
  );

const states = async ({ query }: Setup): Promise<Record<string, number>> => {
  const rows = await query<{ channel: string; state: string; count: number }>(
    'select channel, state, count(*)::integer as count from unstuck.deliveries group by 1, 2 order by 1, 2',
  );
  return Object.fromEntries(
    rows.map(({ channel, state, count }) => [`${channel} ${state}`, count]),
  );
};

test('kill -9 between the end of a job and the sending: another process sends it, once', async () => {
  const to = await receiver();
  const all = await setup({ ...LOCAL, sweep: false });
  const child = await worker(all.url, false);
  const { id } = await all.unstuck.enqueue('told', 1, { notify: { webhook: to.url } });
  await all.unstuck.wait(id);
  await kill(child);
  expect(to.got).toEqual([]);
  const other = await all.connect({ sweep: true });
  other.sweep();
  await eventually(async () => (await states(all))['webhook delivered'] === 1, 'it is told');
  expect(to.got).toHaveLength(1);
});

test('kill -9 between the sending and writing down that it was accepted: sent once more under the same id, when the lease is over', async () => {
  const to = await receiver((response, n) => n > 1 && response.end('ok'));
  const all = await setup({ ...LOCAL, sweep: false });
  const child = await worker(all.url, true);
  const { id } = await all.unstuck.enqueue('told', 1, { notify: { webhook: to.url } });
  await all.unstuck.wait(id);
  await eventually(() => to.got.length === 1, 'it is being sent');
  await kill(child);
  const other = await all.connect({ sweep: true });
  other.sweep();
  await pause(300);
  expect(to.got).toHaveLength(1);
  await all.moveClock('61 seconds');
  await eventually(async () => (await states(all))['webhook delivered'] === 1, 'it is told');
  expect(new Set(to.got.map(({ headers }) => headers['webhook-id']))).toEqual(
    new Set([(await all.unstuck.deliveries.list()).deliveries[0]?.id]),
  );
  expect(to.got).toHaveLength(2);
});

test('O5: of several processes one sends each delivery', async () => {
  const to = await receiver((response) => setTimeout(() => response.end('ok'), 50));
  const all = await setup(LOCAL);
  const others = await Promise.all([all.connect(), all.connect()]);
  for (const one of [all.unstuck, ...others]) one.sweep();
  const jobs = await all.unstuck.enqueueMany(
    't',
    Array.from({ length: 60 }, () => ({ input: 1, notify: { webhook: to.url } })),
  );
  await all.unstuck.bulk.cancel({ ids: jobs.map(({ id }) => id) });
  await eventually(async () => (await states(all))['webhook delivered'] === 60, 'all are told');
  expect(to.got).toHaveLength(60);
  expect(new Set(to.got.map(({ headers }) => headers['webhook-id'])).size).toBe(60);
});

test('what was taken is not due until its lease is over; then the first one may no longer put it off or fail it, but what it saw accepted is', async () => {
  const all = await setup({ sweep: false });
  const database = all.database();
  await alerts(all, 'ops', 1);
  const claim = async (): Promise<DueRow | undefined> =>
    (await database.run(claimDeliveries, [[], 5, 5]))[0];
  const first = (await claim()) as DueRow;
  expect(await claim()).toBeUndefined();
  await all.moveClock('61 seconds');
  const second = (await claim()) as DueRow;
  expect([first.attempts, second.attempts]).toEqual([1, 2]);
  expect(await database.run(deferDelivery, [first.id, first.token, 1, '{}'])).toEqual([]);
  expect(await database.run(failDelivery, [first.id, first.token, '{}'])).toEqual([]);
  expect(await database.run(acceptDelivery, [first.id, null])).toHaveLength(1);
  expect(await database.run(acceptDelivery, [first.id, null])).toEqual([]);
  expect(await database.run(deferDelivery, [second.id, second.token, 1, '{}'])).toEqual([]);
  expect(await states(all)).toEqual({ 'ops delivered': 1 });
});

test('claims at the same time never take the same delivery', async () => {
  const all = await setup({ sweep: false });
  await alerts(all, 'ops', 40);
  const databases = Array.from({ length: 4 }, () => all.database());
  const rows = await Promise.all(
    databases.flatMap((database) => [1, 2, 3].map(() => database.run(claimDeliveries, [[], 5, 5]))),
  );
  const ids = rows.flat().map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
});

/** A deliverer of its own, whose ways are these. */
function deliverer(all: Setup, ways: Readonly<Record<string, Sender['send']>>): Deliverer {
  const senders = new Senders();
  senders.add(({ channel }) => (ways[channel] === undefined ? undefined : { send: ways[channel] }));
  const made = new Deliverer(all.database(), all.unstuck.log, senders);
  onTestFinished(() => made.stop());
  return made;
}

const never: Sender['send'] = (_message, signal) =>
  new Promise((resolve) =>
    signal.addEventListener('abort', () =>
      resolve({ kind: 'failed', again: true, code: 'SENDER_FAILED', message: 'stopped' }),
    ),
  );

test('receivers of one channel that hang keep no other channel waiting, and are stopped with the process', async () => {
  const all = await setup({ sweep: false });
  await alerts(all, 'hangs', 100);
  await alerts(all, 'ops', 100);
  const one = deliverer(all, { hangs: never, ops: async () => ({ kind: 'accepted' }) });
  one.wake();
  await eventually(async () => (await states(all))['ops delivered'] === 100, 'the others are told');
  expect(
    await all.query('select from unstuck.deliveries where leased_until is not null'),
  ).toHaveLength(16);
  const { loop } = one;
  expect(loop.stalled).toBe(false);
  await one.stop();
  expect(await all.query('select from unstuck.deliveries where leased_until is not null')).toEqual(
    [],
  );
  expect(await states(all)).toEqual({ 'hangs pending': 100, 'ops delivered': 100 });
});

test('a sender that throws is tried again', async () => {
  const all = await setup({ sweep: false });
  await alerts(all, 'ops', 1);
  const one = deliverer(all, { ops: () => Promise.reject(new Error('my mistake')) });
  one.wake();
  await all.logged('delivery_deferred');
  const [row] = (await all.unstuck.deliveries.list({ purpose: 'alert' })).deliveries;
  expect(row).toMatchObject({
    state: 'pending',
    sending: false,
    error: { code: 'SENDER_FAILED', message: 'my mistake' },
  });
});

test('what a receiver says that no text of the database can hold keeps nothing from being noted', async () => {
  const all = await setup({ sweep: false });
  await alerts(all, 'accepts', 1);
  await alerts(all, 'fails', 1);
  await alerts(all, 'later', 1);
  const code = 'RECEIVER_REFUSED';
  // A NUL, half of a pair, and a pair that stands where the text is cut.
  const message = `no\0 \ud83d ${'x'.repeat(994)}\u{1f600}`;
  const one = deliverer(all, {
    accepts: async () => ({ kind: 'accepted', note: message }),
    fails: async () => ({ kind: 'failed', again: false, code, message }),
    later: async () => ({ kind: 'failed', again: true, code, message }),
  });
  one.wake();
  const noted = async (): Promise<number> =>
    (await all.query('select from unstuck.deliveries where attempts = 1 and leased_until is null'))
      .length;
  await eventually(async () => (await noted()) === 3, 'all is noted');
  expect(await states(all)).toEqual({
    'accepts delivered': 1,
    'fails failed': 1,
    'later pending': 1,
  });
});

test('a channel that one process does not know is left to another one at once', async () => {
  const all = await setup({ sweep: false });
  await alerts(all, 'ops', 20);
  const seen: string[] = [];
  const knows = deliverer(all, {
    ops: async ({ id }) => {
      seen.push(id);
      return { kind: 'accepted' };
    },
  });
  const knowsNot = deliverer(all, {});
  knowsNot.wake();
  await all.logged('delivery_left');
  knows.wake();
  await eventually(async () => (await states(all))['ops delivered'] === 20, 'all are told');
  expect(new Set(seen).size).toBe(20);
  expect(seen).toHaveLength(20);
});

test('an answer that comes too late, or is too large, is a failure that is tried again', async () => {
  const late = await receiver((response) => setTimeout(() => response.end('ok'), 400));
  const large = await receiver((response) => response.end('x'.repeat(2_000)));
  const { signal } = new AbortController();
  const send = (url: string, limits: object): Promise<unknown> =>
    webhookTo(caller(), url, [], limits).send(MESSAGE, signal);
  expect(await send(late.url, { totalMs: 100 })).toMatchObject({
    kind: 'failed',
    again: true,
    code: 'ANSWER_TIMEOUT',
  });
  expect(await send(large.url, { bytesMax: 1_000 })).toMatchObject({
    again: true,
    code: 'ANSWER_TOO_LARGE',
  });
  expect(late.got).toHaveLength(1);
});

test('a process that stops gives up what hangs, and leaves it to be sent again', async () => {
  const to = await receiver(() => undefined);
  const all = await setup(LOCAL);
  const other = await all.connect();
  other.sweep();
  const { id } = await all.unstuck.enqueue('t', 1, { notify: { webhook: to.url } });
  await all.unstuck.cancel(id);
  await eventually(() => to.got.length === 1, 'it is being sent');
  await other.close();
  const [row] = (await all.unstuck.deliveries.list()).deliveries;
  expect(row).toMatchObject({ state: 'pending', sending: false });
});
