// The laws of changes by people: one whose reply was lost is made once, and told as what it is.
import { expect, onTestFinished, test } from 'vitest';
import type { Unstuck } from '../../src/unstuck.ts';
import { TcpProxy } from '../support/proxy.ts';
import { eventually, job, type Setup, setup } from '../support/unstuck.ts';

interface Far extends Setup {
  readonly proxy: TcpProxy;
  /** The same installation, reached through the proxy. */
  readonly far: Unstuck;
}

async function farSetup(): Promise<Far> {
  const all = await setup({ sweep: false });
  const proxy = await TcpProxy.start(all.url);
  onTestFinished(() => proxy.close());
  return { ...all, proxy, far: await all.connect({ database: proxy.url }) };
}

const kinds = async (unstuck: Unstuck, id: string): Promise<string[]> =>
  (await unstuck.history(id)).map((entry) => entry.kind);

test('S4.7: a cancel and a release whose replies are lost succeed, and happen once', async () => {
  const { unstuck, far, proxy } = await farSetup();
  const cancelled = await unstuck.enqueue('mail', 1);
  proxy.cutReplyTo('cancel-job');
  expect(await far.cancel(cancelled.id, { by: 'ann' })).toMatchObject({ state: 'cancelled' });
  expect(await kinds(unstuck, cancelled.id)).toEqual(['cancelled']);
  const held = await unstuck.enqueue('mail', 2, { hold: true });
  proxy.cutReplyTo('release-job');
  expect(await far.release(held.id, { by: 'ann' })).toMatchObject({ state: 'queued' });
  expect(await kinds(unstuck, held.id)).toEqual(['released']);
  expect(proxy.cut).toBe(2);
});

test('S4.7: a change that was not allowed is refused, whether or not its reply was lost', async () => {
  const { unstuck, far, proxy } = await farSetup();
  const { id } = await unstuck.enqueue('mail', 1);
  for (const [statement, change] of [
    ['release-job', () => far.release(id)],
    ['retry-job', () => far.retry(id)],
  ] as const) {
    proxy.cutReplyTo(statement);
    await expect(change()).rejects.toMatchObject({ code: 'JOB_STATE_CONFLICT' });
  }
  await unstuck.work([job('mail', () => 'done')]);
  await unstuck.wait(id, { timeout: '20s' });
  proxy.cutReplyTo('cancel-job');
  await expect(far.cancel(id)).rejects.toMatchObject({ code: 'JOB_STATE_CONFLICT' });
});

test('S4.7: a retry whose reply is lost runs the job once, even when that has ended before it is asked again', async () => {
  const { unstuck, far, proxy } = await farSetup();
  await unstuck.work([job('mail', () => 'done')]);
  const { id } = await unstuck.enqueue('mail', 1);
  await unstuck.wait(id, { timeout: '20s' });
  await far.get(id);
  proxy.refuse(true);
  proxy.cutReplyTo('retry-job');
  const retried = far.retry(id);
  retried.catch(() => undefined);
  await eventually(async () => {
    const again = await unstuck.get(id);
    return again?.state === 'completed' && again.token === '2';
  }, 'the job has ended again');
  proxy.refuse(false);
  expect(await retried).toMatchObject({ state: 'completed', token: '2' });
  expect(await kinds(unstuck, id)).toEqual(['retried']);
});

test('S4.7: a wait goes on when its connection is lost, and the database is away for a while', async () => {
  const { unstuck, far, proxy } = await farSetup();
  const { id } = await unstuck.enqueue('mail', 1);
  await far.get(id);
  const waiting = far.wait(id, { timeout: '30s' });
  waiting.catch(() => undefined);
  proxy.refuse(true);
  expect(proxy.reset()).toBeGreaterThan(0);
  await expect(far.wait(id, { timeout: '100ms' })).rejects.toMatchObject({ code: 'WAIT_TIMEOUT' });
  await unstuck.work([job('mail', () => 'done')]);
  await unstuck.wait(id, { timeout: '20s' });
  proxy.refuse(false);
  expect(await waiting).toMatchObject({ state: 'completed' });
});
