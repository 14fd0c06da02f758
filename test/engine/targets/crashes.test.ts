// A process of ours dies while it sends a job: whatever it was at, the job ends once, and is sent again only under the same key.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { defineJob } from '../../../src/domain/define-job.ts';
import type { TargetOptions } from '../../../src/domain/define-target.ts';
import type { Unstuck } from '../../../src/unstuck.ts';
import { anything, eventually, gate, type Setup, setup } from '../../support/unstuck.ts';
import {
  accepts,
  begin,
  completes,
  HERE,
  json,
  parked,
  type RemoteWorker,
  remoteWorker,
  SECRET,
  standing,
  stands,
  targetAt,
} from './support/remote-worker.ts';

const AFTER_ITS_TIME = '2 minutes';

/** Starts a process that sends to a remote worker; killed after the test. */
async function sender(
  { url }: Setup,
  target: string,
  more: Partial<TargetOptions> = {},
): Promise<ChildProcess> {
  const file = fileURLToPath(new URL('support/sender-process.ts', import.meta.url));
  const options = JSON.stringify({ name: 'assembler', url: target, secret: SECRET, ...more });
  const child = spawn(process.execPath, ['--conditions=unstuck-source', file, url, options], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}

/** A job ends once, in its first attempt, which was sent twice under one key. */
async function expectSentTwice(other: Unstuck, worker: RemoteWorker, id: string): Promise<void> {
  expect(await other.wait(id)).toMatchObject({
    state: 'completed',
    attempt: 1,
    token: '1',
    crashes: 0,
  });
  expect(keysOf(worker)).toEqual([`${id}.1`, `${id}.1`]);
}

/** Starts to work on the same type in this process. */
async function takeOver(
  all: Setup,
  worker: RemoteWorker,
  options: Partial<TargetOptions> = {},
): Promise<Unstuck> {
  const other = await all.connect(HERE);
  await other.work([
    defineJob({ type: 'assemble', input: anything, target: targetAt(worker, options) }),
  ]);
  return other;
}

const keysOf = ({ posts }: RemoteWorker): string[] =>
  posts.map(({ headers }) => String(headers['idempotency-key']));

test('killed after a job was handed over and before it was sent: it is sent, under the same key', async () => {
  const all = await setup(HERE);
  const worker = await remoteWorker();
  // Connections are made there, and nothing that is sent is read by anybody.
  const silent = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
  onTestFinished(() => void silent.close());
  await once(silent, 'listening');
  const { port } = silent.address() as AddressInfo;
  const child = await sender(all, `http://127.0.0.1:${port}/`);
  const { id } = await all.unstuck.enqueue('assemble', 1);
  await eventually(
    async () => (await all.query('select from unstuck.dispatches')).length === 1,
    'it is handed over',
  );
  await kill(child);
  const other = await takeOver(all, worker);
  await all.moveClock(AFTER_ITS_TIME);
  expect(await other.wait(id)).toMatchObject({
    state: 'completed',
    attempt: 1,
    token: '1',
    crashes: 0,
  });
  expect(keysOf(worker)).toEqual([`${id}.1`]);
}, 60_000);

test('killed while it waited for the answer: the job is sent again under the same key', async () => {
  const all = await setup(HERE);
  const worker = await remoteWorker();
  worker.answer(() => worker.answer(completes));
  const child = await sender(all, worker.url);
  const { id } = await all.unstuck.enqueue('assemble', 1);
  await eventually(() => worker.posts.length === 1, 'it is sent');
  await kill(child);
  const other = await takeOver(all, worker);
  await all.moveClock(AFTER_ITS_TIME);
  await expectSentTwice(other, worker, id);
}, 60_000);

test('sent again after the secret was changed, a job can be called back about with what the target was sent last', async () => {
  const worker = await remoteWorker();
  const all = await setup(HERE);
  const child = await sender(all, worker.url, { timeout: '10m' });
  worker.answer(() => undefined);
  const { id } = await all.unstuck.enqueue('assemble', {});
  await eventually(() => worker.posts.length === 1, 'it is sent');
  await kill(child);
  const other = await all.connect({ ...HERE, publicUrl: 'https://api.example.com' });
  const secret = `whsec_${Buffer.alloc(24, 9).toString('base64')}`;
  const target = targetAt(worker, { secret });
  await other.work([defineJob({ type: 'assemble', input: anything, target })]);
  worker.answer(accepts);
  await all.moveClock('11 minutes');
  await eventually(() => worker.posts.length === 2, 'it is sent again');
  const bearer = worker.posts[1]?.sent.callback?.authorization.replace('Bearer ', '') ?? '';
  expect(await other.targets.verifyCallback(id, bearer)).toMatchObject({ token: '1' });
});

test('killed while it waited for the answer of a target that can be asked: it is asked, and not sent the job again', async () => {
  const all = await setup(HERE);
  const worker = await remoteWorker();
  worker.answer(
    () => undefined,
    ({ path }, response) => {
      const [, , id, token] = path.split('/');
      json(response, 200, { id, token, status: 'completed', result: 'asked' });
    },
  );
  const status = `${worker.url}/{id}/{token}`;
  const child = await sender(all, worker.url, { status });
  const { id } = await all.unstuck.enqueue('assemble', 1);
  await eventually(() => worker.posts.length === 1, 'it is sent');
  await kill(child);
  const other = await takeOver(all, worker, { status });
  await all.moveClock(AFTER_ITS_TIME);
  expect(await other.wait(id)).toMatchObject({ state: 'completed', result: 'asked', attempt: 1 });
  expect(keysOf(worker)).toEqual([`${id}.1`]);
}, 60_000);

test('killed between the answer and writing it: the job ends once, by the answer to the same key', async () => {
  const all = await setup(HERE);
  const worker = await remoteWorker();
  const session = await all.session();
  const locked = gate();
  worker.answer(async (got, response) => {
    worker.answer(completes);
    await session.query('begin');
    await session.query('select from unstuck.jobs for update');
    await completes(got, response);
    locked.open();
  });
  const child = await sender(all, worker.url);
  const { id } = await all.unstuck.enqueue('assemble', 1);
  await locked.promise;
  const [waiting] = await eventually(async () => {
    const rows = await all.query<{ pid: number }>(
      `select pid from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`,
    );
    return rows.length > 0 ? rows : undefined;
  }, 'the end is being written');
  await kill(child);
  await all.query('select pg_terminate_backend($1, 5000)', [waiting?.pid]);
  await session.query('rollback');
  expect(await all.unstuck.get(id)).toMatchObject({ state: 'running' });
  const other = await takeOver(all, worker);
  await all.moveClock(AFTER_ITS_TIME);
  await expectSentTwice(other, worker, id);
}, 60_000);

test('S1.2: killed in the middle of an outage: the state of the target, its schedule and the jobs that wait survive', async () => {
  const all = await setup(HERE);
  const worker = await remoteWorker();
  await worker.down();
  const child = await sender(all, worker.url);
  const jobs = await all.unstuck.enqueueMany(
    'assemble',
    [1, 2, 3, 4].map((input) => ({ input })),
  );
  await stands(all, 'down');
  await parked(all, 4);
  await all.moveClock('1 minute 1 second');
  await eventually(async () => (await standing(all)).probes === 1, 'it is asked');
  await kill(child);
  await all.unstuck.enqueue('assemble', 5);
  const [before] = await all.query('select down_since, next_probe_at from unstuck.targets');
  const other = await takeOver(all, worker);
  await parked(all, 5);
  expect(await all.query('select down_since, next_probe_at from unstuck.targets')).toEqual([
    before,
  ]);
  await all.moveClock('2 minutes 1 second');
  await eventually(async () => (await standing(all)).probes === 2, 'it is asked again');
  await worker.up();
  await all.moveClock('3 minutes 1 second');
  for (const { id } of jobs)
    expect(await other.wait(id)).toMatchObject({ state: 'completed', attempt: 1, crashes: 0 });
}, 60_000);

test('a process that stops while a job is being sent waits for the answer', async () => {
  const all = await begin({}, {}, { drainTimeout: '10s' });
  const open = gate();
  all.worker.answer(async (got, response) => {
    await open.promise;
    return completes(got, response);
  });
  const id = await all.enqueue();
  await eventually(() => all.worker.posts.length === 1, 'it is sent');
  const closed = all.unstuck.close();
  open.open();
  await closed;
  const [row] = await all.query('select state, attempt from unstuck.all_jobs where id = $1', [id]);
  expect(row).toEqual({ state: 'completed', attempt: 1 });
});

test('a process that stops before the answer comes leaves the job to its target, and others to look after it', async () => {
  const all = await begin({}, {}, { drainTimeout: '100ms', abortGrace: '100ms' });
  all.worker.answer(() => undefined);
  const id = await all.enqueue();
  await eventually(() => all.worker.posts.length === 1, 'it is sent');
  await all.unstuck.close();
  expect(await all.query('select token::text, waits_for from unstuck.jobs')).toEqual([
    { token: '1', waits_for: null },
  ]);
  all.worker.answer(completes);
  const other = await takeOver(all, all.worker);
  await all.moveClock(AFTER_ITS_TIME);
  expect(await other.wait(id)).toMatchObject({ state: 'completed', attempt: 1, token: '1' });
});
