// The laws of changes of many jobs: whole chunks, running ones refused by name, a dry run changes nothing, and all of it is in the audit.
import { describe, expect, test } from 'vitest';
import type { BulkOptions, BulkProgress, BulkSelection } from '../../src/domain/bulk.ts';
import { Fail } from '../../src/domain/outcome.ts';
import type { Unstuck } from '../../src/unstuck.ts';
import { eventually, gate, job, type Setup, setup } from '../support/unstuck.ts';

const NOBODY = '01a20077-9475-7261-9e06-aa4ced104c00';

async function enqueueMany(unstuck: Unstuck, type: string, count: number): Promise<string[]> {
  const items = Array.from({ length: count }, (_, n) => ({ input: { n } }));
  return (await unstuck.enqueueMany(type, items)).map(({ id }) => id);
}

/** Everything that is stored, to be compared with what is stored later. */
async function contents({ query }: Setup): Promise<unknown> {
  const rows: Record<string, unknown> = {};
  for (const table of ['jobs', 'finished', 'attempts', 'events', 'row_errors', 'audit'])
    rows[table] = await query(`select * from unstuck.${table} x order by x::text collate "C"`);
  return rows;
}

/** Jobs of the type `mail` that failed. */
async function failedJobs({ unstuck }: Setup, count: number): Promise<string[]> {
  const ids = await enqueueMany(unstuck, 'mail', count);
  const worker = await unstuck.work([job('mail', () => Promise.reject(new Fail('no such box')))]);
  await eventually(
    async () => (await unstuck.count({ type: 'mail', state: 'failed' })).count === count,
    'all have failed',
  );
  await worker.stop();
  return ids;
}

describe('what is asked is checked before anything is done', () => {
  test.each<[unknown, unknown, string]>([
    [{}, {}, 'REQUEST_INVALID'],
    [{ filter: {} }, {}, 'REQUEST_INVALID'],
    [{ filter: { late: false } }, {}, 'REQUEST_INVALID'],
    [{ filter: { type: 'mail' }, ids: [NOBODY] }, {}, 'REQUEST_INVALID'],
    [{ filter: { type: 'mail', limit: 5 } }, {}, 'REQUEST_INVALID'],
    [{ ids: [] }, {}, 'REQUEST_INVALID'],
    [{ ids: ['seven'] }, {}, 'JOB_ID_INVALID'],
    [{ ids: [NOBODY] }, { chunk: 0 }, 'REQUEST_INVALID'],
    [{ ids: [NOBODY] }, { chunk: 1_001 }, 'REQUEST_INVALID'],
    [{ ids: [NOBODY] }, { dryRun: 1 }, 'REQUEST_INVALID'],
    [{ ids: [NOBODY] }, { by: 'a\0b' }, 'REQUEST_INVALID'],
    [{ ids: [NOBODY] }, { signal: {} }, 'REQUEST_INVALID'],
    [{ ids: [NOBODY] }, { onProgress: 1 }, 'REQUEST_INVALID'],
    [{ ids: [NOBODY] }, { input: 1 }, 'OPTION_UNKNOWN'],
  ])('%j with %j', async (selection, options, code) => {
    const all = await setup({ sweep: false });
    const before = await contents(all);
    const { bulk } = all.unstuck;
    await expect(
      bulk.delete(selection as BulkSelection, options as BulkOptions),
    ).rejects.toMatchObject({ code });
    expect(await contents(all)).toEqual(before);
  });
});

test('a bulk of 3,000 that is aborted half-way has done whole chunks, and says exactly how many', async () => {
  const { unstuck } = await setup({ sweep: false });
  await enqueueMany(unstuck, 'mail', 3_000);
  await enqueueMany(unstuck, 'other', 10);
  const stop = new AbortController();
  const told: BulkProgress[] = [];
  const half = await unstuck.bulk.cancel(
    { filter: { type: 'mail' } },
    {
      by: 'ann',
      reason: 'too many',
      signal: stop.signal,
      onProgress: (progress) => {
        told.push(progress);
        if (progress.done === 1_500) stop.abort();
      },
    },
  );
  expect(half).toMatchObject({
    action: 'cancel',
    dryRun: false,
    matched: 3_000,
    done: 1_500,
    refused: [],
    refusedCount: 0,
    aborted: true,
  });
  expect(told).toEqual([500, 1_000, 1_500].map((done) => ({ matched: 3_000, done, refused: 0 })));
  expect((await unstuck.count({ state: 'cancelled' })).count).toBe(1_500);
  const rest = await unstuck.bulk.cancel({ filter: { type: 'mail', state: 'queued' } }, {});
  expect(rest).toMatchObject({ matched: 1_500, done: 1_500, aborted: false });
  expect(await unstuck.count({ state: 'cancelled', type: 'mail' })).toEqual({
    count: 3_000,
    capped: false,
  });
  expect((await unstuck.count({ state: 'queued' })).count).toBe(10);
  const { entries } = await unstuck.audit.list();
  expect(entries.map(({ id }) => id)).toEqual([rest.auditId, half.auditId]);
  expect(entries[1]).toMatchObject({
    by: 'ann',
    action: 'cancel',
    reason: 'too many',
    detail: {
      selection: { filter: { type: 'mail' } },
      request: { chunk: 500 },
      matched: 3_000,
      done: 1_500,
      refused: 0,
      ended: true,
      aborted: true,
    },
  });
  expect(entries[1]?.detail).not.toHaveProperty('cursor');
});

test('a signal that was aborted before leaves everything as it is', async () => {
  const all = await setup({ sweep: false });
  await enqueueMany(all.unstuck, 'mail', 3);
  const before = await contents(all);
  const result = await all.unstuck.bulk.delete(
    { filter: { type: 'mail' } },
    { signal: AbortSignal.abort() },
  );
  expect(result).toMatchObject({ matched: 3, done: 0, aborted: true, auditId: null });
  expect(await contents(all)).toEqual(before);
});

test('S3.4: delete removes jobs with everything that belongs to them; running ones are refused by name', async () => {
  const all = await setup({ sweep: false });
  const { unstuck, query } = all;
  const failed = await failedJobs(all, 3);
  const held = await unstuck.enqueue('held', 1, { hold: true });
  const [queued = ''] = await enqueueMany(unstuck, 'waits', 1);
  const running = await unstuck.enqueue('runs', 1);
  const kept = await unstuck.enqueue('waits', 2);
  const started = gate();
  const go = gate();
  await unstuck.work([
    job('runs', async () => {
      started.open();
      await go.promise;
    }),
  ]);
  await started.promise;
  await unstuck.release(held.id);
  await query(`insert into unstuck.row_errors values ($1, 'promote', 'X', 'x', 1, now())`, [
    queued,
  ]);
  const ids = [...failed, held.id, queued, running.id, NOBODY];
  const result = await unstuck.bulk.delete({ ids }, { by: 'ann', reason: 'clean up' });
  go.open();
  expect(result).toMatchObject({ matched: 7, done: 5, refusedCount: 2 });
  expect(result.refused).toEqual([
    expect.objectContaining({ id: NOBODY, state: null, code: 'JOB_NOT_FOUND' }),
    {
      id: running.id,
      state: 'running',
      code: 'JOB_STATE_CONFLICT',
      message: expect.stringContaining(`job ${running.id} to be one of pending, queued, completed`),
    },
  ]);
  expect(await unstuck.get(kept.id)).toMatchObject({ state: 'queued' });
  for (const id of [...failed, held.id, queued]) expect(await unstuck.get(id)).toBeUndefined();
  for (const table of ['attempts', 'events', 'row_errors'])
    expect(
      await query(`select from unstuck.${table} where job_id = any($1)`, [ids.slice(0, 5)]),
      table,
    ).toEqual([]);
  expect(await unstuck.wait(running.id, { timeout: '20s' })).toMatchObject({ state: 'completed' });
  expect((await unstuck.audit.list()).entries).toMatchObject([
    {
      id: result.auditId,
      by: 'ann',
      action: 'delete',
      detail: { matched: 7, done: 5, refused: 2 },
    },
  ]);
});

test('a dry run counts, names the first 20, says what would be refused, and changes nothing', async () => {
  const all = await setup({ sweep: false });
  const { unstuck } = all;
  await enqueueMany(unstuck, 'mail', 30);
  const done = (await unstuck.bulk.cancel({ filter: { type: 'mail' } }, { chunk: 7 })).done;
  expect(done).toBe(30);
  const queued = await enqueueMany(unstuck, 'mail', 30);
  const before = await contents(all);
  for (const action of ['cancel', 'delete', 'retry'] as const) {
    const selection = { filter: { type: 'mail' } };
    const result = await unstuck.bulk[action](selection, { dryRun: true, reason: 'look' });
    const refusedCount = action === 'delete' ? 0 : 30;
    expect(result).toMatchObject({
      dryRun: true,
      matched: 60,
      done: 0,
      refusedCount,
      auditId: null,
    });
    expect(result.refused).toHaveLength(refusedCount);
    expect(result.ids).toHaveLength(20);
    if (action === 'cancel') expect(result.ids).toEqual(queued.toSorted().slice(0, 20));
  }
  expect(await contents(all)).toEqual(before);
});

test('A5: in a bulk retry a key that another live job has refuses only its own job', async () => {
  const all = await setup({ sweep: false });
  const { unstuck } = all;
  const ended = await unstuck.enqueueMany(
    'mail',
    Array.from({ length: 40 }, (_, n) => ({ input: n, ...(n % 10 === 0 ? { key: `k${n}` } : {}) })),
  );
  const ids = ended.map(({ id }) => id);
  await unstuck.bulk.cancel({ ids });
  // Two of the finished ones had the same key, and only one of them can have it again.
  const twin = await unstuck.enqueue('mail', 'twin', { key: 'k0' });
  await unstuck.cancel(twin.id);
  const holder = await unstuck.enqueue('mail', 'new', { key: 'k10' });
  const result = await unstuck.bulk.retry(
    { ids: [...ids, twin.id] },
    { by: 'ann', reason: 'again' },
  );
  expect(result).toMatchObject({ matched: 41, done: 39, refusedCount: 2 });
  expect(
    result.refused.every(({ code, state }) => code === 'KEY_TAKEN' && state === 'cancelled'),
  ).toBe(true);
  const left = result.refused.map(({ id }) => id);
  expect(left).toContain(ids[10]);
  expect([ids[0], twin.id].filter((id) => left.includes(id ?? ''))).toHaveLength(1);
  expect(await unstuck.get(holder.id)).toMatchObject({ state: 'queued', key: 'k10' });
  expect((await unstuck.count({ state: 'queued' })).count).toBe(40);
  expect((await unstuck.count({ state: 'cancelled' })).count).toBe(2);
});

test('a key that an open transaction holds refuses only its own job, by name', async () => {
  const all = await setup({ sweep: false, lockTimeout: '100ms' });
  const { unstuck } = all;
  const ended = await unstuck.enqueueMany(
    'mail',
    Array.from({ length: 20 }, (_, n) => ({ input: n, key: `k${n}` })),
  );
  const ids = ended.map(({ id }) => id);
  await unstuck.bulk.cancel({ ids });
  const client = await all.session();
  await client.query('begin');
  await client.query(`select unstuck.enqueue('mail', '{}', key => 'k7')`);
  const told: number[] = [];
  const result = await unstuck.bulk.retry(
    { ids },
    { onProgress: ({ done, refused }) => told.push(done + refused) },
  );
  await client.query('rollback');
  expect(result).toMatchObject({ matched: 20, done: 19, refusedCount: 1 });
  expect(result.refused).toMatchObject([{ id: ids[7], state: 'cancelled', code: 'JOB_BUSY' }]);
  expect(told).toEqual([20]);
  expect(await unstuck.get(ids[7] ?? '')).toMatchObject({ state: 'cancelled' });
  expect((await unstuck.audit.list()).entries[0]?.detail).toMatchObject({
    done: 19,
    refused: 1,
    ended: true,
  });
});

test('A5: a job that PostgreSQL refuses to change refuses no other', async () => {
  const all = await setup({ sweep: false });
  const ids = await enqueueMany(all.unstuck, 'mail', 20);
  await all.query(`
    create function unstuck.no_sevens() returns trigger language plpgsql as $$
      begin if old.input ->> 'n' = '7' then raise exception 'seven stays'; end if; return old; end $$;
    create trigger no_sevens before delete on unstuck.jobs for each row execute function unstuck.no_sevens()`);
  const result = await all.unstuck.bulk.delete({ ids });
  expect(result).toMatchObject({ matched: 20, done: 19, refusedCount: 1 });
  expect(result.refused).toMatchObject([
    {
      id: ids[7],
      state: 'queued',
      code: 'CHANGE_REFUSED',
      message: expect.stringContaining('seven stays'),
    },
  ]);
});

test('a bulk retry runs jobs again with fresh attempts, wakes workers, and is told in the history of each', async () => {
  const all = await setup();
  const { unstuck } = all;
  const ids = await failedJobs(all, 25);
  await unstuck.work([job('mail', () => 'sent')]);
  const result = await unstuck.bulk.retry(
    { filter: { type: 'mail', state: 'failed', errorCode: 'HANDLER_FAILED' } },
    { by: 'ann', reason: 'the box is back' },
  );
  expect(result).toMatchObject({ matched: 25, done: 25, refusedCount: 0 });
  for (const id of ids)
    expect(await unstuck.wait(id, { timeout: '20s' })).toMatchObject({
      state: 'completed',
      result: 'sent',
    });
  const history = await unstuck.history(ids[0] ?? '');
  expect(history.at(-1)).toMatchObject({
    kind: 'retried',
    by: 'ann',
    reason: 'the box is back',
    detail: { audit: result.auditId },
  });
});

test('a bulk retry with an edited input keeps the old one in the history of each job', async () => {
  const all = await setup({ sweep: false });
  const { unstuck } = all;
  const ids = await enqueueMany(unstuck, 'mail', 3);
  await unstuck.bulk.cancel({ ids });
  const result = await unstuck.bulk.retry({ ids }, { input: { to: 'new' } });
  for (const [n, id] of ids.entries()) {
    expect(await unstuck.get(id)).toMatchObject({ state: 'queued', input: { to: 'new' } });
    expect((await unstuck.history(id)).at(-1)?.detail).toEqual({
      audit: result.auditId,
      input: { n },
    });
  }
  await expect(unstuck.bulk.retry({ ids }, { input: 'a\0b' })).rejects.toMatchObject({
    code: 'INPUT_UNSTORABLE',
  });
  expect(await unstuck.bulk.retry({ ids })).toMatchObject({ done: 0, refusedCount: 3 });
});

test('F4: a bulk cancel aborts what runs, and its late results are refused', async () => {
  const { unstuck, lines } = await setup();
  const causes: unknown[] = [];
  const started = gate();
  let running = 0;
  await unstuck.work([
    job('slow', async ({ signal }) => {
      running += 1;
      if (running === 3) started.open();
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      causes.push(signal.reason);
      return 'too late';
    }),
  ]);
  const ids = await enqueueMany(unstuck, 'slow', 3);
  await started.promise;
  const result = await unstuck.bulk.cancel({ filter: { state: 'running' } }, { reason: 'enough' });
  expect(result).toMatchObject({ matched: 3, done: 3 });
  await eventually(() => causes.length === 3, 'all are aborted');
  for (const id of ids)
    expect(await unstuck.get(id)).toMatchObject({
      state: 'cancelled',
      reason: 'enough',
      result: null,
    });
  expect(lines.filter(({ event }) => event === 'attempt_lost')).toHaveLength(3);
});

test('jobs that are made while a bulk runs are left out, so that it ends', async () => {
  const { unstuck } = await setup({ sweep: false });
  await enqueueMany(unstuck, 'mail', 20);
  let more = 0;
  const adding: Promise<unknown>[] = [];
  const result = await unstuck.bulk.delete(
    { filter: { type: 'mail' } },
    {
      chunk: 5,
      onProgress: () => {
        more += 1;
        adding.push(enqueueMany(unstuck, 'mail', 5));
      },
    },
  );
  await Promise.all(adding);
  expect(result).toMatchObject({ matched: 20, done: 20 });
  expect((await unstuck.count({ type: 'mail' })).count).toBe(5 * more);
});
