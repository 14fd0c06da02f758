// S1: the routes example from end to end, on a real database, as its users run it.

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type Job, Unstuck } from 'unstuck';
import { expect, onTestFinished, test } from 'vitest';
import type { DemoJob } from '../../examples/demo.ts';
import { enqueueDemo } from '../../examples/routes/demo.ts';
import { jobs } from '../../examples/routes/index.ts';
import { type RouteInput, type RouteResult, routeJob } from '../../examples/routes/route-job.ts';
import { freshDatabase } from '../support/database.ts';

interface Setup {
  readonly unstuck: Unstuck;
  /** What a process of its own needs to work in the same place. */
  readonly env: Readonly<Record<string, string>>;
}

test('S1.1 S1.9 the demo runs to its end: tours get shorter, the failing one fails, the transient one recovers', async () => {
  const { unstuck } = await setup();
  const demo = await enqueueDemo(unstuck, { scheduledAfter: '2s' });
  const waiting = await unstuck.get(idOf(demo, 'Iceland'));
  expect(waiting).toMatchObject({ state: 'pending', waitsFor: 'time' });
  await work(unstuck);
  const ended = await Promise.all(demo.map(({ id }) => unstuck.wait(id, { timeout: '100s' })));

  const failed = jobOf(demo, ended, 'Vatican City');
  expect(failed).toMatchObject({ state: 'failed', attempt: 1, result: null });
  expect(failed.error).toMatchObject({ code: 'PLACES_MISSING', name: 'Fail' });
  const recovered = jobOf(demo, ended, 'Poland');
  expect(recovered).toMatchObject({ state: 'completed', attempt: 2, error: null });
  for (const job of ended.filter((one) => one !== failed)) {
    expectShortened(job);
    expect(job.attempt).toBe(job === recovered ? 2 : 1);
  }
  expectStarts(demo, ended);
}, 120_000);

test('a second demo enqueues nothing twice while the first one lives, and poison only when asked for', async () => {
  const { unstuck } = await setup();
  const first = await enqueueDemo(unstuck);
  expect(first.every((job) => job.created && !job.title.includes('poison'))).toBe(true);
  const second = await enqueueDemo(unstuck, { poison: true });
  expect(second.slice(0, -1)).toEqual(first.map((job) => ({ ...job, created: false })));
  expect(second.at(-1)).toMatchObject({ title: expect.stringContaining('poison'), created: true });
});

test('a poisoned route takes three workers with it, then fails as poison; its neighbours complete', async () => {
  const { unstuck, env } = await setup();
  const neighbours: RouteInput[] = [1, 2, 3].map((seed) => ({ country: 'DE', stops: 50, seed }));
  const poisoned: RouteInput = { country: 'PT', stops: 100, fault: 'poison' };
  const enqueued = await Promise.all(
    [poisoned, ...neighbours].map((input) => unstuck.enqueue(routeJob, input)),
  );
  const workers = superviseWorkers(env);
  const [poison, ...innocent] = await Promise.all(
    enqueued.map(({ id }) => unstuck.wait(id, { timeout: '100s' })),
  );

  expect(poison).toMatchObject({ state: 'failed', crashes: 3, error: { code: 'JOB_POISON' } });
  expect(workers.deaths()).toEqual(['SIGKILL', 'SIGKILL', 'SIGKILL']);
  for (const job of innocent) {
    expectShortened(job);
  }
}, 120_000);

function expectShortened(job: Job): void {
  expect(job).toMatchObject({ type: 'route', state: 'completed', error: null });
  const { country, stops } = job.input as RouteInput;
  expect(job.result).toMatchObject({ country, stops });
  const { lengthBeforeKm, lengthAfterKm } = job.result as RouteResult;
  expect(lengthAfterKm).toBeLessThan(lengthBeforeKm);
}

/** The urgent one started before all others, the scheduled one not before its time. */
function expectStarts(demo: readonly DemoJob[], ended: readonly Job[]): void {
  const urgent = timeOf(jobOf(demo, ended, 'Japan').startedAt);
  for (const job of ended) {
    expect(timeOf(job.startedAt)).toBeGreaterThanOrEqual(urgent);
  }
  const scheduled = jobOf(demo, ended, 'Iceland');
  expect(timeOf(scheduled.startedAt) - timeOf(scheduled.createdAt)).toBeGreaterThanOrEqual(2000);
}

/** Connects to a database of its own; what is registered first is ended last. */
async function setup(): Promise<Setup> {
  const database = await freshDatabase();
  onTestFinished(() => database.drop());
  const unstuck = await Unstuck.connect({ database: database.url });
  onTestFinished(() => unstuck.close());
  return { unstuck, env: { UNSTUCK_DATABASE_URL: database.url } };
}

async function work(unstuck: Unstuck): Promise<void> {
  const worker = await unstuck.work(jobs, { concurrency: 4 });
  onTestFinished(() => worker.stop());
}

/** Keeps one `unstuck work` process alive that obeys `poison`: a new one for each that dies, ten at most. */
function superviseWorkers(env: Readonly<Record<string, string>>): { deaths(): string[] } {
  const deaths: string[] = [];
  let stopping = false;
  let worker = startWorker(env);
  const replace = (_code: number | null, signal: NodeJS.Signals | null): void => {
    if (stopping) {
      return;
    }
    deaths.push(signal ?? 'exit');
    if (deaths.length < 10) {
      worker = startWorker(env);
      worker.once('exit', replace);
    }
  };
  worker.once('exit', replace);
  onTestFinished(async () => {
    stopping = true;
    await stopWorker(worker);
  });
  return { deaths: () => [...deaths] };
}

function startWorker(env: Readonly<Record<string, string>>): ChildProcess {
  const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
  const module = fileURLToPath(new URL('../../examples/routes/index.ts', import.meta.url));
  // Without the supervisor, so that the deaths are seen here.
  return fork(main, ['work', module, '--no-supervise'], {
    env: { ...process.env, ...env, ROUTES_POISON: '1' },
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
}

async function stopWorker(worker: ChildProcess): Promise<void> {
  if (worker.exitCode === null && worker.signalCode === null) {
    const ended = once(worker, 'exit');
    worker.kill('SIGTERM');
    await ended;
  }
}

function idOf(demo: readonly DemoJob[], title: string): string {
  return demo.find((job) => job.title.startsWith(title))?.id ?? expect.fail(`no ${title}`);
}

function jobOf(demo: readonly DemoJob[], ended: readonly Job[], title: string): Job {
  const id = idOf(demo, title);
  return ended.find((job) => job.id === id) ?? expect.fail(`no ${title}`);
}

function timeOf(instant: Date | null): number {
  return instant?.getTime() ?? expect.fail('has no time');
}
