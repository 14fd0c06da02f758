// The laws of executions over HTTP: a plan, its cells and its matrix. Pending, missing, running and failed are four different things (S4.5).
import { expect, test } from 'vitest';
import { defineFanOut } from '../../src/domain/define-fan-out.ts';
import { Fail } from '../../src/domain/outcome.ts';
import { anything, eventually, gate, job, setup } from '../support/unstuck.ts';
import { type Ask, asking, everyPage } from './support/asking.ts';

const NOBODY = '01a20077-9475-7261-9e06-aa4ced104c00';
const REGIONS = ['eu', 'us'];
const MODELS = [{ modelName: 'a' }, { modelName: 'b' }];
/** The last axis turns fastest. */
const AXES = { someRegion: REGIONS, model: MODELS, n: [1, 2] };
const NONE = {
  missing: 0,
  pending: 0,
  queued: 0,
  running: 0,
  completed: 0,
  failed: 0,
  cancelled: 0,
};
const STATES = [
  'completed',
  'failed',
  'running',
  'pending',
  'pending',
  'pending',
  'cancelled',
  'missing',
];

/** A parent with a cell of each kind, by ordinal as in `STATES`. */
async function planned(): Promise<{ readonly id: string; readonly ask: Ask }> {
  const { unstuck, query } = await setup({ sweep: false });
  const held = gate<string>();
  const cell = job('cell', ({ input }) => {
    if (input === 'eu a 1') return 'done';
    if (input === 'eu a 2') throw new Fail('no');
    return held.promise;
  });
  const parent = defineFanOut({
    type: 'all',
    input: anything,
    executions: {
      of: cell,
      plan: () => AXES,
      input: (at: { someRegion: string; model: { modelName: string }; n: number }) =>
        `${at.someRegion} ${at.model.modelName} ${at.n}`,
    },
  });
  const { id } = await unstuck.enqueue(parent, 1);
  await unstuck.work([parent]);
  const counts = async (): Promise<Readonly<Record<string, number>> | undefined> =>
    (await unstuck.executions.get(id))?.counts;
  await eventually(async () => (await counts())?.['queued'] === 8, 'all are made');
  const cells = await unstuck.executions.list(id);
  await unstuck.cancel(cells[6]?.jobId ?? '');
  await query('delete from unstuck.jobs where parent_id = $1 and ordinal = 7', [id]);
  await query(
    `update unstuck.jobs set waits_for = 'hold', wake_at = now() + interval '1 day', claim_by = null where parent_id = $1 and ordinal between 3 and 5`,
    [id],
  );
  await unstuck.work([cell]);
  await eventually(async () => {
    const { completed, failed, running } = (await counts()) ?? {};
    return completed === 1 && failed === 1 && running === 1;
  }, 'one of each kind');
  return { id, ask: asking(unstuck) };
}

test('a fan-out is shown, cell by cell, and by its axes; names of users are left alone', async () => {
  const { id, ask } = await planned();
  const counts = {
    ...NONE,
    completed: 1,
    failed: 1,
    running: 1,
    pending: 3,
    cancelled: 1,
    missing: 1,
  };
  expect(await ask(`GET /v1/executions/${id}`)).toMatchObject({
    status: 200,
    body: { parent_id: id, expected: 8, success: 1, axes: AXES, counts },
  });

  const cells = await everyPage(ask, `/v1/executions/${id}/cells`, 3);
  expect(cells.map(({ ordinal, state }) => [ordinal, state])).toEqual(
    STATES.map((state, ordinal) => [ordinal, state]),
  );
  expect(cells[1]).toMatchObject({
    cell: { someRegion: 'eu', model: { modelName: 'a' }, n: 2 },
    error: { code: 'HANDLER_FAILED', message: 'no' },
  });
  expect(cells[7]).toMatchObject({ job_id: null, waits_for: null });
  for (const state of new Set(STATES)) {
    const { body } = await ask(`GET /v1/executions/${id}/cells?state=${state}`);
    const ordinals = body.data.map(({ ordinal }) => ordinal);
    expect(ordinals).toEqual(STATES.flatMap((one, ordinal) => (one === state ? [ordinal] : [])));
  }
  expect((await ask(`GET /v1/executions/${id}/cells?state=queued`)).body.data).toEqual([]);

  expect((await ask(`GET /v1/executions/${id}/matrix?rows=someRegion&cols=model`)).body).toEqual({
    parent_id: id,
    rows: { axis: 'someRegion', values: REGIONS },
    cols: { axis: 'model', values: MODELS },
    cells: [
      { row: 0, col: 0, counts: { ...NONE, completed: 1, failed: 1 } },
      { row: 0, col: 1, counts: { ...NONE, running: 1, pending: 1 } },
      { row: 1, col: 0, counts: { ...NONE, pending: 2 } },
      { row: 1, col: 1, counts: { ...NONE, cancelled: 1, missing: 1 } },
    ],
  });
  expect((await ask(`GET /v1/executions/${id}/matrix?rows=n`)).body).toEqual({
    parent_id: id,
    rows: { axis: 'n', values: [1, 2] },
    cols: null,
    cells: [
      { row: 0, col: 0, counts: { ...NONE, completed: 1, running: 1, pending: 1, cancelled: 1 } },
      { row: 1, col: 0, counts: { ...NONE, failed: 1, pending: 2, missing: 1 } },
    ],
  });
  for (const query of ['', 'rows=region', 'rows=n&cols=n', 'rows=n&cols=x', 'rows=__proto__'])
    expect(await ask(`GET /v1/executions/${id}/matrix?${query}`), query).toMatchObject({
      status: 422,
      body: { code: 'REQUEST_INVALID' },
    });
});

test('a matrix has at most 10,000 cells', async () => {
  const { unstuck, query } = await setup({ sweep: false });
  const { id } = await unstuck.enqueue('parent', 1);
  const axis = JSON.stringify(Array.from({ length: 101 }, (_, n) => n));
  await query(
    `insert into unstuck.fan_outs (parent_id, child_type, axes, expected, success, created_at) values ($1, 'c', $2, 10201, 1, now())`,
    [id, `{"a":${axis},"b":${axis}}`],
  );
  const ask = asking(unstuck);
  expect(await ask(`GET /v1/executions/${id}/matrix?rows=a&cols=b`)).toMatchObject({ status: 422 });
  const { body } = await ask(`GET /v1/executions/${id}/matrix?rows=b`);
  expect(body.cells).toHaveLength(101);
  expect(body.cells[100]).toEqual({
    row: 100,
    col: 0,
    counts: { ...NONE, missing: 101 },
  });
});

test('a job that plans nothing, and one that does not exist, have no executions', async () => {
  const { unstuck } = await setup({ sweep: false });
  const ask = asking(unstuck);
  const { id } = await unstuck.enqueue('plain', 1);
  for (const one of [id, NOBODY])
    for (const path of ['', '/cells', '/matrix?rows=a'])
      expect(await ask(`GET /v1/executions/${one}${path}`)).toMatchObject({
        status: 404,
        body: { code: 'JOB_NOT_FOUND' },
      });
  for (const path of ['', '/cells', '/matrix?rows=a'])
    expect(await ask(`GET /v1/executions/7${path}`)).toMatchObject({
      status: 422,
      body: { code: 'JOB_ID_INVALID' },
    });
});
