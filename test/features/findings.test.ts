// The laws of waiting for others: who waits too long for a slot, at a limit or behind a pause is told why and by whom; stuck stays 0.
import { expect, test } from 'vitest';
import { eventually, job, setup } from '../support/unstuck.ts';

test('jobs that wait for a slot name their pool and its oldest holder', async () => {
  const { unstuck, moveClock } = await setup();
  const post = job('post', () => 1, { slot: 'p', whenFull: 'wait' });
  await unstuck.pools.set('p', { capacity: 1 });
  const { id } = await unstuck.enqueue(post, 1);
  await unstuck.enqueue(post, 2);
  await moveClock('10 minutes');
  const found = await unstuck.stuck();
  expect(found.find(({ kind }) => kind === 'slot')).toMatchObject({
    subject: 'p',
    count: 1,
    reason: expect.stringContaining(
      `all 1 slots of pool "p" are in use; the oldest holder is post ${id}`,
    ),
  });
  expect((await unstuck.status()).stuck).toBe(0);
});

test('jobs that wait at a limit name its key and who is in', async () => {
  const { unstuck, moveClock } = await setup();
  const sync = job('sync', () => 1, { limit: { running: 1, key: () => 'acme' } });
  const { id } = await unstuck.enqueue(sync, 1);
  await unstuck.enqueue(sync, 2);
  await eventually(async () => (await unstuck.get(id))?.state === 'queued', 'one is in');
  await moveClock('10 minutes');
  const found = await unstuck.stuck();
  expect(found.find(({ kind }) => kind === 'limit')).toMatchObject({
    subject: 'type:sync#acme',
    count: 1,
    reason: expect.stringContaining(
      `allows 1 at once, and 1 are in the queue or running; the oldest holder is sync ${id}`,
    ),
  });
  expect((await unstuck.status()).stuck).toBe(0);
});

test('O1: work that piles up behind a pause names the pause, who made it and that it has no end', async () => {
  const { unstuck, moveClock } = await setup();
  const mail = job('mail', () => 1, { queue: 'mails' });
  await unstuck.work([mail]);
  await unstuck.queues.pause('mails', { by: 'ann', reason: 'vendor down' });
  await unstuck.enqueue(mail, 1);
  await moveClock('10 minutes');
  const finding = await eventually(
    async () => (await unstuck.stuck()).find(({ kind }) => kind === 'queued'),
    'found',
  );
  expect(finding.reason).toMatch(/"mail" is paused since .* by ann: vendor down; without an end/);
  expect((await unstuck.status()).stuck).toBe(0);
});
