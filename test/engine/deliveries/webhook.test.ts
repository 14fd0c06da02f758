// The laws of webhooks (S2.9): signed, tried again until they are accepted or expire, and never sent again once the receiver has answered.
import { setTimeout as pause } from 'node:timers/promises';
import { Webhook } from 'standardwebhooks';
import { expect, test } from 'vitest';
import type { Delivery } from '../../../src/domain/delivery.ts';
import { eventually, job, type Setup, setup } from '../../support/unstuck.ts';
import { type Answering, LOCAL, type Receiver, receiver, SECRET } from './receivers.ts';

/** Ends a job that tells a receiver, in a process that sends. */
async function told(
  answer: Answering | undefined,
  options = {},
): Promise<{ all: Setup; to: Receiver; id: string }> {
  const to = await receiver(answer);
  const all = await setup({ ...LOCAL, ...options });
  all.unstuck.sweep();
  const { id } = await all.unstuck.enqueue('t', 1, { notify: { webhook: to.url } });
  await all.unstuck.cancel(id, { reason: 'not needed' });
  return { all, to, id };
}

async function delivery({ unstuck }: Setup): Promise<Delivery> {
  const { deliveries } = await unstuck.deliveries.list();
  expect(deliveries).toHaveLength(1);
  return deliveries[0] as Delivery;
}

const became = (all: Setup, state: Delivery['state']): Promise<Delivery> =>
  eventually(async () => {
    const one = await delivery(all);
    return one.state === state && one;
  }, state);

/** Waits for the failure of the n-th try. */
const failedTry = (all: Setup, attempts: number): Promise<Delivery> =>
  eventually(async () => {
    const one = await delivery(all);
    return one.attempts === attempts && !one.sending && one.error !== null && one;
  }, `try ${attempts} has failed`);

const kinds = async ({ unstuck }: Setup, id: string): Promise<string[]> =>
  (await unstuck.history(id)).map(({ kind }) => kind);

test('S2.9: the end of a job is told at once, once, signed as Standard Webhooks says, and the history knows', async () => {
  const { all, to, id } = await told(undefined);
  const done = await became(all, 'delivered');
  expect(to.got).toHaveLength(1);
  const [{ headers, body }] = to.got as [Receiver['got'][number]];
  const event = new Webhook(SECRET).verify(body, headers as Record<string, string>);
  expect(event).toEqual({
    type: 'job.ended',
    timestamp: done.createdAt.toISOString(),
    data: done.payload,
  });
  expect(event).toMatchObject({ data: { job_id: id, state: 'cancelled', reason: 'not needed' } });
  expect(headers).toMatchObject({
    'webhook-id': done.id,
    'idempotency-key': done.id,
    'content-type': 'application/json',
  });
  expect(done).toMatchObject({ jobId: id, attempts: 1, error: null, nextAt: null });
  expect(done.address).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/hook\?…$/);
  expect(await kinds(all, id)).toEqual(['cancelled', 'told']);
  expect(JSON.stringify([all.lines, await all.unstuck.history(id)])).not.toContain('hidden');
});

test('several secrets sign, and none signs nothing but names the delivery', async () => {
  const other = `whsec_${Buffer.alloc(24, 9).toString('base64')}`;
  const both = await told(undefined, { webhookSecrets: [SECRET, other] });
  await became(both.all, 'delivered');
  const [signed] = both.to.got;
  for (const secret of [SECRET, other])
    new Webhook(secret).verify(signed?.body ?? '', signed?.headers as Record<string, string>);
  const none = await told(undefined, { webhookSecrets: [] });
  const { id } = await became(none.all, 'delivered');
  expect(none.to.got[0]?.headers).toMatchObject({ 'webhook-id': id });
  expect(none.to.got[0]?.headers).not.toHaveProperty('webhook-signature');
});

test('N8: 503, then 200: it is tried again after 5 s under the same id, and then never again', async () => {
  const { all, to, id } = await told((response, n) =>
    response.writeHead(n === 1 ? 503 : 204).end(),
  );
  const first = await failedTry(all, 1);
  expect(first).toMatchObject({
    state: 'pending',
    error: { code: 'RECEIVER_REFUSED', message: expect.stringContaining('answered 503') },
  });
  const wait = (first.nextAt as Date).getTime() - Date.now();
  expect(wait).toBeGreaterThan(2_000);
  expect(wait).toBeLessThan(5_600);
  await all.moveClock('6 seconds');
  await became(all, 'delivered');
  expect(to.got.map(({ headers }) => headers['webhook-id'])).toEqual([first.id, first.id]);
  await all.moveClock('4 days');
  await pause(300);
  expect(to.got).toHaveLength(2);
  expect(await kinds(all, id)).toEqual(['cancelled', 'told']);
});

test('410 ends it at once, and the history says that nobody was told', async () => {
  const { all, to, id } = await told((response) => response.writeHead(410).end());
  expect(await became(all, 'failed')).toMatchObject({
    attempts: 1,
    error: { code: 'RECEIVER_GONE' },
  });
  expect(to.got).toHaveLength(1);
  expect(await kinds(all, id)).toEqual(['cancelled', 'not-told']);
});

test('a redirect is a failure and is not followed', async () => {
  const { all, to } = await told((response) =>
    response.writeHead(302, { location: '/elsewhere' }).end(),
  );
  expect(await failedTry(all, 1)).toMatchObject({ error: { code: 'RECEIVER_REFUSED' } });
  expect(to.got).toHaveLength(1);
});

test('N8: Retry-After is waited for, however long it is within the time of the delivery', async () => {
  const { all } = await told((response) =>
    response.writeHead(429, { 'retry-after': '3600' }).end(),
  );
  const { nextAt } = await failedTry(all, 1);
  const wait = (nextAt as Date).getTime() - Date.now();
  expect(wait).toBeGreaterThan(3_590_000);
  expect(wait).toBeLessThanOrEqual(3_600_000);
});

test('a Retry-After beyond the time of the delivery leaves one last try before it ends', async () => {
  const { all } = await told((response) =>
    response.writeHead(503, { 'retry-after': '999999999' }).end(),
  );
  const { nextAt, expiresAt } = await failedTry(all, 1);
  expect(expiresAt.getTime() - (nextAt as Date).getTime()).toBe(60_000);
});

test('it is tried by the schedule until it expires, and then given up with the last reason', async () => {
  const { all, to, id } = await told((response) => response.writeHead(500).end());
  const begun = Date.now();
  for (let attempts = 1; ; attempts += 1) {
    const { nextAt, expiresAt } = await failedTry(all, attempts);
    const ahead = (nextAt as Date).getTime() - begun + 1_000;
    if (expiresAt.getTime() - (nextAt as Date).getTime() < 50_000) break;
    await all.moveClock(`${Math.ceil(ahead / 1_000)} seconds`);
  }
  const tries = to.got.length;
  // The schedule varies by a tenth, and so reaches the end in ten tries, or just in eleven.
  expect([10, 11]).toContain(tries);
  await all.moveClock('3 days 1 minute');
  expect(await became(all, 'failed')).toMatchObject({
    attempts: tries,
    error: { code: 'RECEIVER_REFUSED' },
  });
  expect(to.got).toHaveLength(tries);
  expect(await kinds(all, id)).toEqual(['cancelled', 'not-told']);
});

test('a receiver that accepts and hangs up, and one that nobody serves, are tried again', async () => {
  const { all } = await told((response) => response.destroy());
  expect(await failedTry(all, 1)).toMatchObject({ state: 'pending', error: { code: 'RESET' } });
  const other = await all.unstuck.enqueue('t', 1, { notify: { webhook: 'http://127.0.0.1:1/' } });
  await all.unstuck.cancel(other.id);
  const refused = await eventually(async () => {
    const { deliveries } = await all.unstuck.deliveries.list({ job: other.id });
    return deliveries[0]?.error !== null && deliveries[0];
  }, 'it was tried');
  expect(refused).toMatchObject({ state: 'pending', error: { code: 'CONNECT_REFUSED' } });
});

test('N10: an address inside that no rule allows fails at once, and nothing is sent there', async () => {
  const { all, to, id } = await told(undefined, { privateAddresses: 'refuse' });
  expect(await became(all, 'failed')).toMatchObject({
    attempts: 1,
    error: { code: 'ADDRESS_REFUSED' },
  });
  expect(to.got).toEqual([]);
  expect(await kinds(all, id)).toEqual(['cancelled', 'not-told']);
});

test('a delivery that failed can be sent again under the same id, by whom and why being kept; others cannot', async () => {
  const { all, to, id } = await told((response, n) =>
    response.writeHead(n === 1 ? 410 : 200).end(),
  );
  const failed = await became(all, 'failed');
  const { unstuck } = all;
  const again = await unstuck.deliveries.retry(failed.id, { by: 'ada', reason: 'it is back' });
  expect(again).toMatchObject({ id: failed.id, state: 'pending', attempts: 0 });
  const done = await became(all, 'delivered');
  expect(to.got.map(({ headers }) => headers['webhook-id'])).toEqual([done.id, done.id]);
  const history = await unstuck.history(id);
  expect(history.map(({ kind }) => kind)).toEqual(['cancelled', 'not-told', 'tell-again', 'told']);
  expect(history[2]).toMatchObject({ by: 'ada', reason: 'it is back' });
  await expect(unstuck.deliveries.retry(done.id)).rejects.toMatchObject({
    code: 'DELIVERY_STATE_CONFLICT',
  });
  for (const unknown of ['nothing', '018f0000-0000-7000-8000-000000000000']) {
    expect(await unstuck.deliveries.get(unknown)).toBeUndefined();
    await expect(unstuck.deliveries.retry(unknown)).rejects.toMatchObject({
      code: 'DELIVERY_NOT_FOUND',
    });
  }
});

test('one that no process was there to send in its time says so', async () => {
  const all = await setup({ ...LOCAL, sweep: false });
  const { id } = await all.unstuck.enqueue('t', 1, { notify: { email: 'ada@example.com' } });
  await all.unstuck.cancel(id);
  await all.logged('notify_email_unconfigured');
  await all.moveClock('3 days 1 minute');
  const late = await all.connect({ sweep: true });
  late.sweep();
  expect(await became(all, 'failed')).toMatchObject({
    attempts: 0,
    error: { code: 'DELIVERY_EXPIRED' },
  });
});

test('what no process knows how to send stays pending and says why, until one does', async () => {
  const all = await setup({ ...LOCAL });
  all.unstuck.sweep();
  const work = job('mail', () => 1);
  await all.unstuck.work([work]);
  const { id } = await all.unstuck.enqueue(work, 1, { notify: { email: 'ada@example.com' } });
  await all.unstuck.wait(id);
  const left = await eventually(async () => {
    const one = await delivery(all);
    return one.error !== null && one;
  }, 'it was looked at');
  expect(left).toMatchObject({ state: 'pending', attempts: 0, error: { code: 'CHANNEL_UNKNOWN' } });
  await all.moveClock('3 days 1 minute');
  expect(await became(all, 'failed')).toMatchObject({ error: { code: 'CHANNEL_UNKNOWN' } });
  expect(await kinds(all, id)).toEqual(['not-told']);
});

test('what a receiver asked for is gone after a week, and what is pending is not', async () => {
  const { all } = await told(undefined);
  await became(all, 'delivered');
  const { retention } = await import('../../../src/engine/retention.ts');
  await all.moveClock('6 days 23 hours');
  await retention(all.database(), all.unstuck.log);
  expect((await all.unstuck.deliveries.list()).deliveries).toHaveLength(1);
  await all.moveClock('7 days 1 hour');
  await retention(all.database(), all.unstuck.log);
  expect((await all.unstuck.deliveries.list()).deliveries).toEqual([]);
});
