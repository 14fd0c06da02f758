// The laws of fan-outs (S4.4): done when all that was planned is written; missing ones are named and made again; the parent ends exactly once.
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { defineFanOut } from '../../src/domain/define-fan-out.ts';
import { defineJob } from '../../src/domain/define-job.ts';
import { Fail } from '../../src/domain/outcome.ts';
import { eventually, gate, type Setup, setup } from '../support/unstuck.ts';

const THOUSAND: readonly number[] = Array.from({ length: 1_000 }, (_, n) => n);
const AXES = { region: ['eu', 'us'], model: ['a', 'b', 'c'] };
const cell = z.object({ region: z.string(), model: z.string() });
type Cell = z.infer<typeof cell>;

const ask = (run: (at: Cell) => unknown = ({ region, model }) => `${region}/${model}`) =>
  defineJob({
    type: 'ask',
    input: cell,
    retry: { attempts: 1 },
    timeout: '10d',
    run: async ({ input }) => run(input),
  });

const matrix = (of: ReturnType<typeof ask>, success?: 'all' | 'any' | number) =>
  defineFanOut({
    type: 'matrix',
    input: z.unknown(),
    executions: {
      of,
      plan: () => AXES,
      input: (at: Cell) => at,
      ...(success === undefined ? {} : { success }),
    },
  });

const childrenOf = ({ query }: Setup, id: string): Promise<{ ordinal: number }[]> =>
  query('select ordinal from unstuck.jobs where parent_id = $1 order by ordinal', [id]);

describe('a fan-out', () => {
  test('S4.4: creates one execution for each cell, and ends with their results in the order of the plan', async () => {
    const { unstuck } = await setup();
    const [child, parent] = [ask(), matrix(ask())];
    await unstuck.work([child, parent]);
    const { id } = await unstuck.enqueue(parent, {});
    expect(await unstuck.wait(id, { timeout: '20s' })).toMatchObject({
      state: 'completed',
      attempt: 1,
      result: {
        expected: 6,
        completed: 6,
        failed: 0,
        success_rate: 1,
        results: ['eu/a', 'eu/b', 'eu/c', 'us/a', 'us/b', 'us/c'],
      },
    });
    expect(await unstuck.executions.get(id)).toMatchObject({
      expected: 6,
      axes: AXES,
      counts: { completed: 6, missing: 0, pending: 0, queued: 0, running: 0, failed: 0 },
    });
    expect((await unstuck.executions.list(id, { limit: 2 }))[1]).toMatchObject({
      ordinal: 1,
      cell: { region: 'eu', model: 'b' },
      state: 'completed',
    });
  });

  test('a list is a plan too; a run combines the executions; an empty plan completes at once', async () => {
    const { unstuck } = await setup();
    const double = defineJob({ type: 'double', input: z.number(), run: ({ input }) => input * 2 });
    const sum = defineFanOut({
      type: 'sum',
      input: z.array(z.number()),
      executions: { of: double, plan: (input) => input, input: (item: number) => item },
      run: ({ executions }) => executions.reduce((all, { result }) => all + (result ?? 0), 0),
    });
    await unstuck.work([double, sum]);
    const three = await unstuck.enqueue(sum, [1, 2, 3]);
    const none = await unstuck.enqueue(sum, []);
    expect((await unstuck.wait(three.id, { as: sum, timeout: '20s' })).result).toBe(12);
    expect((await unstuck.wait(none.id, { timeout: '20s' })).result).toBe(0);
  });

  test.for([
    ['all', 'failed'],
    [0.9, 'failed'],
    [0.8, 'completed'],
    ['any', 'completed'],
  ] as const)('with one of six failed and success %s it is %s', async ([success, state]) => {
    const { unstuck } = await setup();
    const child = ask(({ region, model }) => {
      if (region === 'us' && model === 'b') throw new Fail('no such model');
      return 1;
    });
    await unstuck.work([child, matrix(child, success)]);
    const { id } = await unstuck.enqueue(matrix(child, success), {});
    const ended = await unstuck.wait(id, { timeout: '20s' });
    expect(ended.state).toBe(state);
    if (state === 'failed')
      expect(ended.error).toMatchObject({
        code: 'EXECUTIONS_FAILED',
        message: expect.stringContaining('{"region":"us","model":"b"}: no such model'),
      });
  });

  test('retried after it failed it runs again only what did not complete', async () => {
    const { unstuck } = await setup();
    const runs: string[] = [];
    let broken = true;
    const child = ask(({ region, model }) => {
      runs.push(region + model);
      if (model === 'c' && broken) throw new Fail('down');
      return 1;
    });
    await unstuck.work([child, matrix(child)]);
    const { id } = await unstuck.enqueue(matrix(child), {});
    await unstuck.wait(id, { timeout: '20s' });
    broken = false;
    await unstuck.retry(id);
    expect(await unstuck.wait(id, { timeout: '20s' })).toMatchObject({ state: 'completed' });
    expect(runs.toSorted()).toEqual(
      ['eua', 'eub', 'euc', 'euc', 'usa', 'usb', 'usc', 'usc'].toSorted(),
    );
  });

  test('retried after its time was over it has its whole time once more', async () => {
    const all = await setup();
    let broken = true;
    const child = ask(() => {
      if (broken) throw new Fail('down');
    });
    const executions = { of: child, plan: () => AXES, input: (at: Cell) => at };
    const parent = defineFanOut({
      type: 'matrix',
      input: z.unknown(),
      executions: { ...executions, finishWithin: '1h' },
    });
    await all.unstuck.work([child, parent]);
    const { id } = await all.unstuck.enqueue(parent, {});
    expect(await all.unstuck.wait(id, { timeout: '20s' })).toMatchObject({ state: 'failed' });
    await all.moveClock('2 hours');
    broken = false;
    await all.unstuck.retry(id);
    expect(await all.unstuck.wait(id, { timeout: '20s' })).toMatchObject({ state: 'completed' });
  });

  test('M4: an execution that is retried after its parent has ended is a job of its own, and changes no count', async () => {
    const { unstuck, query } = await setup();
    const child = ask();
    await unstuck.work([child, matrix(child)]);
    const { id } = await unstuck.enqueue(matrix(child), {});
    await unstuck.wait(id, { timeout: '20s' });
    const [first] = await query<{ id: string }>(
      'select id::text from unstuck.finished where ordinal = 0',
    );
    const again = await unstuck.retry(first?.id ?? '');
    expect(again).toMatchObject({ parentId: null, ordinal: null });
    await unstuck.wait(again.id, { timeout: '20s' });
    expect(await unstuck.executions.get(id)).toMatchObject({
      counts: { completed: 6, missing: 0 },
    });
  });

  test('an execution that its parent has made again is a job of its own when it is retried', async () => {
    const all = await setup();
    const child = ask(() => {
      throw new Fail('down');
    });
    const worker = await all.unstuck.work([child, matrix(child)]);
    const { id } = await all.unstuck.enqueue(matrix(child), {});
    await all.unstuck.wait(id, { timeout: '20s' });
    await worker.stop();
    const [first] = await all.query<{ id: string }>(
      'select id::text from unstuck.finished where ordinal = 0',
    );
    await all.unstuck.retry(id);
    await all.unstuck.work([matrix(child)]);
    await eventually(async () => (await childrenOf(all, id)).length === 6, 'made again');
    expect(await all.unstuck.retry(first?.id ?? '')).toMatchObject({ parentId: null });
    expect(await childrenOf(all, id)).toHaveLength(6);
  });

  test('M1: executions that vanished are missing, counted, named, and created again', async () => {
    const all = await setup();
    const held = gate();
    const child = ask(async () => held.promise);
    const parent = matrix(child);
    const worker = await all.unstuck.work([parent]);
    const { id } = await all.unstuck.enqueue(parent, {});
    await eventually(
      async () => (await all.unstuck.get(id))?.waitsFor === 'executions',
      'it waits',
    );
    await all.query('delete from unstuck.jobs where parent_id = $1 and ordinal in (2, 4)', [id]);
    expect(await all.unstuck.executions.get(id)).toMatchObject({
      counts: { missing: 2, queued: 4 },
    });
    expect(await all.unstuck.executions.list(id, { state: 'missing' })).toMatchObject([
      { ordinal: 2, cell: { region: 'eu', model: 'c' }, jobId: null },
      { ordinal: 4, cell: { region: 'us', model: 'b' }, jobId: null },
    ]);
    await all.moveClock('1 minute');
    await eventually(async () => (await childrenOf(all, id)).length === 6, 'created again');
    await worker.stop();
  });

  test('M2: executions whose jobs are gone with their retention still count, with their results', async () => {
    const all = await setup();
    const held = gate();
    const child = ask(async ({ region, model }) => {
      if (region === 'us') await held.promise;
      return model;
    });
    await all.unstuck.work([child, matrix(child)]);
    const { id } = await all.unstuck.enqueue(matrix(child), {});
    await eventually(
      async () => (await all.unstuck.executions.get(id))?.counts.completed === 3,
      'half of them have completed',
    );
    await all.query('delete from unstuck.finished where parent_id = $1', [id]);
    held.open();
    expect(await all.unstuck.wait(id, { timeout: '20s' })).toMatchObject({
      state: 'completed',
      result: { completed: 6, results: ['a', 'b', 'c', 'a', 'b', 'c'] },
    });
  });

  test('cancelled it cancels its executions, whatever their state', async () => {
    const all = await setup();
    const started = gate();
    const child = ask(async () => {
      started.open();
      await new Promise(() => undefined);
    });
    await all.unstuck.work([child, matrix(child)], { concurrency: 2 });
    const { id } = await all.unstuck.enqueue(matrix(child), {});
    await started.promise;
    await eventually(
      async () => (await all.unstuck.get(id))?.waitsFor === 'executions',
      'it waits',
    );
    await all.unstuck.cancel(id, { reason: 'enough' });
    // One that is just being claimed is left to the sweep.
    await eventually(async () => (await childrenOf(all, id)).length === 0, 'all are cancelled');
    expect(await all.unstuck.executions.get(id)).toMatchObject({ counts: { cancelled: 6 } });
  });

  test('M3: executions of a parent that ended otherwise are cancelled by the sweep', async () => {
    const all = await setup();
    const child = ask(async () => new Promise(() => undefined));
    await all.unstuck.work([matrix(child)]);
    const { id } = await all.unstuck.enqueue(matrix(child), {});
    await eventually(async () => (await childrenOf(all, id)).length === 6, 'all created');
    await all.query('delete from unstuck.jobs where id = $1', [id]);
    await eventually(async () => (await childrenOf(all, id)).length === 0, 'cancelled');
  });

  test('with finishWithin it ends with what it has, and the rest is cancelled', async () => {
    const all = await setup();
    const child = ask(({ model }) => (model === 'a' ? 'quick' : new Promise(() => undefined)));
    const parent = defineFanOut({
      type: 'matrix',
      input: z.unknown(),
      executions: {
        of: child,
        plan: () => AXES,
        input: (at: Cell) => at,
        success: 0.3,
        finishWithin: '1h',
      },
    });
    await all.unstuck.work([child, parent]);
    const { id } = await all.unstuck.enqueue(parent, {});
    await eventually(
      async () => (await all.unstuck.executions.get(id))?.counts.completed === 2,
      'two completed',
    );
    await eventually(
      async () => (await all.unstuck.get(id))?.waitsFor === 'executions',
      'it waits',
    );
    await all.moveClock('61 minutes');
    expect(await all.unstuck.wait(id, { timeout: '20s' })).toMatchObject({
      state: 'completed',
      result: { completed: 2, cancelled: 4, results: ['quick', null, null, 'quick', null, null] },
    });
  });

  test('S4.6: an execution whose provider fails is tried again with it, then with the next', async () => {
    const { unstuck } = await setup();
    const used: (string | undefined)[] = [];
    const call = defineJob({
      type: 'call',
      input: z.number(),
      providers: ['first', 'second'],
      retry: { attempts: 2, base: '0ms' },
      run: ({ provider }) => {
        used.push(provider);
        if (provider === 'first') throw new Error('cold start');
        return provider;
      },
    });
    await unstuck.work([call]);
    const { id } = await unstuck.enqueue(call, 1);
    expect(await unstuck.wait(id, { timeout: '20s' })).toMatchObject({
      result: 'second',
      attempt: 3,
      attemptsMax: 4,
    });
    expect(used).toEqual(['first', 'first', 'second']);
  });

  test('L7: executions of a parent that holds a slot ask for none of the same pool', async () => {
    const { unstuck } = await setup();
    await unstuck.pools.set('p', { capacity: 1 });
    const child = defineJob({ type: 'c', input: z.number(), slot: 'p', run: () => 1 });
    const parent = defineFanOut({
      type: 'f',
      input: z.unknown(),
      slot: 'p',
      executions: { of: child, plan: () => [1, 2, 3], input: (item: number) => item },
    });
    await unstuck.work([child, parent]);
    const { id } = await unstuck.enqueue(parent, {});
    expect(await unstuck.wait(id, { timeout: '20s' })).toMatchObject({ state: 'completed' });
    await eventually(async () => (await unstuck.pools.get('p'))?.processed === 1, 'one processed');
  });

  test('executions obey the limit of their type', async () => {
    const { unstuck } = await setup();
    let at = 0;
    let most = 0;
    const child = defineJob({
      type: 'c',
      input: z.number(),
      limit: { running: 2 },
      run: async () => {
        at += 1;
        most = Math.max(most, at);
        await new Promise(setImmediate);
        at -= 1;
      },
    });
    const parent = defineFanOut({
      type: 'f',
      input: z.unknown(),
      executions: {
        of: child,
        plan: () => [1, 2, 3, 4, 5, 6, 7, 8],
        input: (item: number) => item,
      },
    });
    await unstuck.work([child, parent]);
    const { id } = await unstuck.enqueue(parent, {});
    expect(await unstuck.wait(id, { timeout: '20s' })).toMatchObject({ state: 'completed' });
    expect(most).toBeLessThanOrEqual(2);
  });

  test('M7: 10,000 executions under one parent', { timeout: 120_000 }, async () => {
    const { unstuck } = await setup();
    const child = defineJob({ type: 'c', input: z.number(), run: ({ input }) => input });
    const parent = defineFanOut({
      type: 'f',
      input: z.unknown(),
      executions: {
        of: child,
        plan: (): number[] => Array.from({ length: 10_000 }, (_, n) => n),
        input: (item: number) => item,
      },
      run: ({ executions: all }): number => all.reduce((sum, { result }) => sum + (result ?? 0), 0),
    });
    await unstuck.work([child, parent]);
    const { id } = await unstuck.enqueue(parent, {});
    const ended = await unstuck.wait(id, { timeout: '100s' });
    expect(ended.result).toBe((10_000 * 9_999) / 2);
  });

  test.for([
    [5, 'EXECUTIONS_INVALID'],
    [{ a: 1 }, 'EXECUTIONS_INVALID'],
    [{ a: THOUSAND, b: THOUSAND }, 'EXECUTIONS_INVALID'],
    [['x'], 'INPUT_INVALID'],
  ] as const)('a bad plan fails the job by name: %#', async ([plan, code]) => {
    const { unstuck } = await setup();
    const child = defineJob({ type: 'c', input: z.number(), run: () => 1 });
    const parent = defineFanOut({
      type: 'f',
      input: z.unknown(),
      retry: { attempts: 1 },
      executions: { of: child, input: (item: number) => item, plan: () => plan as never },
    });
    await unstuck.work([child, parent]);
    const { id } = await unstuck.enqueue(parent, {});
    expect(await unstuck.wait(id, { timeout: '20s' })).toMatchObject({
      state: 'failed',
      error: { code },
    });
  });
});
