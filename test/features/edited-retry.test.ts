// The laws of retries with another input: it is checked as a new one is, the old one is kept, and a lost reply changes nothing of that.
import { expect, onTestFinished, test } from 'vitest';
import * as z from 'zod';
import { defineJob } from '../../src/domain/define-job.ts';
import { Fail } from '../../src/domain/outcome.ts';
import type { RetryCall } from '../../src/features/edited-retry.ts';
import { TcpProxy } from '../support/proxy.ts';
import { job, setup } from '../support/unstuck.ts';

const mail = defineJob({
  type: 'mail',
  input: z.object({ to: z.email() }),
  retry: { attempts: 1 },
  run: ({ input }) => {
    if (input.to === 'nobody@example.com') throw new Fail('no such box');
    return { sentTo: input.to };
  },
});

test('a failed job runs again with an edited input, and its history keeps the old one', async () => {
  const { unstuck } = await setup();
  await unstuck.work([mail]);
  const { id } = await unstuck.enqueue(mail, { to: 'nobody@example.com' });
  expect(await unstuck.wait(id, { timeout: '20s' })).toMatchObject({ state: 'failed' });
  await unstuck.retry(id, {
    as: mail,
    input: { to: 'ada@example.com' },
    by: 'ann',
    reason: 'typo',
  });
  expect(await unstuck.wait(id, { timeout: '20s' })).toMatchObject({
    state: 'completed',
    input: { to: 'ada@example.com' },
    result: { sentTo: 'ada@example.com' },
  });
  expect((await unstuck.history(id)).at(-1)).toMatchObject({
    kind: 'retried',
    by: 'ann',
    reason: 'typo',
    detail: { input: { to: 'nobody@example.com' } },
  });
});

test('an edited input that cannot be stored, or does not fit, is refused and nothing is changed', async () => {
  const { unstuck } = await setup({ sweep: false, inputBytesMax: 1_024 });
  const { id } = await unstuck.enqueue(mail, { to: 'nobody@example.com' });
  await unstuck.cancel(id);
  for (const [call, code] of [
    [{ input: Number.NaN }, 'INPUT_UNSTORABLE'],
    [{ input: 'x'.repeat(2_000) }, 'INPUT_TOO_LARGE'],
    [{ input: { to: 'nowhere' }, as: mail }, 'INPUT_INVALID'],
    [{ input: {}, as: job('other', () => 1) }, 'REQUEST_INVALID'],
  ] as const)
    await expect(unstuck.retry(id, call as RetryCall)).rejects.toMatchObject({ code });
  expect(await unstuck.get(id)).toMatchObject({
    state: 'cancelled',
    input: { to: 'nobody@example.com' },
  });
  const again = await unstuck.retry(id, { input: null });
  expect(again).toMatchObject({ state: 'queued', input: null });
});

test("S4.7: an edited retry whose reply is lost is made once, and somebody else's retry is not taken for it", async () => {
  const all = await setup({ sweep: false });
  const proxy = await TcpProxy.start(all.url);
  onTestFinished(() => proxy.close());
  const far = await all.connect({ database: proxy.url });
  const { id } = await all.unstuck.enqueue('mail', 'old');
  await all.unstuck.cancel(id);
  proxy.cutReplyTo('retry-job');
  expect(await far.retry(id, { input: 'new' })).toMatchObject({ state: 'queued', input: 'new' });
  expect((await all.unstuck.history(id)).map(({ kind }) => kind)).toEqual(['cancelled', 'retried']);
  await all.unstuck.cancel(id);
  // The statement is held back while somebody else retries the job; then its connection is lost.
  const held = proxy.holdBack('retry-job');
  const retried = far.retry(id, { input: 'newer' });
  retried.catch(() => undefined);
  await held;
  await all.unstuck.retry(id);
  proxy.reset();
  await expect(retried).rejects.toMatchObject({ code: 'JOB_STATE_CONFLICT' });
  expect(await all.unstuck.get(id)).toMatchObject({ state: 'queued', input: 'new' });
});

test.each(['cancel', 'release', 'retry'] as const)(
  'a reason that cannot be stored is refused by %s, in words',
  async (verb) => {
    const { unstuck } = await setup();
    const { id } = await unstuck.enqueue('free', 1, { hold: true });
    await expect(unstuck[verb](id, { reason: '\u0000' })).rejects.toMatchObject({
      code: 'REQUEST_INVALID',
    });
    expect(await unstuck.get(id)).toMatchObject({ state: 'pending' });
  },
);
