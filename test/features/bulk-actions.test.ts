// The laws of changes that go on behind the answer: each job once, whoever carries it on; ended by whoever may; told truthfully at any time.
import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import type { BulkActionStatus } from '../../src/domain/bulk-action.ts';
import type { Unstuck } from '../../src/unstuck.ts';
import { eventually, type Setup, setup } from '../support/unstuck.ts';

const MANY = { filter: { type: 'mail' } } as const;

async function withJobs(count: number): Promise<Setup & { readonly ids: readonly string[] }> {
  const all = await setup({ sweep: false });
  const stored = await all.unstuck.enqueueMany(
    'mail',
    Array.from({ length: count }, (_, n) => ({ input: n })),
  );
  return { ...all, ids: stored.map(({ id }) => id) };
}

function ended(unstuck: Unstuck, id: string): Promise<BulkActionStatus> {
  return eventually(async () => {
    const now = await unstuck.bulkActions.get(id);
    return now.state !== 'running' && now.state !== 'stalled' && now;
  }, 'it has ended');
}

/** Holds a job in an open transaction: a chunk with it waits a second, then refuses it as busy. */
async function held({ session }: Setup, id: string): Promise<() => Promise<unknown>> {
  const other = await session();
  await other.query('begin');
  await other.query('select from unstuck.jobs where id = $1 for update', [id]);
  return () => other.query('rollback');
}

test('it goes on behind the answer, and its entry tells what it did', async () => {
  const { unstuck, ids } = await withJobs(1_200);
  await unstuck.cancel(ids[7] as string);
  const started = await unstuck.bulkActions.start(
    'cancel',
    { ids: ids.slice(0, 700) },
    { by: 'ann', reason: 'wrong' },
  );
  expect(started).toMatchObject({ state: 'running', matched: 700, done: 0, by: 'ann' });
  expect(await ended(unstuck, started.id)).toMatchObject({
    state: 'done',
    matched: 700,
    done: 699,
    refusedCount: 1,
    refusedBy: { JOB_STATE_CONFLICT: 1 },
    refused: [{ id: ids[7], code: 'JOB_STATE_CONFLICT' }],
    error: null,
  });
  expect(await unstuck.count({ state: 'cancelled' })).toMatchObject({ count: 700 });
  expect((await unstuck.history(ids[0] as string)).at(-1)).toMatchObject({
    by: 'ann',
    reason: 'wrong',
    detail: { audit: started.id },
  });
  expect((await unstuck.audit.list()).entries).toMatchObject([
    { id: started.id, action: 'cancel', by: 'ann', detail: { ended: true, done: 699 } },
  ]);
});

test('a filter leaves out what is created after the call, also when another process carries it on', async () => {
  const all = await withJobs(6);
  const { unstuck, ids } = all;
  const letGo = await held(all, ids[2] as string);
  const { id } = await unstuck.bulkActions.start('cancel', MANY, { chunk: 1 });
  const late = await unstuck.enqueue('mail', 'late');
  await unstuck.bulkActions.stop();
  await letGo();
  const other = await all.connect();
  expect(await other.bulkActions.get(id)).toMatchObject({ state: 'stalled' });
  await other.bulkActions.adopt();
  const { done, refusedCount } = await ended(other, id);
  expect(done + refusedCount).toBe(6);
  expect(await unstuck.get(late.id)).toMatchObject({ state: 'queued' });
  expect(await all.logged('bulk_action_carried_on')).toMatchObject({ facts: { id } });
});

test('a process that has died is replaced by the sweep of another: each job is changed once', async () => {
  const all = await withJobs(40);
  const { unstuck, ids, query } = all;
  const letGo = await held(all, ids[20] as string);
  const { id } = await unstuck.bulkActions.start('cancel', MANY, { chunk: 4, by: 'ann' });
  await eventually(async () => (await unstuck.bulkActions.get(id)).done >= 20, 'half is done');
  // As if its process had fallen silent: the row is somebody else's, who has not been heard of.
  await query(
    `update unstuck.audit set runner = $2, beat_at = unstuck.clock() - interval '31 seconds' where id = $1`,
    [id, randomUUID()],
  );
  await letGo();
  await unstuck.bulkActions.idle();
  expect(await unstuck.bulkActions.get(id)).toMatchObject({ state: 'stalled' });
  const other = await all.connect({ sweep: true });
  other.sweep();
  expect(await ended(other, id)).toMatchObject({ state: 'done', done: 40, refusedCount: 0 });
  const told = await query<{ n: string }>(
    `select count(*) as n from unstuck.events where kind = 'cancelled' and by = 'ann'`,
  );
  expect(told).toEqual([{ n: '40' }]);
});

test('somebody aborts it between two chunks, from any process; what is done stays done', async () => {
  const all = await withJobs(10);
  const { unstuck, ids } = all;
  const letGo = await held(all, ids[5] as string);
  const { id } = await unstuck.bulkActions.start('cancel', MANY, { chunk: 1 });
  await eventually(async () => (await unstuck.bulkActions.get(id)).done === 5, 'half is done');
  const other = await all.connect();
  await other.bulkActions.abort(id, { by: 'bob', reason: 'enough' });
  await letGo();
  const { done } = await ended(unstuck, id);
  expect(await unstuck.bulkActions.get(id)).toMatchObject({ state: 'aborted' });
  expect(done).toBeLessThanOrEqual(6);
  expect(await unstuck.count({ state: 'cancelled' })).toMatchObject({ count: done });
  await expect(other.bulkActions.abort(id)).rejects.toMatchObject({
    code: 'BULK_ACTION_ENDED',
    detail: { state: 'aborted' },
  });
  expect((await unstuck.audit.list()).entries[0]?.detail).toMatchObject({
    abort: { by: 'bob', reason: 'enough' },
  });
});

test('what PostgreSQL refuses is refused by name, and a change that matches nothing is done', async () => {
  const { unstuck, query } = await withJobs(3);
  await query(`alter table unstuck.events rename to elsewhere`);
  const { id } = await unstuck.bulkActions.start('retry', { filter: { state: 'failed' } });
  expect(await ended(unstuck, id)).toMatchObject({ state: 'done', matched: 0 });
  const cancel = await unstuck.bulkActions.start('cancel', MANY);
  const { state, refusedBy } = await ended(unstuck, cancel.id);
  expect({ state, refusedBy }).toEqual({ state: 'done', refusedBy: { CHANGE_REFUSED: 3 } });
});

test('the count that was expected may be wrong by a tenth, and no more', async () => {
  const { unstuck } = await withJobs(20);
  for (const expectedCount of [0, 10, 25])
    await expect(
      unstuck.bulkActions.start('cancel', MANY, { expectedCount }),
    ).rejects.toMatchObject({
      code: 'COUNT_MISMATCH',
      detail: { expected: expectedCount, matched: 20 },
    });
  expect((await unstuck.bulkActions.list()).actions).toEqual([]);
  const { id } = await unstuck.bulkActions.start('cancel', MANY, { expectedCount: 19 });
  expect(await ended(unstuck, id)).toMatchObject({ done: 20 });
});

test('an edited input of a retry survives being carried on', async () => {
  const all = await withJobs(3);
  const { unstuck, ids, query } = all;
  await unstuck.bulk.cancel(MANY);
  await unstuck.bulkActions.stop();
  const other = await all.connect();
  const { id } = await unstuck.bulkActions.start('retry', MANY, { input: { fixed: true } });
  await query(`update unstuck.audit set beat_at = '-infinity' where id = $1`, [id]);
  await other.bulkActions.adopt();
  expect(await ended(other, id)).toMatchObject({ done: 3 });
  expect((await unstuck.get(ids[0] as string))?.input).toEqual({ fixed: true });
});

test('changes are listed newest first, those of the library too, by pages', async () => {
  const { unstuck, ids } = await withJobs(4);
  const made: (string | null)[] = [];
  for (const id of ids) made.unshift((await unstuck.bulk.cancel({ ids: [id] })).auditId);
  const first = await unstuck.bulkActions.list({ limit: 3 });
  expect(first.actions.map(({ id }) => id)).toEqual(made.slice(0, 3));
  expect(first.actions[0]).toMatchObject({ state: 'done', done: 1 });
  const rest = await unstuck.bulkActions.list({ limit: 3, after: first.next ?? undefined });
  expect(rest.actions.map(({ id }) => id)).toEqual(made.slice(3));
  expect(rest.next).toBeNull();
});

test('what a process of the library left behind when it died is told as interrupted', async () => {
  const all = await withJobs(3);
  const { unstuck, query } = all;
  const { auditId } = await unstuck.bulk.cancel(MANY);
  await query(
    `update unstuck.audit set detail = detail || '{"ended": false}', beat_at = unstuck.clock() - interval '1 minute' where id = $1`,
    [auditId],
  );
  expect(await unstuck.bulkActions.get(auditId as string)).toMatchObject({ state: 'interrupted' });
  await (await all.connect()).bulkActions.adopt();
  expect(await unstuck.bulkActions.get(auditId as string)).toMatchObject({ state: 'interrupted' });
});

test('what a process has left behind without its database it carries on itself, when that is back', async () => {
  const all = await withJobs(6);
  const { unstuck, ids, query } = all;
  const letGo = await held(all, ids[5] as string);
  const { id } = await unstuck.bulkActions.start('cancel', MANY, { chunk: 1 });
  await eventually(async () => (await unstuck.bulkActions.get(id)).done === 5, 'half is done');
  const [own] = await query<{ runner: string }>('select runner::text from unstuck.audit');
  // While it goes on here it is nobody's to take, however long it is silent.
  await query(`update unstuck.audit set beat_at = unstuck.clock() - interval '31 seconds'`);
  expect(await unstuck.bulkActions.adopt()).toMatchObject({ done: 0 });
  await letGo();
  await unstuck.bulkActions.idle();
  await query(
    `update unstuck.audit set detail = detail || '{"ended": false}', runner = $1, beat_at = unstuck.clock() - interval '31 seconds'`,
    [own?.runner],
  );
  expect(await unstuck.bulkActions.get(id)).toMatchObject({ state: 'stalled' });
  await unstuck.bulkActions.adopt();
  expect(await ended(unstuck, id)).toMatchObject({ state: 'done' });
});
