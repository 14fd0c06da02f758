// The laws of what a fan-out has and keeps: slots over several generations, its time, and nothing of it once it is deleted.
import { expect, test } from 'vitest';
import { z } from 'zod';
import { defineFanOut } from '../../src/domain/define-fan-out.ts';
import { defineJob } from '../../src/domain/define-job.ts';
import { eventually, gate, setup } from '../support/unstuck.ts';

const input = z.unknown();
const one = { plan: () => [1], input: () => 1 };

test('L8: neither a child nor a grandchild waits for the slot that its ancestor holds', async () => {
  const { unstuck } = await setup();
  await unstuck.pools.set('publisher:42', { capacity: 1 });
  const slot = 'publisher:42';
  const page = defineJob({ type: 'page', input, slot, run: () => 1 });
  const chapter = defineFanOut({ type: 'chapter', input, slot, executions: { of: page, ...one } });
  const book = defineFanOut({ type: 'book', input, slot, executions: { of: chapter, ...one } });
  await unstuck.work([page, chapter, book]);
  const { id } = await unstuck.enqueue(book, {});
  expect(await unstuck.wait(id, { timeout: '20s' })).toMatchObject({ state: 'completed' });
  expect(await unstuck.pools.get(slot)).toMatchObject({ reserved: 0, processed: 1 });
});

test('S4.4: a fan-out that is retried has the whole of its time once more', async () => {
  const { unstuck, moveClock } = await setup();
  let runs = 0;
  const cell = defineJob({
    type: 'cell',
    input,
    retry: { attempts: 1 },
    run: () => {
      runs += 1;
      if (runs === 1) throw new Error('once');
    },
  });
  const executions = { of: cell, ...one, finishWithin: '10m' };
  const matrix = defineFanOut({ type: 'matrix', input, retry: { attempts: 1 }, executions });
  await unstuck.work([cell, matrix]);
  const { id } = await unstuck.enqueue(matrix, {});
  expect(await unstuck.wait(id, { timeout: '20s' })).toMatchObject({ state: 'failed' });
  await moveClock('20 minutes');
  await unstuck.retry(id);
  expect(await unstuck.wait(id, { timeout: '20s' })).toMatchObject({ state: 'completed' });
});

test('S3.4: of a fan-out that is deleted while its executions run nothing is kept', async () => {
  const { unstuck, query } = await setup();
  const end = gate();
  const cell = defineJob({ type: 'cell', input, run: () => end.promise });
  const executions = { of: cell, plan: () => [1, 2, 3], input: () => 1 };
  const matrix = defineFanOut({ type: 'matrix', input, executions });
  await unstuck.work([cell, matrix]);
  const { id } = await unstuck.enqueue(matrix, {});
  const waits = async (): Promise<boolean> => (await unstuck.get(id))?.waitsFor === 'executions';
  await eventually(waits, 'it waits');
  await unstuck.bulk.delete({ ids: [id] });
  const left = async (): Promise<boolean> => (await query('select from unstuck.jobs')).length === 0;
  await eventually(left, 'its executions are cancelled');
  end.open();
  expect(await query('select from unstuck.executions')).toEqual([]);
  expect(await query('select from unstuck.fan_outs')).toEqual([]);
});

test.for([{ after: 1.5 }, { after: 'x' }, { state: 'gone' }, { limit: 0 }])(
  'a list of executions refuses %j',
  async (page) => {
    const { unstuck } = await setup({ sweep: false });
    const listed = unstuck.executions.list('01a2140e-f495-71d0-87fa-8c8ba0abb500', page as never);
    await expect(listed).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
  },
);
