// The laws of slots (S0): held from the enqueue to the end, whatever happens in between; counted, so they cannot drift.
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { defineJob, type RunningJob } from '../../src/domain/define-job.ts';
import { Fail } from '../../src/domain/outcome.ts';
import { eventually, gate, job, type Setup, setup } from '../support/unstuck.ts';

const post = defineJob({
  type: 'post',
  input: z.object({ publisherId: z.number(), body: z.string().default('') }),
  slot: ({ publisherId }) => `publisher:${publisherId}`,
  retry: { attempts: 2, base: '0ms' },
  run: () => 'rendered',
});
const KEY = 'publisher:42';
const POST = { publisherId: 42 };

const stored = async ({ query }: Setup): Promise<number> =>
  (await query<{ n: number }>('select count(*)::int as n from unstuck.jobs'))[0]?.n ?? -1;

describe('a slot is taken at the enqueue', () => {
  test('S0.8: a full pool refuses, by code, and nothing is stored', async () => {
    const all = await setup({ sweep: false });
    await all.unstuck.pools.set(KEY, { capacity: 2 });
    await all.unstuck.enqueue(post, POST);
    await all.unstuck.enqueue(post, POST);
    await expect(all.unstuck.enqueue(post, POST)).rejects.toMatchObject({
      code: 'SLOTS_EXHAUSTED',
      detail: { pool: KEY },
    });
    expect(await stored(all)).toBe(2);
    expect(await all.unstuck.pools.get(KEY)).toMatchObject({
      capacity: 2,
      reserved: 2,
      waiting: 0,
    });
  });

  test('S0.8: with whenFull wait the job waits, and takes the slot of one that ends, in its place in the line', async () => {
    const { unstuck } = await setup();
    await unstuck.pools.set(KEY, { capacity: 1 });
    const first = await unstuck.enqueue(post, POST, { hold: false });
    const second = await unstuck.enqueue(post, POST, { whenFull: 'wait' });
    const third = await unstuck.enqueue(post, POST, { whenFull: 'wait', priority: 5 });
    expect(await unstuck.get(second.id)).toMatchObject({
      state: 'pending',
      waitsFor: 'slot',
      pool: KEY,
    });
    expect(await unstuck.pools.get(KEY)).toMatchObject({ reserved: 1, waiting: 2 });
    await unstuck.cancel(first.id);
    expect(await unstuck.get(third.id)).toMatchObject({ state: 'queued' });
    expect(await unstuck.get(second.id)).toMatchObject({ waitsFor: 'slot' });
    await unstuck.cancel(third.id);
    expect(await unstuck.get(second.id)).toMatchObject({ state: 'queued' });
  });

  test('null is an input like any other', async () => {
    const { unstuck } = await setup({ sweep: false });
    const bare = job('bare', () => 1, { slot: KEY, limit: { running: 1 } });
    await unstuck.pools.set(KEY, { capacity: 1 });
    const { id } = await unstuck.enqueue(bare, null, { key: 'k' });
    expect(await unstuck.get(id)).toMatchObject({ input: null, pool: KEY });
    await unstuck.enqueue(bare, 2, { key: 'k', whenTaken: 'replace', whenFull: 'wait' });
    expect(await unstuck.get(id)).toMatchObject({ input: 2 });
  });

  test('new jobs queue behind those that wait already', async () => {
    const { unstuck, query } = await setup({ sweep: false });
    await unstuck.pools.set(KEY, { capacity: 0 });
    await unstuck.enqueue(post, POST, { whenFull: 'wait' });
    await query(`update unstuck.pools set capacity = 5`);
    await expect(unstuck.enqueue(post, POST)).rejects.toMatchObject({ code: 'SLOTS_EXHAUSTED' });
  });

  test.for([
    ['missing', undefined, 'POOL_INVALID'],
    ['empty', '', 'POOL_INVALID'],
    ['unknown', 'publisher:7', 'POOL_UNKNOWN'],
  ] as const)('S0.6: a pool that is %s is refused', async ([, key, code]) => {
    const all = await setup({ sweep: false });
    const loose = job('loose', () => 1, { slot: () => key as string });
    await expect(all.unstuck.enqueue(loose, {})).rejects.toMatchObject({ code });
    expect(await stored(all)).toBe(0);
  });

  test('S0.6: a type that needs a slot cannot be enqueued by its name without one', async () => {
    const all = await setup({ sweep: false });
    await all.unstuck.pools.set(KEY, { capacity: 1 });
    await all.unstuck.enqueue(post, POST);
    const other = await all.connect({ sweep: false });
    await expect(other.enqueue('post', POST)).rejects.toMatchObject({ code: 'POOL_INVALID' });
    await expect(other.enqueue('post', POST, { slot: KEY })).rejects.toMatchObject({
      code: 'SLOTS_EXHAUSTED',
    });
  });
});

describe('a slot stays with its job', () => {
  test('S0.1: a job that is retried keeps its slot, and takes no second', async () => {
    const { unstuck } = await setup();
    await unstuck.pools.set(KEY, { capacity: 1 });
    const seen: (number | undefined)[] = [];
    const flaky = job(
      'flaky',
      async ({ attempt }) => {
        seen.push((await unstuck.pools.get(KEY))?.reserved);
        if (attempt < 3) throw new Error('not yet');
      },
      { slot: KEY, retry: { attempts: 3, base: '0ms' } },
    );
    await unstuck.work([flaky]);
    const { id } = await unstuck.enqueue(flaky, {});
    expect(await unstuck.wait(id, { timeout: '20s' })).toMatchObject({ state: 'completed' });
    expect(seen).toEqual([1, 1, 1]);
    await eventually(async () => (await unstuck.pools.get(KEY))?.reserved === 0, 'released');
    expect(await unstuck.pools.get(KEY)).toMatchObject({ processed: 1 });
  });

  test('S0.5: a job that nobody picks up holds its slot visibly, with its age; with finishBy it fails and releases', async () => {
    const { unstuck, moveClock } = await setup();
    unstuck.sweep();
    await unstuck.pools.set(KEY, { capacity: 1 });
    const finishBy = new Date(Date.now() + 86_400_000);
    const { id } = await unstuck.enqueue(post, POST, { finishBy });
    expect((await unstuck.pools.get(KEY))?.oldest).toMatchObject({
      id,
      type: 'post',
      state: 'queued',
    });
    await moveClock('25 hours');
    await eventually(async () => (await unstuck.get(id))?.state === 'failed', 'expired');
    expect(await unstuck.pools.get(KEY)).toMatchObject({ reserved: 0, processed: 0, oldest: null });
  });
});

describe('a slot is given back at the end', () => {
  test.for([
    ['completed', 1],
    ['failed', 0],
  ] as const)('S0.2, S0.3: when the job is %s, once', async ([state, processed]) => {
    const { unstuck } = await setup();
    await unstuck.pools.set(KEY, { capacity: 1 });
    const run = async (): Promise<void> => {
      if (state === 'failed') throw new Fail('no');
    };
    const one = job('one', run, { slot: KEY });
    await unstuck.work([one]);
    const { id } = await unstuck.enqueue(one, {});
    expect(await unstuck.wait(id, { timeout: '20s' })).toMatchObject({ state });
    expect(await unstuck.pools.get(KEY)).toMatchObject({ reserved: 0, processed });
    await unstuck.enqueue(one, {});
  });

  test('S0.3: processed is part of the transaction that completes the job', async () => {
    const { unstuck } = await setup();
    await unstuck.pools.set(KEY, { capacity: 1 });
    const one = defineJob({
      type: 'one',
      input: z.unknown(),
      slot: KEY,
      run(running: RunningJob): Promise<string> {
        return running.transaction(async () => 'done');
      },
    });
    await unstuck.work([one]);
    const first = await unstuck.enqueue(one, {});
    await unstuck.enqueue(one, {}, { whenFull: 'wait' });
    await unstuck.wait(first.id, { timeout: '20s' });
    await eventually(async () => (await unstuck.pools.get(KEY))?.processed === 2, 'both processed');
    expect(await unstuck.pools.get(KEY)).toMatchObject({ reserved: 0, waiting: 0 });
  });

  test('L2: a late result of a cancelled job releases nothing a second time', async () => {
    const { unstuck } = await setup();
    await unstuck.pools.set(KEY, { capacity: 1 });
    const held = gate();
    const started = gate();
    const slow = job(
      'slow',
      async () => {
        started.open();
        await held.promise;
      },
      { slot: KEY },
    );
    const worker = await unstuck.work([slow]);
    const { id } = await unstuck.enqueue(slow, {});
    await started.promise;
    await unstuck.cancel(id);
    await worker.stop();
    const next = await unstuck.enqueue(slow, {});
    held.open();
    expect(await unstuck.pools.get(KEY)).toMatchObject({ reserved: 1, processed: 0 });
    expect(await unstuck.get(next.id)).toMatchObject({ state: 'queued' });
  });

  test('an open transaction of a user on the pool holds up no end of a job', async () => {
    const { unstuck, session } = await setup();
    await unstuck.pools.set(KEY, { capacity: 5 });
    const one = job('one', () => 1, { slot: KEY });
    await unstuck.work([one]);
    const { id } = await unstuck.enqueue(one, {}, { delay: '300ms' });
    const client = await session();
    await client.query('begin');
    await unstuck.enqueue(one, {}, { in: client });
    expect(await unstuck.wait(id, { timeout: '10s' })).toMatchObject({ state: 'completed' });
    await client.query('rollback');
    await eventually(async () => (await unstuck.pools.get(KEY))?.processed === 1, 'folded or not');
  });
});

describe('the capacity', () => {
  test.for([
    [undefined, 'POOL_INVALID'],
    [{ capacity: -1 }, 'POOL_INVALID'],
    [{ capacity: 1, slots: 2 }, 'OPTION_UNKNOWN'],
  ] as const)(
    'is a whole number, and nothing else is set beside it: %j',
    async ([options, code]) => {
      const { unstuck } = await setup({ sweep: false });
      await expect(unstuck.pools.set(KEY, options as never)).rejects.toMatchObject({ code });
      expect(await unstuck.pools.get(KEY)).toBeUndefined();
    },
  );

  test('L6: lowered below its use breaks nothing: the pool drains', async () => {
    const { unstuck } = await setup({ sweep: false });
    await unstuck.pools.set(KEY, { capacity: 3 });
    const ids = await Promise.all(
      [1, 2, 3].map(async () => (await unstuck.enqueue(post, POST)).id),
    );
    await unstuck.pools.set(KEY, { capacity: 1 });
    expect(await unstuck.pools.get(KEY)).toMatchObject({ capacity: 1, reserved: 3 });
    await unstuck.cancel(ids[0] as string);
    await unstuck.cancel(ids[1] as string);
    await expect(unstuck.enqueue(post, POST)).rejects.toMatchObject({ code: 'SLOTS_EXHAUSTED' });
    await unstuck.cancel(ids[2] as string);
    await unstuck.enqueue(post, POST);
  });

  test('raised lets waiting jobs in at once, also without a sweep', async () => {
    const { unstuck } = await setup({ sweep: false });
    await unstuck.pools.set(KEY, { capacity: 0 });
    for (let n = 0; n < 5; n += 1) await unstuck.enqueue(post, POST, { whenFull: 'wait' });
    expect(await unstuck.pools.set(KEY, { capacity: 3 })).toMatchObject({
      reserved: 3,
      waiting: 2,
    });
  });

  test('a pool that live jobs name cannot be deleted', async () => {
    const { unstuck } = await setup({ sweep: false });
    await unstuck.pools.set(KEY, { capacity: 1 });
    const { id } = await unstuck.enqueue(post, POST);
    await expect(unstuck.pools.delete(KEY)).rejects.toMatchObject({ code: 'POOL_IN_USE' });
    await unstuck.cancel(id);
    await unstuck.pools.delete(KEY);
    await expect(unstuck.pools.delete(KEY)).rejects.toMatchObject({ code: 'POOL_UNKNOWN' });
  });
});

describe('what an enqueue and a delete do to each other', () => {
  test('A4: a job that takes over the place of another by its key needs no slot of its own', async () => {
    const { unstuck } = await setup({ sweep: false });
    await unstuck.pools.set(KEY, { capacity: 1 });
    const { id } = await unstuck.enqueue(post, POST, { key: 'k' });
    const again = { ...POST, body: 'new' };
    expect(
      await unstuck.enqueue(post, again, { key: 'k', whenTaken: 'replace', priority: 3 }),
    ).toMatchObject({ id, created: false, reason: 'replaced' });
    expect(await unstuck.get(id)).toMatchObject({ input: again, priority: 3 });
  });

  test.each([
    ['commits', 'POOL_IN_USE'],
    ['rolls back', 'deleted'],
  ])('a pool is not deleted under an enqueue that %s', async (how, outcome) => {
    const all = await setup({ sweep: false });
    await all.unstuck.pools.set(KEY, { capacity: 1 });
    const [producer, watch] = [await all.session(), await all.session()];
    await producer.query('begin');
    await all.unstuck.enqueue(post, POST, { in: producer });
    const deleted = all.unstuck.pools.delete(KEY).then(
      () => 'deleted',
      (error: { code: string }) => error.code,
    );
    const waits = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
    await eventually(async () => (await watch.query(waits)).rowCount === 1, 'the delete waits');
    await producer.query(how === 'commits' ? 'commit' : 'rollback');
    expect(await deleted).toBe(outcome);
    expect(await all.unstuck.pools.check()).toEqual([]);
  });
});

describe('S0.7: what a hand does to the rows', () => {
  test('a pool that is gone is found, and made again so that it drains', async () => {
    const { unstuck, query } = await setup({ sweep: false });
    await unstuck.pools.set(KEY, { capacity: 9 });
    await unstuck.enqueue(post, POST);
    await unstuck.enqueue(post, POST);
    expect(await unstuck.pools.check()).toEqual([]);
    await query('delete from unstuck.pools');
    expect(await unstuck.pools.check()).toMatchObject([
      { key: KEY, problem: 'missing', reserved: 2 },
    ]);
    expect(await unstuck.pools.repair()).toMatchObject([
      { repaired: 'the pool was made again with capacity 2' },
    ]);
    expect(await unstuck.pools.check()).toEqual([]);
    expect(await unstuck.pools.get(KEY)).toMatchObject({ capacity: 2, reserved: 2 });
  });

  test('a row inserted by hand takes its slot through the sweep; with an unknown pool, or without the one that it needs, it fails', async () => {
    const { unstuck, query } = await setup();
    unstuck.sweep();
    await unstuck.pools.set(KEY, { capacity: 2 });
    await unstuck.enqueue(post, POST);
    await query(
      `insert into unstuck.jobs (type, wants_pool) values ('post', $1), ('post', $1), ('post', 'x')`,
      [KEY],
    );
    await query(`insert into unstuck.jobs (type) values ('post')`);
    await eventually(async () => (await unstuck.pools.get(KEY))?.reserved === 2, 'one admitted');
    const failed = await eventually(async () => {
      const { jobs } = await unstuck.list({ state: 'failed' });
      return jobs.length === 2 && jobs;
    }, 'two failed');
    expect(failed.map((one) => one.error?.code)).toEqual(['POOL_UNKNOWN', 'POOL_UNKNOWN']);
    await eventually(async () => (await unstuck.pools.get(KEY))?.waiting === 1, 'one waits');
  });

  test('a row that claims to hold a slot already is refused', async () => {
    const { unstuck, query } = await setup({ sweep: false });
    await unstuck.pools.set(KEY, { capacity: 2 });
    await expect(
      query(
        `insert into unstuck.jobs (type, wants_pool, slot_pool, waits_for, wake_at, claim_by, attempts_max, claim_within_ms)
          values ('post', $1, $1, null, null, now(), 5, 1000)`,
        [KEY],
      ),
    ).rejects.toMatchObject({ constraint: 'jobs_admission' });
  });
});
