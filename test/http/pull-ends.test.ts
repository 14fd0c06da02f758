// The laws of what workers in other languages say of their attempts: each end by its token and once, and as every worker's.
import { expect, test } from 'vitest';
import { defineFanOut } from '../../src/domain/define-fan-out.ts';
import { createHandler } from '../../src/http/index.ts';
import { outcomes, type Pulled, Remote } from '../support/remote.ts';
import { anything, eventually, job, setup } from '../support/unstuck.ts';

test('each end may be repeated when its answer was lost', async () => {
  const set = await setup();
  const { unstuck } = set;
  const worker = new Remote(unstuck);
  const ends: readonly [string, object, string][] = [
    ['complete', { result: 7 }, 'completed'],
    ['fail', { error: { message: 'no' } }, 'pending'],
    ['fail', { error: { message: 'never' }, retry: false }, 'failed'],
    ['release', {}, 'queued'],
  ];
  for (const [what, body, state] of ends) {
    const { id } = await unstuck.enqueue(what, 1);
    const pulled = await worker.take(what);
    for (let round = 0; round < 3; round += 1)
      expect(await worker.say(what, pulled, body)).toMatchObject({
        status: 200,
        body: { id, state },
      });
    if (state === 'queued') await worker.take(what);
    expect(await outcomes(set, id)).not.toContain('stale');
  }
});

test('another end than the one that was accepted is refused', async () => {
  const { unstuck } = await setup();
  const worker = new Remote(unstuck);
  const { id } = await unstuck.enqueue('t', 1);
  const pulled = await worker.take('t');
  await worker.say('complete', pulled, { result: 1 });
  const error = { message: 'after all not' };
  for (const [what, body] of [
    ['fail', { error }],
    ['release', {}],
  ] as const)
    expect(await worker.say(what, pulled, body)).toMatchObject({
      status: 409,
      body: { code: 'STALE_ATTEMPT' },
    });
  expect(await worker.say('heartbeat', pulled)).toMatchObject({
    body: { continue: false, reason: 'ended' },
  });
  expect(await unstuck.get(id)).toMatchObject({ state: 'completed', result: 1 });
});

test('a failure is tried again as its type says, and the last attempt fails it', async () => {
  const { unstuck } = await setup();
  const twice = job('twice', () => 1, { retry: { attempts: 2, base: '1h', max: '2h' } });
  const worker = new Remote(unstuck);
  const { id } = await unstuck.enqueue(twice, 1);
  const error = { message: 'no model', code: 'NO_MODEL', name: 'ValueError', stack: 'Traceback …' };
  expect(
    await worker.say('fail', await worker.take('twice'), { error, retry_after: 0 }),
  ).toMatchObject({ body: { state: 'pending' } });
  const last = await worker.take('twice');
  expect(last.attempt).toBe(2);
  expect(await worker.say('fail', last, { error })).toMatchObject({ body: { state: 'failed' } });
  expect(await unstuck.get(id)).toMatchObject({ state: 'failed', attempt: 2, error });
});

test('the delay is that of the definition where the handler knows it, else that stored of the type', async () => {
  const { unstuck, query } = await setup();
  const fixed = job('fixed', () => 1, { retry: { backoff: 'fixed', base: '10m' } });
  await unstuck.enqueueMany(fixed, [{ input: 1 }, { input: 2 }]);
  const error = { message: 'x' };
  const delay = async (worker: Remote): Promise<number> => {
    const pulled = await worker.take('fixed');
    await worker.say('fail', pulled, { error });
    const [row] = await query<{ s: number }>(
      'select extract(epoch from wake_at - updated_at)::float8 as s from unstuck.jobs where id = $1',
      [pulled.id],
    );
    return row?.s ?? -1;
  };
  expect(await delay(new Remote(createHandler(unstuck, { jobs: [fixed] })))).toBe(600);
  expect(await delay(new Remote(unstuck))).toBeLessThanOrEqual(600);
});

test('a result that cannot be stored fails the job, as it does in every worker', async () => {
  const { unstuck } = await setup({ resultBytesMax: 2_000 });
  const worker = new Remote(unstuck);
  for (const result of ['x'.repeat(3_000), 'a\0b']) {
    const { id } = await unstuck.enqueue('t', 1);
    const sent = await worker.say('complete', await worker.take('t'), { result });
    expect(sent).toMatchObject({ status: 200, body: { state: 'failed' } });
    expect(await unstuck.get(id)).toMatchObject({ error: { code: 'RESULT_UNSTORABLE' } });
  }
});

test('whoever waits for a slot or a place at a limit is let on when the job before is completed', async () => {
  const { unstuck } = await setup();
  await unstuck.pools.set('p', { capacity: 1 });
  await unstuck.limits.set('one', { running: 1 });
  const worker = new Remote(unstuck);
  for (const options of [{ slot: 'p', whenFull: 'wait' }, { limit: 'one' }] as const) {
    const type = Object.keys(options).join('.');
    for (const input of [1, 2, 3]) await unstuck.enqueue(type, input, options);
    for (const input of [1, 2, 3]) {
      const pulled = await worker.take(type);
      expect(pulled.input).toBe(input);
      await worker.say('complete', pulled);
    }
  }
  expect(await unstuck.pools.get('p')).toMatchObject({ reserved: 0, processed: 3 });
});

test('the executions of a fan-out may be completed by workers elsewhere, and its parent goes on', async () => {
  const { unstuck } = await setup();
  const part = job('part', () => 0);
  const whole = defineFanOut({
    type: 'whole',
    input: anything,
    executions: { of: part, plan: () => [1, 2], input: (cell: number) => cell },
  });
  await unstuck.work([whole]);
  const { id } = await unstuck.enqueue(whole, {});
  const worker = new Remote(unstuck);
  for (let round = 0; round < 2; round += 1)
    await worker.say('complete', await worker.take('part'), { result: round });
  expect(await unstuck.wait(id)).toMatchObject({ state: 'completed' });
});

test('nobody ends the attempt of a worker that does not pull, or claims under its name', async () => {
  const { unstuck } = await setup();
  let release: (value: number) => void = () => undefined;
  const own = await unstuck.work([
    job('own', () => new Promise<number>((resolve) => void (release = resolve))),
  ]);
  const { id } = await unstuck.enqueue('own', 1);
  await eventually(async () => (await unstuck.get(id))?.state === 'running', 'it runs');
  const worker = new Remote(unstuck);
  const pulled = { id, token: '1' } as Pulled;
  expect(await worker.say('complete', pulled)).toMatchObject({ status: 409 });
  expect(await worker.say('heartbeat', pulled)).toMatchObject({ body: { continue: false } });
  expect(await worker.post(`workers/${own.id}/claim`, { types: ['own'] })).toMatchObject({
    status: 422,
    body: { code: 'REQUEST_INVALID' },
  });
  expect(await worker.post(`workers/${own.id}/stop`, {})).toMatchObject({ body: { released: 0 } });
  release(2);
  expect(await unstuck.wait(id)).toMatchObject({ state: 'completed', result: 2 });
  expect(await unstuck.history(id)).toEqual([]);
});

test('a token that was never given changes nothing, and fills no history', async () => {
  const { unstuck } = await setup();
  const { id } = await unstuck.enqueue('t', 1);
  for (const token of ['0', '1', '77'])
    expect(await new Remote(unstuck).say('complete', { id, token } as Pulled)).toMatchObject({
      status: 409,
    });
  expect(await unstuck.history(id)).toEqual([]);
});

test('what pull workers do with jobs is counted by the process to which they say it', async () => {
  const { unstuck } = await setup();
  const worker = new Remote(unstuck);
  for (const [type, what, more] of [
    ['good', 'complete', {}],
    ['bad', 'fail', { error: { message: 'no' }, retry: false }],
    ['bad', 'fail', { error: { message: 'later' }, retry_after: '1h' }],
    ['good', 'release', {}],
  ] as const) {
    await unstuck.enqueue(type, 1);
    await worker.say(what, await worker.take(type), more);
  }
  const { types } = unstuck.watch.meter;
  expect(Object.fromEntries(types.get('good')?.attempts ?? [])).toEqual({
    completed: 1,
    released: 1,
  });
  expect(Object.fromEntries(types.get('good')?.finished ?? [])).toEqual({ completed: 1 });
  expect(Object.fromEntries(types.get('bad')?.attempts ?? [])).toEqual({ failed: 2 });
  expect(Object.fromEntries(types.get('bad')?.finished ?? [])).toEqual({ failed: 1 });
  expect(types.get('good')?.wait.counts.reduce((sum, count) => sum + count)).toBe(2);
});
