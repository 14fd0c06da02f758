// The command over HTTP: what it asks and changes through a server is what it asks and changes straight on the database.
import { expect, test } from 'vitest';
import { z } from 'zod';
import type { Operable } from '../../src/cli/operable.ts';
import { fromJson } from '../../src/cli/remote/crossing.ts';
import { remoteUnstuck } from '../../src/cli/remote/remote-unstuck.ts';
import { defineFanOut } from '../../src/domain/define-fan-out.ts';
import { defineJob } from '../../src/domain/define-job.ts';
import { defineQueue } from '../../src/domain/define-queue.ts';
import { jobJson, scheduleJson, snakeJson } from '../../src/domain/json.ts';
import { createClient, createHandler } from '../../src/http/index.ts';
import type { Unstuck } from '../../src/unstuck.ts';
import { eventually, job, setup } from '../support/unstuck.ts';

/** Names of ours in payloads of users, and texts that look like instants where none is meant. */
const INPUT = { created_at: '2026-01-02T03:04:05.678Z', someName: { at: 1, deep_er: [null, 'ü'] } };
const DATE_LIKE = '2026-01-02T03:04:05.678Z';

interface Both {
  readonly straight: Unstuck;
  readonly remote: Operable;
}

async function both(): Promise<Both> {
  const { unstuck } = await setup();
  const handler = createHandler(unstuck, { open: true });
  const client = createClient('http://inside', undefined, {
    fetch: (url, init) => handler(new Request(url, init)),
  });
  return { straight: unstuck, remote: remoteUnstuck(client) };
}

/** Asks both the same and expects the same. */
async function expectSame<T>(
  { straight, remote }: Both,
  ask: (one: Operable) => Promise<T>,
): Promise<T> {
  const answer = await ask(straight);
  expect(await ask(remote)).toEqual(answer);
  return answer;
}

test('a job, its history, its why and lists of jobs are the same', async () => {
  const all = await both();
  const { straight, remote } = all;
  const failing = job(
    'failing',
    () => Promise.reject(Object.assign(new Error('no'), { code: 'NO' })),
    { retry: { attempts: 1 } },
  );
  const worker = await straight.work([failing]);
  const { id } = await straight.enqueue('failing', INPUT, {
    key: DATE_LIKE,
    tags: [DATE_LIKE, 'x'],
    finishBy: new Date('2030-01-01'),
  });
  await straight.wait(id);
  await worker.stop();
  const held = await remote.enqueue('mail', INPUT, {
    hold: true,
    priority: -3,
    claimWithin: '10m',
    tags: ['y'],
  });
  expect(held).toEqual({ id: held.id, created: true, reason: 'created' });
  await remote.cancel(held.id, { reason: 'not needed' });
  await straight.enqueue('mail', [1, 'two', null], { runAt: new Date('2030-01-01T00:00:00Z') });

  for (const one of [id, held.id]) {
    const found = await expectSame(all, (on) => on.get(one));
    expect(found?.id).toBe(one);
    expect(await expectSame(all, (on) => on.history(one))).not.toEqual([]);
    await expectSame(all, (on) => on.explain(one));
    await expectSame(all, (on) => on.wait(one, { timeout: '5s' }));
  }
  const nobody = '01a20077-9475-7261-9e06-aa4ced104c00';
  expect(await expectSame(all, (on) => on.get(nobody))).toBeUndefined();
  expect(await expectSame(all, (on) => on.history(nobody))).toEqual([]);

  expect((await expectSame(all, (on) => on.list())).jobs).toHaveLength(3);
  await expectSame(all, (on) =>
    on.list({ state: 'failed', errorCode: 'NO', createdAfter: new Date(0) }),
  );
  await expectSame(all, (on) => on.list({ state: ['failed', 'cancelled'], tag: 'y' }));
  const [first, second] = [await remote.list({ limit: 2 }), await straight.list({ limit: 2 })];
  expect(first.jobs).toEqual(second.jobs);
  const behind = await remote.list({ limit: 2, after: first.next ?? '' });
  expect(behind).toEqual(await straight.list({ limit: 2, after: second.next ?? '' }));
});

test('what is written as JSON is read back as it was', async () => {
  const { straight } = await both();
  const { id } = await straight.enqueue('mail', INPUT, { key: DATE_LIKE, tags: [DATE_LIKE] });
  const stored = await straight.get(id);
  if (stored === undefined) throw new Error('Expected the job.');
  expect(fromJson(JSON.parse(JSON.stringify(jobJson(stored))))).toEqual(stored);
  const schedule = await straight.schedules.set('nightly', {
    type: 'mail',
    input: INPUT,
    cron: '30 2 * * *',
  });
  expect(fromJson(JSON.parse(JSON.stringify(scheduleJson(schedule))))).toEqual(schedule);
  const status = await straight.status();
  expect(fromJson(JSON.parse(JSON.stringify(snakeJson(status))))).toEqual(status);
});

test('retry, release, cancel and reset-stuck change and answer the same', async () => {
  const all = await both();
  const { straight, remote } = all;
  const { id } = await remote.enqueue('mail', INPUT, { hold: true });
  expect(await remote.release(id, { reason: 'go' })).toEqual(await straight.get(id));
  expect(await remote.cancel(id, { reason: 'stop' })).toEqual(await straight.get(id));
  expect(await remote.retry(id, { reason: 'again', input: { other: 1 } })).toEqual(
    await straight.get(id),
  );
  expect((await straight.get(id))?.input).toEqual({ other: 1 });
  expect(await straight.history(id)).toMatchObject([
    { reason: 'go' },
    { reason: 'stop' },
    { reason: 'again' },
  ]);
  await expectSame(all, (on) => on.resetStuck(5, { reason: 'late' }));
  for (const ask of [(on: Operable) => on.release(id), (on: Operable) => on.retry(id)]) {
    const [one, other] = await Promise.all(
      [straight, remote].map((on) => ask(on).catch((error: unknown) => error)),
    );
    expect(other).toMatchObject({
      code: (one as { code: string }).code,
      message: (one as Error).message,
    });
  }
  await expect(remote.wait(id, { timeout: '10ms' })).rejects.toMatchObject({
    code: 'WAIT_TIMEOUT',
  });
});

test('pools, limits and queues are set, shown and taken away the same', async () => {
  const all = await both();
  const { straight, remote } = all;
  expect(await remote.pools.set('press/1:x.y', { capacity: 1 })).toMatchObject({
    key: 'press/1:x.y',
    capacity: 1,
  });
  for (const key of ['a', 'b', 'ｚ', '𐀀']) await straight.pools.set(key, { capacity: 2 });
  await straight.enqueue('mail', {}, { slot: 'press/1:x.y' });
  await straight.enqueue('mail', {}, { slot: 'press/1:x.y', whenFull: 'wait' });
  expect((await expectSame(all, (on) => on.pools.get('press/1:x.y')))?.oldest).not.toBeNull();
  expect(await expectSame(all, (on) => on.pools.get('none'))).toBeUndefined();
  expect(await expectSame(all, (on) => on.pools.list())).toHaveLength(5);
  for (const after of ['a', 'b', 'ｚ', '𐀀', 'zz'])
    await expectSame(all, (on) => on.pools.list({ after, limit: 2 }));
  await expectSame(all, (on) => on.pools.check());
  await expectSame(all, (on) => on.pools.repair());
  await remote.pools.delete('a');
  expect(await straight.pools.get('a')).toBeUndefined();
  await expect(remote.pools.delete('press/1:x.y')).rejects.toMatchObject({ code: 'POOL_IN_USE' });

  const queue = defineQueue({ name: 'reports' });
  await straight
    .work([job('report', () => Promise.resolve('done'), { queue })])
    .then((worker) => worker.stop());
  await remote.limits.set('queue:reports', { running: 3, rate: { count: 10, per: '1m' } });
  await remote.limits.set('customers', { running: 1 });
  await straight.enqueue('mail', {}, { limit: { name: 'customers', key: 'ann' } });
  // It is let in after its own commit.
  await eventually(
    async () => (await straight.limits.keys('customers'))?.[0]?.queued === 1,
    'the job of ann is let in',
  );
  await expectSame(all, (on) => on.limits.list());
  await expectSame(all, (on) => on.limits.get('queue:reports'));
  expect(await expectSame(all, (on) => on.limits.keys('customers'))).toHaveLength(1);
  expect(await expectSame(all, (on) => on.limits.get('none'))).toBeUndefined();
  expect(await expectSame(all, (on) => on.limits.keys('none'))).toEqual([]);

  await straight.enqueue('report', {});
  const until = new Date('2030-01-01T00:00:00Z');
  expect(await remote.queues.pause('reports', { reason: 'audit', until })).toEqual(
    await straight.queues.get('reports'),
  );
  await remote.queues.pauseType('report', { reason: 'one type' });
  expect(await expectSame(all, (on) => on.queues.pauses())).toHaveLength(2);
  await expectSame(all, (on) => on.queues.executePending('reports'));
  await remote.queues.resumeType('report');
  expect((await remote.queues.resume('reports')).paused).toBeNull();
  await expectSame(all, (on) => on.queues.list());
  await expect(remote.queues.drain('reports', { timeout: '10ms' })).rejects.toMatchObject({
    code: 'WAIT_TIMEOUT',
  });
  await expect(remote.queues.get('none')).rejects.toMatchObject({ code: 'QUEUE_UNKNOWN' });
  await straight.bulk.cancel({ filter: { type: 'report' } });
  await remote.queues.drain('reports', { timeout: '10s' });
});

test('schedules are set, shown, paused, run, looked ahead and deleted the same', async () => {
  const all = await both();
  const { straight, remote } = all;
  const spec = {
    type: 'mail',
    input: INPUT,
    cron: '30 2 * * *',
    timezone: 'Europe/Berlin',
    missedMax: 7,
    claimWithin: '1h',
    tags: ['n'],
  } as const;
  expect(await remote.schedules.set('nightly', spec)).toEqual(
    await straight.schedules.get('nightly'),
  );
  await remote.schedules.set('often', {
    type: 'mail',
    every: '15m',
    anchor: new Date('2026-01-01T00:00:00Z'),
  });
  await expectSame(all, (on) => on.schedules.list());
  await expectSame(all, (on) => on.schedules.list({ after: 'nightly', limit: 1 }));
  expect(await expectSame(all, (on) => on.schedules.get('none'))).toBeUndefined();
  const from = new Date('2026-03-28T00:00:00Z');
  await expectSame(all, (on) => on.schedules.preview('nightly', { count: 3, from }));
  await expectSame(all, (on) => on.schedules.preview({ cron: '0 0 * * *' }, { from }));
  expect(
    await remote.schedules.pause('often', {
      until: new Date('2030-01-01T00:00:00Z'),
      reason: 'quiet',
    }),
  ).toEqual(await straight.schedules.get('often'));
  expect(await remote.schedules.resume('often', { reason: 'on' })).toEqual(
    await straight.schedules.get('often'),
  );
  const run = await remote.schedules.run('often');
  expect(run).toMatchObject({ created: true, reason: 'created' });
  expect((await straight.get(run.id))?.tags).toContain('schedule:often');
  await remote.schedules.delete('often', { reason: 'gone' });
  expect((await straight.schedules.list()).map(({ name }) => name)).toEqual(['nightly']);
});

test('the executions of a fan-out are the same, page by page', async () => {
  const all = await both();
  const { straight } = all;
  const cell = defineJob({ type: 'cell', input: z.unknown(), run: () => 'done' });
  const matrix = defineFanOut({
    type: 'matrix',
    input: z.unknown(),
    executions: {
      of: cell,
      plan: () => ({ theRegion: ['eu', 'us'], a_b: [1, 2, 3] }),
      input: (at) => at,
    },
  });
  const worker = await straight.work([matrix]);
  const { id } = await straight.enqueue('matrix', {});
  await expect.poll(() => straight.executions.get(id)).toMatchObject({ expected: 6 });
  await worker.stop();
  await expectSame(all, (on) => on.executions.get(id));
  const cells = await expectSame(all, (on) => on.executions.list(id));
  expect(cells).toHaveLength(6);
  await expectSame(all, (on) => on.executions.list(id, { after: 1, limit: 2 }));
  await expectSame(all, (on) => on.executions.list(id, { state: 'pending', limit: 3 }));
  expect(
    await expectSame(all, (on) => on.executions.get('01a20077-9475-7261-9e06-aa4ced104c00')),
  ).toBeUndefined();
});

test('status and findings are the same but for their moment', async () => {
  const all = await both();
  await all.straight.enqueue('mail', {});
  const still = async (on: Operable): Promise<unknown> => {
    const { now, sweptMsAgo: _sweptMsAgo, workers, ...rest } = await on.status();
    return { ...rest, isDate: now instanceof Date, workers: workers.map(({ id }) => id) };
  };
  await expectSame(all, still);
  await expectSame(all, (on) => on.stuck());
});

test('a change of many jobs is foreseen, done, watched and found in the audit', async () => {
  const all = await both();
  const { straight, remote } = all;
  const ids: string[] = [];
  for (let n = 0; n < 30; n += 1) ids.push((await straight.enqueue('mail', { n })).id);
  const filter = { type: 'mail', state: ['queued'] } as const;
  await expectSame(all, (on) => on.bulk.cancel({ filter }, { dryRun: true }));
  const seen: number[] = [];
  const done = await remote.bulk.cancel(
    { filter },
    { reason: 'wrong', onProgress: (progress) => seen.push(progress.matched) },
  );
  expect(done).toMatchObject({
    action: 'cancel',
    dryRun: false,
    matched: 30,
    done: 30,
    refused: [],
    aborted: false,
  });
  expect(seen.at(-1)).toBe(30);
  const page = await expectSame(all, (on) => on.audit.list());
  expect(page.entries).toMatchObject([{ id: done.auditId, action: 'cancel', reason: 'wrong' }]);
  const refused = await remote.bulk.cancel({ ids: ids.slice(0, 2) }, { reason: 'twice' });
  expect(refused).toMatchObject({
    done: 0,
    refusedCount: 2,
    refused: [{ code: 'JOB_STATE_CONFLICT' }, { code: 'JOB_STATE_CONFLICT' }],
  });
  expect(
    (
      await remote.bulk.retry(
        { filter: { state: 'cancelled' } },
        { reason: 'again', input: { otherName: 1 } },
      )
    ).done,
  ).toBe(30);
  expect((await straight.get(ids[0] as string))?.input).toEqual({ otherName: 1 });
  await straight.bulk.cancel({ filter });
  expect(
    (await remote.bulk.delete({ filter: { state: 'cancelled' } }, { reason: 'gone' })).done,
  ).toBe(30);
  expect((await straight.count()).count).toBe(0);
});

test('tokens are made, listed and revoked the same', async () => {
  const all = await both();
  const { straight, remote } = all;
  const made = await remote.tokens.create({ name: 'ci', scopes: ['read'], expires: '30d' });
  expect(made.token).toMatch(/\S{20,}/);
  await remote.tokens.create({ name: 'other', scopes: ['write', 'tick'] });
  expect((await expectSame(all, (on) => on.tokens.list())).tokens).toHaveLength(2);
  const revoked = await remote.tokens.revoke(made.id, { reason: 'lost' });
  expect(revoked).toMatchObject({ valid: false, revokeReason: 'lost' });
  expect((await straight.tokens.list()).tokens).toContainEqual(revoked);
  const page = await remote.tokens.list({ limit: 1 });
  expect((await remote.tokens.list({ after: page.next ?? '' })).tokens).toEqual([revoked]);
  await expect(remote.tokens.revoke('none')).rejects.toMatchObject({ code: 'TOKEN_NOT_FOUND' });
});
