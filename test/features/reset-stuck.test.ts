// The laws of resetting by hand: what has run for too long runs again, uncharged, and whatever the old attempt still sends is refused.
import { expect, onTestFinished, test } from 'vitest';
import { registerWorker, runningJobs } from '../chaos/sessions.ts';
import { TcpProxy } from '../support/proxy.ts';
import { eventually, gate, job, setup } from '../support/unstuck.ts';

test('S3.3, D4: a job that has run for too long is reset; its signal is aborted as lost and its late result is refused', async () => {
  const { unstuck, query } = await setup();
  const started = gate();
  const zombie = gate();
  const reasons: unknown[] = [];
  let runs = 0;
  const hangs = job(
    'hangs',
    async ({ signal, attempt }) => {
      runs += 1;
      if (runs > 1) return { second: true, attempt };
      signal.addEventListener('abort', () => reasons.push(signal.reason));
      started.open();
      await zombie.promise;
      return { zombie: true };
    },
    { timeout: '10h' },
  );
  await unstuck.work([hangs]);
  const { id } = await unstuck.enqueue(hangs, 1);
  await started.promise;
  expect(await unstuck.resetStuck()).toEqual({
    success: true,
    resetCount: 0,
    jobIds: [],
    message: 'No job has been running for longer than 30 minutes; nothing was reset.',
  });
  await query(`update unstuck.jobs set started_at = started_at - interval '31 minutes'`);
  expect(await unstuck.resetStuck(30, { by: 'ann', reason: 'hung since noon' })).toEqual({
    success: true,
    resetCount: 1,
    jobIds: [id],
    message: 'Reset 1 job that had been running for longer than 30 minutes.',
  });
  expect(await unstuck.wait(id, { timeout: '20s' })).toMatchObject({
    state: 'completed',
    result: { second: true, attempt: 1 },
    crashes: 0,
    token: '2',
  });
  await eventually(() => reasons.length === 1, 'the old attempt is aborted');
  expect(reasons[0]).toMatchObject({ code: 'STALE_ATTEMPT' });
  zombie.open();
  const history = await unstuck.history(id);
  expect(history.find(({ kind }) => kind === 'lost')).toMatchObject({
    attempt: 1,
    token: '1',
    detail: { code: 'JOB_RESET' },
  });
  const { entries } = await unstuck.audit.list();
  expect(history.find(({ kind }) => kind === 'reset')).toMatchObject({
    by: 'ann',
    reason: 'hung since noon',
    detail: { audit: entries[0]?.id, token: 1 },
  });
  expect(entries).toMatchObject([
    {
      action: 'reset-stuck',
      by: 'ann',
      reason: 'hung since noon',
      detail: { timeoutMinutes: 30, resetCount: 1, jobIds: [id] },
    },
  ]);
  expect(await unstuck.get(id)).toMatchObject({ result: { second: true }, token: '2' });
});

test('D4: the end of a reset attempt is refused and recorded, though no other has begun', async () => {
  const all = await setup();
  const proxy = await TcpProxy.start(all.url);
  onTestFinished(() => proxy.close());
  const far = await all.connect({ database: proxy.url });
  const started = gate();
  const go = gate();
  await far.work([
    job('hangs', async ({ signal }) => {
      started.open();
      signal.throwIfAborted();
      await go.promise;
      return 'too late';
    }),
  ]);
  const { id } = await all.unstuck.enqueue('hangs', 1);
  await started.promise;
  await all.query(`update unstuck.jobs set started_at = started_at - interval '2 minutes'`);
  const settled = proxy.holdBack('finish-');
  go.open();
  await settled;
  const reset = await all.unstuck.resetStuck(1);
  proxy.letGo();
  expect(reset.jobIds).toEqual([id]);
  await eventually(
    async () => (await all.unstuck.history(id)).some(({ kind }) => kind === 'stale'),
    'the late result is recorded',
  );
  const ended = await all.unstuck.wait(id, { timeout: '20s' });
  expect(BigInt(ended.token)).toBeGreaterThan(1n);
});

test('only what runs for longer is reset, rows that a hand left running too, in bounded batches and each once', async () => {
  const { unstuck, session, query } = await setup({ sweep: false });
  const client = await session();
  const worker = await registerWorker(client, 'live');
  const ids = await runningJobs(client, worker, 1_200);
  await unstuck.enqueue('queued', 1);
  const [young = ''] = ids;
  await query(`update unstuck.jobs set started_at = now() - interval '1 hour' where id = $1`, [
    young,
  ]);
  const result = await unstuck.resetStuck(90);
  expect(result).toMatchObject({ success: true, resetCount: 1_199 });
  expect(result.jobIds).toEqual(ids.slice(1));
  expect(await unstuck.get(young)).toMatchObject({ state: 'running' });
  expect(await unstuck.count({ state: 'queued' })).toEqual({ count: 1_200, capped: false });
  expect(await unstuck.resetStuck(90)).toMatchObject({ resetCount: 0, jobIds: [] });
  expect(await query('select from unstuck.jobs where attempt <> 0 and worker_id is null')).toEqual(
    [],
  );
});

test('a reset whose replies are lost answers with each job once', async () => {
  const all = await setup({ sweep: false });
  const proxy = await TcpProxy.start(all.url);
  onTestFinished(() => proxy.close());
  const far = await all.connect({ database: proxy.url });
  const client = await all.session();
  const ids = await runningJobs(client, await registerWorker(client, 'live'), 600);
  await far.get(ids[0] ?? '');
  // The whole text of the statement, so that `read committed` is not taken for it.
  proxy.cutReplyTo('commit\0');
  const result = await far.resetStuck(30);
  expect(proxy.cut).toBe(1);
  expect(result.jobIds).toEqual(ids);
  expect((await all.unstuck.audit.list()).entries).toMatchObject([{ detail: { resetCount: 600 } }]);
});

test.each([-1, Number.NaN, Number.POSITIVE_INFINITY, 1e9, '30'])(
  '%j minutes are none',
  async (minutes) => {
    const { unstuck } = await setup({ sweep: false });
    await expect(unstuck.resetStuck(minutes as number)).rejects.toMatchObject({
      code: 'REQUEST_INVALID',
    });
  },
);
