// The laws of job.transaction: the handler's writes and the end of its job happen both, or neither.
import { expect, test } from 'vitest';
import { StaleAttemptError } from '../../src/domain/errors.ts';
import { eventually, gate, job, setup } from '../support/unstuck.ts';

test('the writes and the completion commit together, with the result', async () => {
  const { unstuck, query } = await setup();
  await query('create table effects (id uuid)');
  const pay = job('pay', async (running) => {
    await running.transaction(async (tx) => {
      await tx.query('insert into effects values ($1)', [running.id]);
      return { paid: true };
    });
    throw new Error('after the end nothing counts');
  });
  await unstuck.work([pay]);
  const { id } = await unstuck.enqueue(pay, 1);
  expect(await unstuck.wait(id, { timeout: '20s' })).toMatchObject({
    state: 'completed',
    result: { paid: true },
  });
  expect(await query('select id::text from effects')).toEqual([{ id }]);
});

test('what throws inside rolls both back, and the attempt fails', async () => {
  const { unstuck, query } = await setup();
  await query('create table effects (id uuid)');
  const pay = job(
    'pay',
    (running) =>
      running.transaction(async (tx) => {
        await tx.query('insert into effects values ($1)', [running.id]);
        if (running.attempt === 1) throw new Error('no');
        return running.attempt;
      }),
    { retry: { base: 0 } },
  );
  await unstuck.work([pay]);
  const { id } = await unstuck.enqueue(pay, 1);
  expect(await unstuck.wait(id, { timeout: '20s' })).toMatchObject({
    state: 'completed',
    attempt: 2,
    result: 2,
  });
  expect(await query('select from effects')).toHaveLength(1);
});

test('an SQL error that the handler swallows cannot commit a completion', async () => {
  const { unstuck, query } = await setup();
  await query('create table effects (id int)');
  const pay = job(
    'pay',
    (running) =>
      running.transaction(async (tx) => {
        await tx.query('insert into effects values (1)');
        await tx.query('select 1/0').catch(() => undefined);
        return 'fine?';
      }),
    { retry: { attempts: 1 } },
  );
  await unstuck.work([pay]);
  const { id } = await unstuck.enqueue(pay, 1);
  expect((await unstuck.wait(id, { timeout: '20s' })).state).toBe('failed');
  expect(await query('select from effects')).toHaveLength(0);
});

test('D9: a stale attempt gets StaleAttemptError, its writes roll back, and it is recorded', async () => {
  const { unstuck, query } = await setup();
  await query('create table effects (id uuid)');
  const started = gate();
  const open = gate();
  const thrown = gate<unknown>();
  const pay = job('pay', async (running) => {
    started.open();
    await open.promise;
    try {
      return await running.transaction(async (tx) => {
        await tx.query('insert into effects values ($1)', [running.id]);
      });
    } catch (error) {
      thrown.open(error);
      throw error;
    }
  });
  await unstuck.work([pay]);
  const { id } = await unstuck.enqueue(pay, 1);
  await started.promise;
  await unstuck.cancel(id);
  open.open();
  const error = await thrown.promise;
  expect(error).toBeInstanceOf(StaleAttemptError);
  expect(error).toMatchObject({ code: 'STALE_ATTEMPT', detail: { id, token: '1' } });
  expect(await query('select from effects')).toHaveLength(0);
  expect((await unstuck.get(id))?.state).toBe('cancelled');
  await eventually(
    async () => (await unstuck.history(id)).some((entry) => entry.kind === 'stale'),
    'recorded',
  );
});

test('D9: a job that another attempt finished is not finished again', async () => {
  const { unstuck, query } = await setup({ lease: '1s' });
  await query('create table effects (token bigint)');
  const started = gate();
  const open = gate();
  const pay = job('pay', async (running) => {
    if (running.token === '1') {
      started.open();
      await open.promise;
    }
    return running.transaction(async (tx) => {
      await tx.query('insert into effects values ($1)', [running.token]);
      return running.token;
    });
  });
  await unstuck.work([pay]);
  const { id } = await unstuck.enqueue(pay, 1);
  await started.promise;
  // Somebody declares the worker dead while it lives.
  await query(`update unstuck.workers set state = 'dead', ended_at = unstuck.clock()`);
  expect(await unstuck.wait(id, { timeout: '20s' })).toMatchObject({
    state: 'completed',
    result: '2',
    crashes: 1,
  });
  open.open();
  await eventually(
    async () => (await unstuck.status()).workers.every((worker) => worker.running === 0),
    'both ended',
  );
  expect(await query('select token::text from effects')).toEqual([{ token: '2' }]);
});

test('a result that cannot be stored rolls the writes back, and is said', async () => {
  const { unstuck, query } = await setup();
  await query('create table effects (id uuid)');
  const pay = job(
    'pay',
    (running) =>
      running.transaction(async (tx) => {
        await tx.query('insert into effects values ($1)', [running.id]);
        return 5n;
      }),
    { retry: { attempts: 1 } },
  );
  await unstuck.work([pay]);
  const { id } = await unstuck.enqueue(pay, 1);
  expect(await unstuck.wait(id, { timeout: '20s' })).toMatchObject({
    state: 'failed',
    error: { code: 'RESULT_UNSTORABLE' },
  });
  expect(await query('select from effects')).toHaveLength(0);
});

test('C10: a transaction that the handler leaves open is ended within a lease', async () => {
  const { unstuck, query } = await setup({ lease: '1s' });
  await query('create table effects (id uuid)');
  const pay = job(
    'pay',
    (running) =>
      running.transaction(async (tx) => {
        await tx.query('insert into effects values ($1)', [running.id]);
        if (running.attempt === 1) await new Promise((resolve) => setTimeout(resolve, 2_500));
        return 'done';
      }),
    { retry: { base: 0 } },
  );
  await unstuck.work([pay]);
  const { id } = await unstuck.enqueue(pay, 1);
  expect(await unstuck.wait(id, { timeout: '20s' })).toMatchObject({
    state: 'completed',
    attempt: 2,
  });
  expect(await query('select from effects')).toHaveLength(1);
});
