// The laws of `unstuck work`: it stops gracefully, its supervisor keeps a worker alive, and nothing is left behind.
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { Unstuck } from '../../src/unstuck.ts';
import { freshDatabase } from '../support/database.ts';
import { startTestServer } from '../support/postgres.ts';
import { type Running, runs, start, until } from './support/command.ts';

vi.setConfig({ testTimeout: 180_000 });

const MODULE = 'test/cli/support/jobs.ts';
/** Short, so that the tests of drains and of lost workers are; two seconds are 200 missed beats of a process that is alive. */
const QUICK = { UNSTUCK_DRAIN_TIMEOUT: '10s', UNSTUCK_ABORT_GRACE: '200ms', UNSTUCK_LEASE: '3s' };

let url: string;
let unstuck: Unstuck;

beforeEach(async () => {
  const database = await freshDatabase();
  url = database.url;
  unstuck = await Unstuck.connect({ database: url, logLevel: 'silent' });
  return async () => {
    await unstuck.close();
    await database.drop();
  };
});

function work(args: readonly string[] = [], env: Record<string, string> = {}): Running {
  return start(['work', MODULE, ...args], {
    env: { ...QUICK, UNSTUCK_DATABASE_URL: url, ...env },
  });
}

/** The process id of the nth worker that has become ready. */
async function readyPid(running: Running, nth = 1): Promise<number> {
  const [, pid] = await running.says(/event=worker_ready .*pid=(\d+)/, nth);
  return Number(pid);
}

/** Enqueues a slow job and resolves when a worker runs it. */
async function startSlow(ms: number): Promise<string> {
  const file = join(tmpdir(), `unstuck-slow-${randomUUID()}`);
  const { id } = await unstuck.enqueue('slow', { ms, file });
  await until('the slow job to run', () => existsSync(file));
  return id;
}

describe('a graceful stop', () => {
  test.each([
    ['SIGTERM' as const, []],
    ['SIGINT' as const, ['--no-supervise']],
  ])(
    'on %s %j the job that runs ends, the one that waits stays, and the exit code is 0',
    async (signal, args) => {
      const worker = work([...args, '--concurrency', '1']);
      await readyPid(worker);
      const id = await startSlow(1_500);
      const waiting = await unstuck.enqueue('slow', { ms: 1 });
      worker.child.kill(signal);
      expect(await worker.ended).toMatchObject({ code: 0, signal: null });
      expect(await unstuck.get(id)).toMatchObject({ state: 'completed', attempt: 1, crashes: 0 });
      expect(await unstuck.get(waiting.id)).toMatchObject({ state: 'queued', attempt: 0 });
      expect((await unstuck.status()).workers).toEqual([]);
    },
  );

  test('a Ctrl-C that reaches parent and child, and twice at once, is one request', async () => {
    const worker = work();
    await readyPid(worker);
    const id = await startSlow(1_500);
    const group = -(worker.child.pid as number);
    process.kill(group, 'SIGINT');
    process.kill(group, 'SIGINT');
    expect(await worker.ended).toMatchObject({ code: 0 });
    expect(await unstuck.get(id)).toMatchObject({ state: 'completed', crashes: 0 });
  });

  test.each([[[]], [['--no-supervise']]])(
    'a second signal ends everything at once with 130: %j',
    async (args) => {
      const worker = work(args);
      const pid = await readyPid(worker);
      await startSlow(60_000);
      worker.child.kill('SIGTERM');
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      worker.child.kill('SIGTERM');
      expect(await worker.ended).toMatchObject({ code: 130 });
      await until('the worker to be gone', () => !runs(pid));
    },
  );

  test('a handler that does not end in time is given back uncharged', async () => {
    const worker = work([], { UNSTUCK_DRAIN_TIMEOUT: '300ms' });
    await readyPid(worker);
    const id = await startSlow(60_000);
    worker.child.kill('SIGTERM');
    expect(await worker.ended).toMatchObject({ code: 0 });
    expect(await unstuck.get(id)).toMatchObject({ state: 'queued', attempt: 0, crashes: 0 });
  });
});

describe('the supervisor', () => {
  test('starts a worker that was killed again, and its job runs again', async () => {
    const worker = work();
    const first = await readyPid(worker);
    const id = await startSlow(2_000);
    process.kill(first, 'SIGKILL');
    const second = await readyPid(worker, 2);
    expect(second).not.toBe(first);
    expect(await unstuck.wait(id, { timeout: '1m' })).toMatchObject({
      state: 'completed',
      crashes: 1,
      result: { pid: second },
    });
    expect(worker.output()).toMatch(/event=process_died pid=\d+ code=null signal=SIGKILL/);
    worker.child.kill('SIGTERM');
    expect(await worker.ended).toMatchObject({ code: 0 });
  });

  test('starts a worker again until that succeeds, when a start fails or throws', async () => {
    const worker = work([], {
      NODE_OPTIONS: '--import=./test/cli/support/failing-fork-process.ts',
    });
    process.kill(await readyPid(worker), 'SIGKILL');
    await worker.says(/event=process_failed .*ENOENT/);
    await worker.says(/event=process_failed .*ENOMEM/);
    const second = await readyPid(worker, 2);
    expect(runs(second)).toBe(true);
    worker.child.kill('SIGTERM');
    expect(await worker.ended).toMatchObject({ code: 0 });
  });

  test('when it is killed itself, its worker ends its jobs and stops', async () => {
    const worker = work();
    const pid = await readyPid(worker);
    const id = await startSlow(1_500);
    worker.child.kill('SIGKILL');
    await until('the worker to stop', () => !runs(pid));
    expect(await unstuck.get(id)).toMatchObject({ state: 'completed', crashes: 0 });
  });

  test('replaces a worker that carries too many ghosts by a new one, then stops the old', async () => {
    const worker = work([], { UNSTUCK_GHOSTS_MAX: '2', UNSTUCK_ABORT_GRACE: '100ms' });
    const first = await readyPid(worker);
    await Promise.all([unstuck.enqueue('ghost', {}), unstuck.enqueue('ghost', {})]);
    const second = await readyPid(worker, 2);
    await until('the old worker to be gone', () => !runs(first));
    const { id } = await unstuck.enqueue('echo', {});
    const { result } = await unstuck.wait(id, { timeout: '1m' });
    expect(result).toEqual({ pid: second });
    expect(worker.output()).not.toContain('process_died');
    worker.child.kill('SIGTERM');
    expect(await worker.ended).toMatchObject({ code: 0 });
  });

  test('without one, a worker with too many ghosts ends with 75', async () => {
    const worker = work(['--no-supervise'], { UNSTUCK_GHOSTS_MAX: '1' });
    await readyPid(worker);
    await unstuck.enqueue('ghost', {});
    expect(await worker.ended).toMatchObject({ code: 75 });
    expect((await unstuck.status()).workers).toEqual([]);
  });
});

test('a database that is away at the start is waited for, and that is said once', async () => {
  const server = await startTestServer();
  onTestFinished(() => server.stop());
  await server.stopImmediate();
  const worker = work(['--name', 'patient'], { UNSTUCK_DATABASE_URL: server.url });
  await worker.says(/DATABASE_UNREACHABLE/);
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  expect(worker.output().match(/DATABASE_UNREACHABLE/g)).toHaveLength(1);
  expect(worker.child.exitCode).toBeNull();
  await server.startAgain();
  await worker.says(/the database is there/);
  await readyPid(worker);
  worker.child.kill('SIGTERM');
  expect(await worker.ended).toMatchObject({ code: 0 });
});

test('a worker that waits for its database stops at once when told to', async () => {
  const worker = work([], { UNSTUCK_DATABASE_URL: 'postgres://me@127.0.0.1:1/away' });
  await worker.says(/DATABASE_UNREACHABLE/);
  worker.child.kill('SIGTERM');
  expect(await worker.ended).toMatchObject({ code: 0 });
});
