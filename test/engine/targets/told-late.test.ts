// What a target tells of a job later: in its time, before its own answer, twice, too late, or of an attempt that is over.
import { expect, test } from 'vitest';
import { eventually, gate } from '../../support/unstuck.ts';
import {
  accepts,
  allOutcomes,
  begin,
  completes,
  json,
  parked,
  standing,
} from './support/remote-worker.ts';
import { makeTarget, silentJobs } from './support/rows.ts';

const LONG = { silence: '1h' } as const;

test('N3: a job that was accepted ends as it is told, once; the same told again is answered alike, and anything else refused', async () => {
  const all = await begin(LONG);
  all.worker.answer(accepts);
  const id = await all.enqueue();
  await eventually(() => all.worker.posts.length === 1, 'it is sent');
  const fence = { id, token: '1' };
  expect(await all.unstuck.pull.heartbeat(fence)).toMatchObject({ continue: true });
  expect(await all.unstuck.pull.complete(fence, 'first')).toBe('completed');
  expect(await all.unstuck.pull.complete(fence, 'second')).toBe('completed');
  await expect(all.unstuck.pull.fail(fence, { error: { message: 'third' } })).rejects.toMatchObject(
    { code: 'STALE_ATTEMPT' },
  );
  expect(await all.unstuck.get(id)).toMatchObject({ state: 'completed', result: 'first' });
});

test('a job of which its target tells before it answers that it accepts it ends once, as it was told', async () => {
  const all = await begin(LONG);
  all.worker.answer(async (got, response) => {
    await all.unstuck.pull.complete(got.sent, 'told');
    return accepts(got, response);
  });
  const job = await all.unstuck.wait(await all.enqueue());
  expect(job).toMatchObject({ state: 'completed', result: 'told', attempt: 1 });
  expect(await allOutcomes(all)).toEqual([]);
});

test('a job of which its target tells before its answer breaks off ends once, as it was told, and waits for nobody', async () => {
  const all = await begin({ ...LONG, failuresMax: 1 });
  all.worker.answer(async ({ sent }, response) => {
    await all.unstuck.pull.complete(sent, 'told');
    response.socket?.resetAndDestroy();
  });
  const id = await all.enqueue();
  await all.unstuck.wait(id);
  await all.logged('target_down');
  expect(await all.unstuck.get(id)).toMatchObject({ state: 'completed', result: 'told' });
  expect((await all.unstuck.history(id)).map(({ kind }) => kind)).toEqual([]);
});

test('N5: what a target tells after its time was over is refused and recorded, and the attempt that came after it ends the job', async () => {
  const all = await begin({ timeout: '300ms', ...LONG });
  all.worker.answer(() => undefined);
  const id = await all.enqueue();
  await parked(all, 1);
  all.worker.answer(accepts);
  await expect(all.unstuck.pull.complete({ id, token: '1' }, 'late')).rejects.toMatchObject({
    code: 'STALE_ATTEMPT',
  });
  await expect(all.unstuck.pull.complete({ id, token: '1' }, 'late')).rejects.toMatchObject({
    code: 'STALE_ATTEMPT',
  });
  expect(await allOutcomes(all)).toEqual(['stale']);
  await eventually(() => all.worker.posts.length === 2, 'it is sent again');
  await expect(all.unstuck.pull.complete({ id, token: '1' }, 'old')).rejects.toMatchObject({
    code: 'STALE_ATTEMPT',
  });
  await all.unstuck.pull.complete({ id, token: '2' }, 'new');
  expect(await all.unstuck.get(id)).toMatchObject({ state: 'completed', result: 'new' });
  const kinds = (await all.unstuck.history(id)).map(({ kind }) => kind);
  expect(kinds.filter((kind) => kind === 'late-result')).toHaveLength(1);
});

test('F3: a job that is cancelled while its target works on it tells the target to stop, and what comes of it is refused', async () => {
  const all = await begin(LONG);
  all.worker.answer(accepts);
  const id = await all.enqueue();
  await eventually(() => all.worker.posts.length === 1, 'it is sent');
  await all.unstuck.cancel(id, { by: 'test' });
  const fence = { id, token: '1' };
  expect(await all.unstuck.pull.heartbeat(fence)).toMatchObject({
    continue: false,
    reason: 'cancelled',
  });
  await expect(all.unstuck.pull.complete(fence, 1)).rejects.toMatchObject({
    code: 'STALE_ATTEMPT',
  });
  expect(await all.unstuck.get(id)).toMatchObject({ state: 'cancelled' });
});

test('F3: a job that is cancelled while it is being sent stays cancelled, whatever the answer is', async () => {
  const all = await begin();
  all.worker.answer(async (got, response) => {
    await all.unstuck.cancel(got.sent.id, { by: 'test' });
    return completes(got, response);
  });
  const id = await all.enqueue();
  await all.logged('late_result_refused');
  expect(await all.unstuck.get(id)).toMatchObject({ state: 'cancelled' });
});

test('D9: of two attempts that are told of at once only the present one ends the job', async () => {
  const all = await begin({ timeout: '300ms', ...LONG });
  const opened = gate();
  all.worker.answer(() => undefined);
  const id = await all.enqueue();
  await parked(all, 1);
  all.worker.answer((got, response) => {
    opened.open();
    return accepts(got, response);
  });
  await opened.promise;
  const told = await Promise.allSettled(
    ['1', '2', '1', '2'].map((token) => all.unstuck.pull.complete({ id, token }, token)),
  );
  expect(told.map(({ status }) => status)).toEqual([
    'rejected',
    'fulfilled',
    'rejected',
    'fulfilled',
  ]);
  expect(await all.unstuck.get(id)).toMatchObject({ state: 'completed', result: '2' });
});

test('what is told of many jobs closes what was sent of them, however many lie before one that is silent', async () => {
  const all = await begin({ silence: '1m' });
  all.worker.answer(accepts);
  const ids = (
    await all.unstuck.enqueueMany(
      all.assemble,
      Array.from({ length: 120 }, (_, input) => ({ input })),
    )
  ).map(({ id }) => id);
  const accepted = async (): Promise<number> =>
    (await all.query(`select from unstuck.dispatches where state = 'accepted'`)).length;
  await eventually(async () => (await accepted()) === 120, 'all are accepted');
  const silent = ids.pop();
  for (const id of ids) await all.unstuck.pull.complete({ id, token: '1' }, 1);
  await all.query(
    `update unstuck.dispatches set look_at = look_at - interval '1 hour' where job_id <> $1`,
    [silent],
  );
  await eventually(async () => (await accepted()) === 1, 'all but one are closed');
  expect(await all.query('select id::text from unstuck.claims where id = any($1)', [ids])).toEqual(
    [],
  );
  expect(await all.query('select from unstuck.claims where id = $1', [silent])).toHaveLength(1);
  expect(await standing(all)).toMatchObject({ state: 'up', failures: 0 });
});

test('dispatches of a target that nobody here knows are in nobody’s way', async () => {
  const all = await begin({ silence: '1s' }, {}, {}, '/{id}/{token}');
  all.worker.answer(accepts, ({ path }, response) => {
    const [, , id, token] = path.split('/');
    json(response, 200, { id, token, status: 'completed' });
  });
  await makeTarget(all.query, 'gone', 'elsewhere');
  await silentJobs(all.query, 'gone', 'elsewhere', 80);
  expect(await all.unstuck.wait(await all.enqueue())).toMatchObject({ state: 'completed' });
});

test('N8: a target that is asked about a job and is busy is asked again when it said, and the job stays with it', async () => {
  const all = await begin({ silence: '1s' }, {}, {}, '/{id}/{token}');
  all.worker.answer(
    accepts,
    (_, response) => void response.writeHead(429, { 'retry-after': '600' }).end(),
  );
  const id = await all.enqueue();
  const looks = (): Promise<{ in_s: number }[]> =>
    all.query(
      `select extract(epoch from look_at - unstuck.clock())::float8 as in_s from unstuck.dispatches where look_at > unstuck.clock() + interval '5 minutes'`,
    );
  const [look] = await eventually(async () => {
    const rows = await looks();
    return rows.length > 0 && rows;
  }, 'it is looked after later');
  expect(look?.in_s).toBeGreaterThan(580);
  expect(await all.unstuck.get(id)).toMatchObject({ state: 'running', attempt: 1 });
  expect(await all.unstuck.targets.get('assembler')).toMatchObject({
    state: 'up',
    holdUntil: expect.any(Date),
  });
});
