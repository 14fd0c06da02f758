// The laws of the rows of claims: each is kept as long as its worker may hold one of its jobs, and goes with the last of them.
import { expect, test } from 'vitest';
import { StaleAttemptError } from '../../src/index.ts';
import { eventually, gate, job, type Setup, setup } from '../support/unstuck.ts';

/** So far ahead that no claim is old enough to be looked through: what goes was told to be over. */
const NOT_LOOKED_THROUGH = `update unstuck.claims set created_at = now() + interval '1 day'`;

const claims = ({ query }: Setup): Promise<Record<string, unknown>[]> =>
  query('select id from unstuck.claims');

/** Some heartbeats, one after the other. */
async function beats(
  { query }: Setup,
  worker: { id: string; reconcile(id: string): void },
  count: number,
): Promise<void> {
  const beatAt = async (): Promise<string> =>
    String((await query('select beat_at::text from unstuck.workers'))[0]?.['beat_at']);
  for (let beat = 0; beat < count; beat += 1) {
    const before = await beatAt();
    worker.reconcile(worker.id);
    await eventually(async () => (await beatAt()) !== before, 'a heartbeat');
  }
}

test('a claim goes with the last of its jobs, however they end, and nobody looks for them', async () => {
  const all = await setup({ lease: '1h' });
  const free = gate();
  const several = job(
    'several',
    async (own) => {
      await free.promise;
      if (own.input === 1) throw new Error('no');
      if (own.input === 2) await own.transaction(async () => 'done');
    },
    { retry: { attempts: 1 } },
  );
  const ids = await all.unstuck.enqueueMany(
    several,
    [1, 2, 3, 4].map((input) => ({ input })),
  );
  const worker = await all.unstuck.work([several]);
  await eventually(async () => (await claims(all)).length > 0, 'they are claimed');
  await all.query(NOT_LOOKED_THROUGH);
  await beats(all, worker, 12);
  expect(await claims(all)).not.toEqual([]);
  free.open();
  await Promise.all(ids.map(({ id }) => all.unstuck.wait(id, { timeout: '20s' })));
  await eventually(async () => {
    worker.reconcile(worker.id);
    return (await claims(all)).length === 0;
  }, 'the claim goes');
});

test('a claim stays while one of its jobs runs', async () => {
  const all = await setup({ lease: '1h' });
  const free = gate();
  const two = job('two', ({ input }) => (input === 1 ? undefined : free.promise));
  const [quick] = await all.unstuck.enqueueMany(two, [{ input: 1 }, { input: 2 }]);
  const worker = await all.unstuck.work([two]);
  await all.unstuck.wait(quick?.id ?? '', { timeout: '20s' });
  await all.query(NOT_LOOKED_THROUGH);
  await beats(all, worker, 12);
  expect(await claims(all)).toHaveLength(1);
  free.open();
});

test('a claim whose job was dropped by its handler stays until the database says that nobody holds it', async () => {
  const all = await setup({ lease: '1h' });
  const runs: number[] = [];
  const odd = job('odd', ({ id, token, attempt }) => {
    runs.push(attempt);
    if (runs.length === 1) throw new StaleAttemptError(id, token);
  });
  const { id } = await all.unstuck.enqueue(odd, 1);
  const worker = await all.unstuck.work([odd]);
  await eventually(() => runs.length > 0, 'it has run');
  await beats(all, worker, 2);
  expect(await claims(all)).toHaveLength(1);
  // As if that were long ago: the worker holds a job that it does not know, and gives it back.
  await all.query(
    `with c as (update unstuck.claims set created_at = created_at - interval '1 day')
     update unstuck.jobs set started_at = started_at - interval '1 day'`,
  );
  await beats(all, worker, 1);
  expect((await all.unstuck.wait(id, { timeout: '20s' })).state).toBe('completed');
  expect(runs).toEqual([1, 1]);
});

test('a claim of which its worker has never heard goes when its jobs have ended', async () => {
  const all = await setup({ lease: '1h' });
  const worker = await all.unstuck.work([job('plain', () => 1)]);
  await all.query(
    `insert into unstuck.claims (id, worker_id, job_ids, expires_at, created_at)
     values (gen_random_uuid(), $1, array[gen_random_uuid()], now() + interval '1 day', now() - interval '1 minute')`,
    [worker.id],
  );
  await beats(all, worker, 10);
  await eventually(async () => (await claims(all)).length === 0, 'the claim goes');
});
