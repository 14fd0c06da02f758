// The laws of enqueueing: what was answered is stored, once; what was refused is not; a neighbour's fault is nobody else's.
import { describe, expect, test } from 'vitest';
import { BatchError } from '../../src/domain/batch.ts';
import type { NewJob } from '../../src/domain/new-job.ts';
import { Enqueuer } from '../../src/engine/enqueuer.ts';
import { eventually, job, setup } from '../support/unstuck.ts';

const mail = job('mail', () => 'sent');

describe('what an enqueue answers', () => {
  test('created: this call stored the job', async () => {
    const { unstuck } = await setup();
    const answer = await unstuck.enqueue(mail, { to: 'a' });
    expect(answer).toMatchObject({ created: true, reason: 'created' });
    expect(await unstuck.get(answer.id)).toMatchObject({
      state: 'queued',
      input: { to: 'a' },
      waitsFor: 'worker',
    });
  });

  test('key-live: a live job has the key, and its id is answered', async () => {
    const { unstuck } = await setup();
    const first = await unstuck.enqueue(mail, 1, { key: 'k' });
    expect(await unstuck.enqueue(mail, 2, { key: 'k' })).toEqual({
      id: first.id,
      created: false,
      reason: 'key-live',
    });
    expect((await unstuck.get(first.id))?.input).toBe(1);
  });

  test('A4: a finished job gives its key back', async () => {
    const { unstuck } = await setup();
    const first = await unstuck.enqueue(mail, 1, { key: 'k' });
    await unstuck.cancel(first.id);
    expect(await unstuck.enqueue(mail, 2, { key: 'k' })).toMatchObject({ created: true });
  });

  test('A3: a key whose holder rolls back is created, one whose holder commits is key-live', async () => {
    const { unstuck, session } = await setup();
    const other = await session();
    for (const [end, reason] of [
      ['rollback', 'created'],
      ['commit', 'key-live'],
    ] as const) {
      await other.query('begin');
      await unstuck.enqueue(mail, 1, { key: end, in: other });
      const mine = unstuck.enqueue(mail, 2, { key: end });
      await other.query(end);
      expect((await mine).reason).toBe(reason);
    }
  });

  test('a key that is held in an open transaction for long is refused as busy, and delays no plain job', async () => {
    const { unstuck, session, query } = await setup({ lockTimeout: '200ms' });
    const other = await session();
    await other.query('begin');
    await unstuck.enqueue(mail, 1, { key: 'k', in: other });
    const busy = unstuck.enqueue(mail, 2, { key: 'k' });
    const started = performance.now();
    await unstuck.enqueue(mail, 3);
    expect(performance.now() - started).toBeLessThan(2_000);
    await expect(busy).rejects.toMatchObject({ code: 'KEY_BUSY' });
    await other.query('rollback');
    expect(await query('select from unstuck.jobs')).toHaveLength(1);
  });

  test('two calls with one key in one flush store one job', async () => {
    const { unstuck } = await setup();
    const [one, two] = await Promise.all([
      unstuck.enqueue(mail, 1, { key: 'k' }),
      unstuck.enqueue(mail, 2, { key: 'k' }),
    ]);
    expect([one.reason, two.reason].toSorted()).toEqual(['created', 'key-live']);
    expect(one.id).toBe(two.id);
  });
});

describe('group commit', () => {
  test('many calls at once become few statements, and each resolves with its own job', async () => {
    const { unstuck, query } = await setup();
    await unstuck.enqueue(mail, 'first');
    await query('create table flushes (n int)');
    await query(`create function count_flush() returns trigger language plpgsql as
      $$ begin insert into flushes values (1); return null; end $$`);
    await query(`create trigger count_flush after insert on unstuck.jobs for each statement
      execute function count_flush()`);
    const answers = await Promise.all(
      Array.from({ length: 500 }, (_, n) => unstuck.enqueue(mail, { n })),
    );
    expect(new Set(answers.map((answer) => answer.id)).size).toBe(500);
    expect((await query('select from flushes')).length).toBeLessThan(20);
    const [some] = await query<{ n: number }>('select count(*)::int as n from unstuck.jobs');
    expect(some?.n).toBe(501);
  });

  test('A13: one row that PostgreSQL refuses rejects only its own call', async () => {
    const { unstuck, query } = await setup();
    await query(`alter table unstuck.jobs add constraint mine check (input <> '13')`);
    const calls = await Promise.allSettled(
      Array.from({ length: 20 }, (_, n) => unstuck.enqueue(mail, n)),
    );
    expect(calls.map((call) => call.status).indexOf('rejected')).toBe(13);
    expect(calls.filter((call) => call.status === 'rejected')).toHaveLength(1);
    expect(calls[13]).toMatchObject({ reason: { code: 'ENQUEUE_REFUSED' } });
    expect(await query('select from unstuck.jobs')).toHaveLength(19);
  });

  test('A13: one call with a bad input rejects alone and stores nothing', async () => {
    const { unstuck, query } = await setup();
    const [bad, good] = await Promise.allSettled([
      unstuck.enqueue(mail, { text: 'a\0b' }),
      unstuck.enqueue(mail, { text: 'ab' }),
    ]);
    expect(bad).toMatchObject({ status: 'rejected', reason: { code: 'INPUT_UNSTORABLE' } });
    expect(good.status).toBe('fulfilled');
    expect(await query('select from unstuck.jobs')).toHaveLength(1);
  });

  test('enqueueMany that cannot store every item says what became of each, and all ids that it stored', async () => {
    const { unstuck, session, query } = await setup();
    const other = await session();
    await other.query('begin');
    await unstuck.enqueue(mail, 0, { key: 'busy', in: other });
    const live = await unstuck.enqueue(mail, 1, { key: 'live' });
    const failure = await unstuck
      .enqueueMany(mail, [
        { input: 'a' },
        { input: 'b', key: 'busy' },
        { input: 'c', key: 'live' },
        { input: 'd', key: 'free' },
      ])
      .catch((error: unknown) => error);
    await other.query('rollback');
    expect(failure).toBeInstanceOf(BatchError);
    expect(failure).toMatchObject({
      code: 'BATCH_INCOMPLETE',
      message: expect.stringMatching(/1 of 4 .*item 1.*KEY_BUSY/),
      cause: { code: 'KEY_BUSY' },
      detail: {
        outcomes: [
          { created: true, reason: 'created' },
          { code: 'KEY_BUSY', message: expect.stringContaining('"busy"') },
          { id: live.id, created: false, reason: 'key-live' },
          { created: true, reason: 'created' },
        ],
      },
    });
    const ids = (failure as BatchError).detail.outcomes.map((outcome) => outcome.id);
    const stored = await query<{ id: string }>('select id from unstuck.jobs');
    expect(new Set(stored.map((row) => row.id))).toEqual(new Set([ids[0], ids[2], ids[3]]));
    expect(stored).toHaveLength(3);
  });

  test('enqueueMany with one bad item stores none of them', async () => {
    const { unstuck, query } = await setup();
    const items = [{ input: 1 }, { input: 2, key: '' }, { input: 3 }];
    await expect(unstuck.enqueueMany(mail, items)).rejects.toMatchObject({ code: 'KEY_INVALID' });
    expect(await query('select from unstuck.jobs')).toHaveLength(0);
  });

  test('S1.2: jobs of one batch keep the order of their calls, with keys too', async () => {
    const { unstuck, query } = await setup();
    const keys = ['m', 'z', 'a', 'q', 'b'];
    await unstuck.enqueueMany(
      mail,
      keys.map((key) => ({ input: key, key })),
    );
    const rows = await query<{ key: string }>(
      'select unique_key as key from unstuck.jobs order by seq',
    );
    expect(rows.map((row) => row.key)).toEqual(keys);
  });

  test('D10: two processes that enqueue the same keys in opposite order do not deadlock', async () => {
    const { unstuck, connect, query } = await setup();
    const other = await connect();
    const keys = Array.from({ length: 200 }, (_, n) => ({ input: n, key: `k${n}` }));
    for (let round = 0; round < 5; round += 1) {
      const [one, two] = await Promise.all([
        unstuck.enqueueMany(mail, keys),
        other.enqueueMany(mail, keys.toReversed()),
      ]);
      expect(one.filter((a) => a.created).length + two.filter((a) => a.created).length).toBe(200);
      await query('delete from unstuck.jobs');
    }
  });
});

describe('in the transaction of the caller', () => {
  test('A1: a rollback leaves no job, a commit leaves job and row', async () => {
    const { unstuck, session, query } = await setup();
    await query('create table orders (n int)');
    const tx = await session();
    await tx.query('begin');
    await tx.query('insert into orders values (1)');
    const { id } = await unstuck.enqueue(mail, 1, { in: tx });
    expect(await unstuck.get(id)).toBeUndefined();
    await tx.query('rollback');
    expect(await unstuck.get(id)).toBeUndefined();
    await tx.query('begin');
    await tx.query('insert into orders values (2)');
    const [two] = await unstuck.enqueueMany(mail, [{ input: 2 }], { in: tx });
    await tx.query('commit');
    expect((await unstuck.get(two?.id ?? ''))?.state).toBe('queued');
    expect(await query('select n from orders')).toEqual([{ n: 2 }]);
  });

  test('a committed transaction wakes the worker, with notifications and without', async () => {
    for (const notify of [true, false]) {
      const { unstuck, session } = await setup({ notify });
      await unstuck.work([mail]);
      const tx = await session();
      await tx.query('begin');
      const { id } = await unstuck.enqueue(mail, 1, { in: tx });
      await tx.query('commit');
      expect((await unstuck.wait(id, { timeout: '10s' })).state).toBe('completed');
    }
  });

  test('what is no transaction is refused', async () => {
    const { unstuck } = await setup();
    await expect(unstuck.enqueue(mail, 1, { in: {} as never })).rejects.toMatchObject({
      code: 'TRANSACTION_INVALID',
    });
  });
});

describe('gates and times', () => {
  test('a held job waits for its release and then runs', async () => {
    const { unstuck } = await setup();
    await unstuck.work([mail]);
    const { id } = await unstuck.enqueue(mail, 1, { hold: true });
    expect(await unstuck.get(id)).toMatchObject({ state: 'pending', waitsFor: 'hold' });
    await expect(unstuck.enqueue(mail, 2)).resolves.toBeDefined();
    expect((await unstuck.get(id))?.state).toBe('pending');
    await unstuck.release(id, { by: 'ann', reason: 'checked' });
    expect((await unstuck.wait(id, { timeout: '10s' })).state).toBe('completed');
    expect(await unstuck.history(id)).toMatchObject([{ kind: 'released', by: 'ann' }]);
    await expect(unstuck.release(id)).rejects.toMatchObject({ code: 'JOB_STATE_CONFLICT' });
  });

  test('a delayed job runs when its time has come on the clock of the database, not before', async () => {
    const { unstuck, moveClock } = await setup();
    await unstuck.work([mail]);
    const delayed = await unstuck.enqueue(mail, 1, { delay: '1h' });
    const at = await unstuck.enqueue(mail, 2, { runAt: new Date(Date.now() + 1_800_000) });
    expect(await unstuck.get(delayed.id)).toMatchObject({ state: 'pending', waitsFor: 'time' });
    await moveClock('31 minutes');
    expect((await unstuck.wait(at.id, { timeout: '10s' })).state).toBe('completed');
    expect((await unstuck.get(delayed.id))?.state).toBe('pending');
    await moveClock('61 minutes');
    expect((await unstuck.wait(delayed.id, { timeout: '10s' })).state).toBe('completed');
  });

  test('a short delay is met within a fraction of a second', async () => {
    const { unstuck } = await setup();
    await unstuck.work([mail]);
    const { id } = await unstuck.enqueue(mail, 1, { delay: '150ms' });
    const done = await unstuck.wait(id, { timeout: '10s' });
    const waited = (done.startedAt?.getTime() ?? 0) - done.createdAt.getTime();
    expect(waited).toBeGreaterThanOrEqual(149);
    expect(waited).toBeLessThan(2_000);
  });

  test('a higher priority runs first, and equals in the order in which they came', async () => {
    const { unstuck } = await setup();
    const order: unknown[] = [];
    const ordered = job('ordered', (running) => void order.push(running.input));
    for (const [input, priority] of [
      ['a', 0],
      ['b', 5],
      ['c', 0],
      ['d', -5],
      ['e', 5],
    ] as const)
      await unstuck.enqueue(ordered, input, { priority });
    await unstuck.work([ordered], { concurrency: 1 });
    await eventually(() => order.length === 5, 'all have run');
    expect(order).toEqual(['b', 'e', 'a', 'c', 'd']);
  });

  test('a job that is not finished by finishBy fails as expired, from the queue and from a gate', async () => {
    const { unstuck, moveClock } = await setup();
    unstuck.sweep();
    const finishBy = new Date(Date.now() + 60_000);
    const queued = await unstuck.enqueue(mail, 1, { finishBy });
    const held = await unstuck.enqueue(mail, 2, { finishBy, hold: true });
    const free = await unstuck.enqueue(mail, 3);
    await moveClock('2 minutes');
    for (const { id } of [queued, held])
      expect(await unstuck.wait(id, { timeout: '10s' })).toMatchObject({
        state: 'failed',
        error: { code: 'JOB_EXPIRED' },
        reason: 'not finished by its finishBy',
      });
    expect((await unstuck.get(free.id))?.state).toBe('queued');
  });
});

test('A2: a new job that is there already had come through: it is told as created, and nothing is stored twice', async () => {
  const { unstuck, database, query } = await setup({ sweep: false });
  const { id } = await unstuck.enqueue('mail', 1);
  const enqueuer = new Enqueuer(database(), unstuck.log, () => undefined);
  const fields = [
    'hold',
    'runAt',
    'delayMs',
    'finishBy',
    'claimWithinMs',
    'attemptsMax',
    'key',
    'tags',
  ];
  const unset = Object.fromEntries(fields.map((field) => [field, undefined]));
  const again = { ...unset, id, type: 'mail', input: '1', rank: 0, size: 100 } as NewJob;
  expect(await enqueuer.enqueue(again)).toEqual({ id, created: true, reason: 'created' });
  expect(await query('select from unstuck.jobs')).toHaveLength(1);
});
