// The laws of remote workers over HTTP: how each stands, paused, resumed, asked; what is said of jobs that wait for one; ticks.
import { expect, onTestFinished, test, vi } from 'vitest';
import { defineJob } from '../../src/domain/define-job.ts';
import { createHandler } from '../../src/http/index.ts';
import { Database } from '../../src/storage/database.ts';
import {
  accepts,
  type Begun,
  begin,
  HERE,
  json,
  remoteWorker,
  SECRET,
  targetAt,
} from '../engine/targets/support/remote-worker.ts';
import { anything, eventually, type Setup, setup } from '../support/unstuck.ts';
import { type Ask, asking, everyPage } from './support/asking.ts';

test('a target is listed and shown with what is known of it, without what may be secret', async () => {
  const worker = await remoteWorker();
  worker.answer(accepts);
  const all = await setup(HERE);
  const assemble = defineJob({
    type: 'assemble',
    input: anything,
    target: targetAt({ ...worker, url: `${worker.url}?key=hush#there` }),
  });
  await all.unstuck.work([assemble]);
  const ask = asking(all.unstuck);
  const { id } = await all.unstuck.enqueue(assemble, {});
  await accepted(all, id);
  const shown = {
    name: 'assembler',
    url: worker.url,
    types: ['assemble'],
    state: 'up',
    usable: true,
    parked: 0,
    sending: 0,
    accepted: 1,
    paused: null,
    down_since: null,
    next_probe_at: null,
    last_error: null,
  };
  const one = await ask('GET /v1/targets/assembler');
  expect(one).toMatchObject({ status: 200, body: shown });
  expect(await everyPage(ask, '/v1/targets', 1)).toEqual([expect.objectContaining(shown)]);
  expect(JSON.stringify(one.body)).not.toMatch(/hush|whsec_/);
  expect(await ask('GET /v1/targets/none')).toMatchObject({
    status: 404,
    body: { code: 'TARGET_UNKNOWN' },
  });
  expect(await ask('GET /v1/workers')).toMatchObject({
    body: { data: [expect.not.objectContaining({ name: 'target assembler' })] },
  });
  await all.unstuck.cancel(id);
  expect((await ask('GET /v1/targets/assembler')).body).toMatchObject({ accepted: 0 });
});

test('a paused target is sent nothing and asked nothing; its jobs wait, and go on when it is resumed', async () => {
  const all = await begin();
  const { unstuck, worker, enqueue, query } = all;
  const ask = asking(unstuck);
  const reason = 'it is being mended';
  const paused = await ask('POST /v1/targets/assembler/pause', { reason });
  expect(paused).toMatchObject({
    status: 200,
    body: {
      state: 'up',
      usable: false,
      words: expect.stringMatching(/^paused since .* by http: it is being mended$/),
      paused: { reason, by: 'http', until: null },
    },
  });
  const id = await enqueue();
  await parked(all, id);
  expect(worker.posts).toEqual([]);
  expect((await ask('GET /v1/targets/assembler')).body).toMatchObject({ parked: 1 });
  expect((await ask('GET /v1/status')).body).toMatchObject({
    targets: [{ name: 'assembler', state: 'paused', parked: 1 }],
  });
  const history = await unstuck.history(id);
  expect(history.at(-1)).toMatchObject({
    kind: 'parked',
    reason: expect.stringMatching(/paused|takes none now/),
  });
  expect((await ask('POST /v1/targets/assembler/resume', { reason: 'done' })).body).toMatchObject({
    usable: true,
    paused: null,
  });
  expect(await unstuck.wait(id)).toMatchObject({ state: 'completed', attempt: 1 });
  const kept = await query(
    `select kind, by, reason, detail from unstuck.events where kind like 'target-%' order by at`,
  );
  expect(kept).toEqual([
    { kind: 'target-paused', by: 'http', reason, detail: { target: 'assembler' } },
    { kind: 'target-resumed', by: 'http', reason: 'done', detail: { target: 'assembler' } },
  ]);
});

test('a pause ends by itself at its time, and one that would end in the past is refused', async () => {
  const all = await begin();
  const ask = asking(all.unstuck);
  const past = await ask('POST /v1/targets/assembler/pause', { until: '2020-01-01T00:00:00Z' });
  expect(past).toMatchObject({ status: 422, body: { code: 'TIME_INVALID' } });
  const until = new Date(Date.now() + 3_600_000).toISOString();
  expect((await ask('POST /v1/targets/assembler/pause', { until })).body).toMatchObject({
    usable: false,
    paused: { until },
  });
  const id = await all.enqueue();
  await parked(all, id);
  await all.moveClock('2 hours');
  expect((await ask('GET /v1/targets/assembler')).body).toMatchObject({
    usable: true,
    paused: null,
  });
  expect(await all.unstuck.wait(id)).toMatchObject({ state: 'completed' });
  const none = await ask('POST /v1/targets/none/pause', {});
  expect(none).toMatchObject({ status: 404, body: { code: 'TARGET_UNKNOWN' } });
});

test('a target that is down is asked at once when somebody says so, and its jobs go on', async () => {
  const all = await begin({ probe: { every: '1h' } });
  const { unstuck, worker, enqueue } = all;
  const ask = asking(unstuck);
  const id = await downWithOne(all, enqueue);
  const still = await ask('POST /v1/targets/assembler/probe');
  expect(still).toMatchObject({
    status: 200,
    body: {
      answered: false,
      error: { code: 'CONNECT_REFUSED' },
      target: { state: 'down', probes: 1, parked: 1 },
    },
  });
  await worker.up();
  expect((await ask('POST /v1/targets/assembler/probe')).body).toMatchObject({
    answered: true,
    error: null,
  });
  expect(await unstuck.wait(id)).toMatchObject({ state: 'completed', attempt: 1 });
});

test('a target that is up is asked without a change of its state', async () => {
  const { unstuck, worker } = await begin();
  const ask = asking(unstuck);
  expect((await ask('POST /v1/targets/assembler/probe')).body).toMatchObject({ answered: true });
  worker.answer(
    () => undefined,
    (_, response) => json(response, 500, {}),
  );
  expect((await ask('POST /v1/targets/assembler/probe')).body).toMatchObject({
    answered: false,
    error: { code: 'HTTP_500' },
    target: { state: 'up', failures: 0, last_error: null, probes: 0 },
  });
  expect(await ask('POST /v1/targets/none/probe')).toMatchObject({ status: 404 });
});

test('S2.4: whoever enqueues while the target is down is told in words that the job is queued and will be done', async () => {
  const all = await begin({ probe: { every: '1h' } });
  const ask = asking(all.unstuck);
  expect((await ask('POST /v1/jobs', { type: 'assemble', input: {} })).body).toMatchObject({
    created: true,
    notice: null,
  });
  await downWithOne(all, all.enqueue);
  await eventually(async () => {
    const { status, body } = await ask('POST /v1/jobs', { type: 'assemble', input: {} });
    expect(status).toBe(201);
    return body['notice'] !== null && body;
  }, 'what was remembered is forgotten');
  const { body } = await ask('POST /v1/jobs', { type: 'assemble', input: {} });
  const target = await all.unstuck.targets.get('assembler');
  const at = target.downSince?.toISOString() ?? '';
  expect(body['notice']).toEqual({
    code: 'TARGET_DOWN',
    message: `Queued. The worker "assembler" is away since ${at.slice(11, 16)} UTC; the job is sent to it when it is back, and nothing is lost.`,
    target: 'assembler',
    since: at,
  });
  const batch = await ask('POST /v1/jobs/batch', {
    jobs: [
      { type: 'assemble', input: {} },
      { type: 'assemble', input: {}, hold: true },
      { type: 'assemble', input: {}, delay: '1h' },
      { type: 'other', input: {} },
      { type: '', input: {} },
    ],
  });
  expect(batch.body.data.map(({ notice }) => notice)).toEqual([
    body['notice'],
    null,
    null,
    null,
    null,
  ]);
});

test('S2.4: a notice costs nothing where there are no targets, and one statement a second where there are', async () => {
  const all = await begin();
  const ask = asking(all.unstuck);
  await ask('POST /v1/jobs', { type: 'plain', input: {} });
  const run = vi.spyOn(Database.prototype, 'run');
  onTestFinished(() => run.mockRestore());
  const { targets } = all.unstuck;
  await Promise.all(
    Array.from({ length: 50 }, () => [
      targets.noticeFor('assemble'),
      targets.noticeFor('plain'),
    ]).flat(),
  );
  const asked = run.mock.calls.map(([statement]) => statement.name);
  expect(asked.filter((name) => name === 'read-standings')).toHaveLength(1);
  expect(asked).not.toContain('find-types');
});

test('S2.1: of a job that waits for its target is told to which, since when, where that is and how often it was tried', async () => {
  const all = await begin({ probe: { every: '1h' } });
  const ask = asking(all.unstuck);
  const id = await downWithOne(all, all.enqueue);
  await ask('POST /v1/targets/assembler/probe');
  const [event] = await all.query<{ at: Date }>(
    `select max(at) as at from unstuck.events where job_id = $1 and kind = 'parked'`,
    [id],
  );
  const { body } = await ask(`GET /v1/jobs/${id}`);
  expect(body['sending']).toMatchObject({
    target: 'assembler',
    url: all.worker.url,
    words: expect.stringMatching(/^down since .*, asked once, next at /),
    parked_at: event?.at.toISOString(),
    probes: 1,
    last_probe_at: expect.any(String),
    next_probe_at: expect.any(String),
    last_error: { code: 'CONNECT_REFUSED' },
  });
  const why = await ask(`GET /v1/jobs/${id}/explain`);
  expect(JSON.stringify(why.body)).toContain(
    `target \\"assembler\\" (${all.worker.url}) is down since`,
  );
  expect(JSON.stringify(why.body)).toContain(
    `the job waits for it since ${event?.at.toISOString()}`,
  );
  const plain = await all.unstuck.enqueue('plain', {});
  expect((await ask(`GET /v1/jobs/${plain.id}`)).body).toMatchObject({ sending: null });
});

test('S2.6: two ticks at once while a target is down ask it once, and what waits for it is sent once', async () => {
  const worker = await remoteWorker();
  const all = await setup({ ...HERE, sweep: false });
  const assemble = defineJob({
    type: 'assemble',
    input: anything,
    target: targetAt(worker, { secret: SECRET, failuresMax: 1 }),
  });
  await worker.down();
  const others = [await all.connect(), await all.connect()];
  for (const one of [all.unstuck, ...others]) await one.work([assemble]);
  const ids = (await all.unstuck.enqueueMany(assemble, [{ input: 1 }, { input: 2 }])).map(
    ({ id }) => id,
  );
  for (const id of ids) await parked(all, id, () => all.unstuck.tick());
  await worker.up();
  const asks = others.map((one) => asking(one));
  const tick = (): Promise<Answers> => Promise.all(asks.map((ask) => ask('POST /v1/ticks/minute')));
  expect(totals(await tick(), 'targets_probed')).toBe(0);
  await all.query(`update unstuck.targets set next_probe_at = now()`);
  // Both find it due at the same moment: whoever comes second leaves it to the first, and does not wait for it.
  const first = await all.session();
  await first.query('begin; select from unstuck.targets for update');
  expect(totals(await tick(), 'targets_probed')).toBe(0);
  await first.query('commit');
  expect(totals(await tick(), 'targets_probed')).toBe(1);
  expect(worker.gets).toHaveLength(1);
  let unparked = 0;
  await eventually(async () => {
    await all.query(`update unstuck.targets set ramp_at = now() where state = 'up'`);
    unparked += totals(await tick(), 'unparked');
    return (await all.unstuck.count({ state: ['completed'] })).count === ids.length;
  }, 'all go on');
  // On a slow machine a tick may be answered before its round has counted.
  expect([1, 2]).toContain(unparked);
  for (const id of ids) expect(await all.unstuck.wait(id)).toMatchObject({ state: 'completed' });
  const sent = worker.posts.map((post) => post.sent.id);
  expect(sent.toSorted()).toEqual(ids.toSorted());
});

test('metrics tell which targets are up, and how many jobs wait for each', async () => {
  const all = await begin({ probe: { every: '1h' } });
  await downWithOne(all, all.enqueue);
  const answer = await createHandler(all.unstuck)(new Request('http://localhost/metrics'));
  const text = await answer.text();
  expect(text).toContain('unstuck_target_up{target="assembler"} 0');
  expect(text).toContain('unstuck_target_parked_jobs{target="assembler"} 1');
  expect(text).not.toContain('target assembler');
});

type Answers = Awaited<ReturnType<Ask>>[];

function totals(answers: Answers, name: string): number {
  return answers.reduce((sum, { body }) => sum + Number(body[name]), 0);
}

/** Stops the remote worker, and lets a job find out; answers its id. */
async function downWithOne(all: Begun, enqueue: Begun['enqueue']): Promise<string> {
  await all.worker.down();
  const id = await enqueue();
  await eventually(
    async () => (await all.unstuck.targets.get('assembler')).state === 'down',
    'it is down',
  );
  await parked(all, id);
  return id;
}

async function parked(
  { unstuck }: Setup,
  id: string,
  meanwhile: () => Promise<unknown> = () => Promise.resolve(),
): Promise<void> {
  await eventually(async () => {
    await meanwhile();
    return (await unstuck.get(id))?.waitsFor === 'target';
  }, 'it is parked');
}

async function accepted({ query }: Setup, id: string): Promise<void> {
  await eventually(async () => {
    const rows = await query(
      `select from unstuck.dispatches where job_id = $1 and state = 'accepted'`,
      [id],
    );
    return rows.length === 1;
  }, 'it is accepted');
}
