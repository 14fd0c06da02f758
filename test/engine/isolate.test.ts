// Isolated jobs: what a handler does in a child process of its own is what it would do here, and the process never outlives its job.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import * as z from 'zod';
import { defineJob, type Job } from '../../src/index.ts';
import { eventually, type Setup, setup } from '../support/unstuck.ts';
import { hidden, jobs, shout } from './isolate/jobs.ts';

// Each attempt starts a process, which takes seconds on a machine that is busy with other tests.
const WAIT_MS = 90_000;
const WAIT = { timeout: WAIT_MS } as const;
vi.setConfig({ testTimeout: 180_000 });

describe('an isolated handler', () => {
  test('runs in another process, with the parsed input, and its result is stored', async () => {
    const { unstuck } = await working();
    const { id } = await unstuck.enqueue(shout, { text: 'hello' });
    const job = await unstuck.wait(id, { ...WAIT, as: shout });
    expect(job).toMatchObject({ state: 'completed', attempt: 1, crashes: 0 });
    expect(job.result).toMatchObject({
      said: 'HELLO',
      attempt: 1,
      token: job.token,
      sameKey: true,
    });
    expect(job.result?.pid).not.toBe(process.pid);
    await gone(job.result?.pid ?? 0);
  });

  test('throws what it would throw here: code, name, message, cause and stack are kept, and it is retried', async () => {
    const { unstuck } = await working();
    const { id } = await unstuck.enqueue('thrower', { how: 'error' });
    const job = await unstuck.wait(id, WAIT);
    expect(job).toMatchObject({
      state: 'failed',
      attempt: 2,
      error: {
        code: 'E_OWN',
        name: 'TypeError',
        message: 'no such thing — caused by: Error: deeper',
      },
    });
    expect(job.error?.stack).toContain('isolate/jobs.ts');
  });

  test('Fail, Cancel, Snooze and RetryAfter mean the same across the boundary', async () => {
    const { unstuck } = await working();
    const job = await outcomes(unstuck, ['fail', 'cancel', 'snooze', 'retry-after', 'text']);
    expect(job['fail']).toMatchObject({
      state: 'failed',
      attempt: 1,
      error: { code: 'E_FINAL', message: 'for good' },
    });
    expect(job['cancel']).toMatchObject({ state: 'cancelled', reason: 'not wanted any more' });
    expect(job['snooze']).toMatchObject({
      state: 'pending',
      waitsFor: 'time',
      snoozes: 1,
      attempt: 0,
    });
    expect(job['retry-after']).toMatchObject({ state: 'pending', waitsFor: 'retry', attempt: 1 });
    expect(hoursUntil(job['snooze'])).toBeCloseTo(1, 1);
    expect(hoursUntil(job['retry-after'])).toBeCloseTo(2, 1);
    expect(job['text']?.error).toMatchObject({ code: 'HANDLER_FAILED', message: 'only a text' });
  });

  test('a stray rejection ends its attempt with its error, an exit and an unstorable result say what happened', async () => {
    const { unstuck } = await working();
    const job = await outcomes(unstuck, ['stray rejection', 'exit', 'unstorable']);
    expect(job['stray rejection']?.error).toMatchObject({ message: 'nobody awaited me' });
    expect(job['exit']?.error).toMatchObject({ code: 'ISOLATE_DIED' });
    expect(job['exit']?.error?.message).toContain('exit code 7');
    expect(job['unstorable']).toMatchObject({
      state: 'failed',
      attempt: 1,
      error: { code: 'RESULT_UNSTORABLE' },
    });
    expect(job['unstorable']?.error?.message).toContain('/at is NaN');
  });

  test('reports progress, logs through its worker, and knows how fresh the lease is', async () => {
    const { unstuck, logged } = await working({ lease: '2s' });
    const { id } = await unstuck.enqueue('reporter', null);
    await eventually(
      async () => (await unstuck.get(id))?.progress === 0.5,
      'progress is written',
      WAIT_MS,
    );
    expect((await logged('own_event')).facts).toMatchObject({
      job: id,
      type: 'reporter',
      attempt: 1,
      error: 'seen',
      big: '10',
      nested: { a: 1 },
    });
    const { result, progressNote } = await unstuck.wait(id, WAIT);
    expect(progressNote).toBe('half-way');
    const { held, later, unrenewed } = result as Record<'later' | 'unrenewed', number> & {
      readonly held: boolean;
    };
    expect(held).toBe(true);
    // Heartbeats keep coming: without them it would have aged by the time that the handler took.
    expect(later).toBeLessThan(unrenewed - 100);
  });
});

describe('job.transaction in a child', () => {
  test('stores its writes and the end of the job together', async () => {
    const { unstuck, query } = await writing();
    const { id } = await unstuck.enqueue('writer', { how: 'works' });
    expect(await unstuck.wait(id, WAIT)).toMatchObject({
      state: 'completed',
      result: { wrote: 'works' },
    });
    expect(await query('select * from mine')).toEqual([{ what: 'works' }]);
  });

  test('stores neither when it throws', async () => {
    const { unstuck, query } = await writing();
    const { id } = await unstuck.enqueue('writer', { how: 'throws' });
    expect(await unstuck.wait(id, WAIT)).toMatchObject({ state: 'failed' });
    expect(await query('select * from mine')).toEqual([]);
  });

  test('stores neither when the attempt was cancelled meanwhile', async () => {
    const { unstuck, query } = await writing();
    const { id } = await unstuck.enqueue('writer', { how: 'fence lost' });
    await eventually(async () => (await unstuck.get(id))?.state === 'running', 'it runs', WAIT_MS);
    await eventually(
      async () =>
        (
          await query(
            "select from pg_stat_activity where query like '%pg_sleep(2)%' and pid <> pg_backend_pid()",
          )
        ).length > 0,
      'its transaction is open',
      WAIT_MS,
    );
    await unstuck.cancel(id);
    await eventually(
      async () =>
        (await query("select from pg_stat_activity where application_name = 'unstuck transaction'"))
          .length === 0,
      'the child is gone',
      WAIT_MS,
    );
    expect(await query('select * from mine')).toEqual([]);
    expect(await unstuck.get(id)).toMatchObject({ state: 'cancelled', result: null });
  });

  test('a job whose child died right after the commit stays completed', async () => {
    const { unstuck, query } = await writing();
    const { id } = await unstuck.enqueue('writer', { how: 'dies after commit' });
    await unstuck.wait(id, WAIT);
    await eventually(
      async () => (await query('select from unstuck.jobs')).length === 0,
      'nothing of it is live',
      WAIT_MS,
    );
    expect(await unstuck.get(id)).toMatchObject({
      state: 'completed',
      result: { wrote: 'dies after commit' },
    });
    expect(await query('select * from mine')).toEqual([{ what: 'dies after commit' }]);
  });
});

describe('a child that misbehaves', () => {
  test('an endless loop is killed for real after timeout and grace', async () => {
    const { unstuck } = await working({ abortGrace: '1s' });
    const { id } = await unstuck.enqueue('stubborn', null);
    const pid = await pidOf(unstuck, id);
    expect(await unstuck.wait(id, WAIT)).toMatchObject({
      state: 'failed',
      error: { code: 'JOB_TIMEOUT' },
    });
    await gone(pid);
    expect((await unstuck.status()).workers[0]).toMatchObject({ ghosts: 0 });
  });

  test('a heap bomb kills only itself, is counted as a failed attempt, and runs again', async () => {
    const before = process.env['NODE_OPTIONS'];
    process.env['NODE_OPTIONS'] = '--max-old-space-size=50';
    onTestFinished(() => {
      if (before === undefined) delete process.env['NODE_OPTIONS'];
      else process.env['NODE_OPTIONS'] = before;
    });
    const { unstuck, lines } = await working();
    const { id } = await unstuck.enqueue('bomb', null);
    expect(await unstuck.wait(id, WAIT)).toMatchObject({
      state: 'completed',
      attempt: 2,
      crashes: 0,
      result: 'survived',
    });
    const failed = lines.find(({ event }) => event === 'attempt_failed');
    expect(failed?.facts).toMatchObject({ code: 'ISOLATE_DIED' });
  });

  test('a cancel reaches its signal, with the reason', async () => {
    const { unstuck, logged } = await working({ lease: '2s', abortGrace: '5s' });
    const { id } = await unstuck.enqueue('listener', null);
    const pid = await pidOf(unstuck, id);
    await unstuck.cancel(id);
    expect((await logged('heard')).facts).toMatchObject({ name: 'AbortError' });
    await gone(pid);
    expect(await unstuck.get(id)).toMatchObject({ state: 'cancelled' });
  });

  test('a worker that stops takes its children along and gives their jobs back uncharged', async () => {
    const { unstuck, worker } = await working();
    const { id } = await unstuck.enqueue('listener', null);
    const pid = await pidOf(unstuck, id);
    await worker.stop();
    await gone(pid);
    expect(await unstuck.get(id)).toMatchObject({ state: 'queued', attempt: 0, crashes: 0 });
  });

  test('what a handler started goes with it, whether it returns or is killed', async () => {
    const { unstuck } = await working();
    const returned = await unstuck.enqueue('breeder', { how: 'return' });
    const [own = 0, child = 0] = (await unstuck.wait(returned.id, WAIT)).result as number[];
    await gone(own);
    await gone(child);

    const hung = await unstuck.enqueue('breeder', { how: 'hang' });
    const note = await noteOf(unstuck, hung.id);
    expect(await unstuck.wait(hung.id, WAIT)).toMatchObject({ error: { code: 'JOB_TIMEOUT' } });
    for (const pid of note.split(' ')) await gone(Number(pid));
  });

  test('when its worker is killed, the child goes too, however busy its handler is', async () => {
    const { unstuck, url } = await setup();
    const worker = await workerProcess(url);
    const busy = await unstuck.enqueue('stubborn', null);
    const idle = await unstuck.enqueue('listener', null);
    const pids = [await pidOf(unstuck, busy.id), await pidOf(unstuck, idle.id)];
    worker.kill('SIGKILL');
    for (const pid of pids) await gone(pid);
  });
});

describe('finding the definition', () => {
  test('a definition that its module does not export fails at once as ISOLATE_INVALID', async () => {
    const { unstuck } = await setup();
    await unstuck.work([hidden.job]);
    const { id } = await unstuck.enqueue(hidden.job, null);
    const job = await unstuck.wait(id, WAIT);
    expect(job).toMatchObject({ state: 'failed', attempt: 1, error: { code: 'ISOLATE_INVALID' } });
    expect(job.error?.message).toMatch(/exports no definition of job type hidden. Export it/);
  });

  test('a module that cannot be imported says why', async () => {
    const module = new URL('./isolate/none.ts', import.meta.url).href;
    const lost = defineJob({
      type: 'lost',
      input: z.null(),
      isolate: true,
      module,
      retry: { attempts: 1 },
      run: () => null,
    });
    const { unstuck } = await setup();
    await unstuck.work([lost]);
    const { id } = await unstuck.enqueue(lost, null);
    const { error } = await unstuck.wait(id, WAIT);
    expect(error).toMatchObject({ code: 'ISOLATE_INVALID' });
    expect(error?.message).toMatch(/could not be imported.*Cannot find module/);
  });

  test('an input that the child does not understand is refused by it', async () => {
    const { unstuck } = await working();
    const { id } = await unstuck.enqueue('thrower', { how: 1 });
    expect((await unstuck.wait(id, WAIT)).error).toMatchObject({ code: 'INPUT_REFUSED_BY_WORKER' });
  });
});

type Working = Setup & { readonly worker: Awaited<ReturnType<Setup['unstuck']['work']>> };

async function working(options: Parameters<typeof setup>[0] = {}): Promise<Working> {
  const made = await setup(options);
  return { ...made, worker: await made.unstuck.work([shout, ...jobs]) };
}

async function writing(): Promise<Working> {
  const made = await working();
  await made.query('create table mine (what text)');
  return made;
}

async function outcomes(
  unstuck: Setup['unstuck'],
  hows: readonly string[],
): Promise<Record<string, Job>> {
  const ended = hows.map(async (how) => {
    const { id } = await unstuck.enqueue('thrower', { how });
    return [how, await decided(unstuck, id)] as const;
  });
  return Object.fromEntries(await Promise.all(ended));
}

/** The job when it has finished, or stands at a gate for hours. */
function decided(unstuck: Setup['unstuck'], id: string): Promise<Job> {
  return eventually(
    async () => {
      const job = await unstuck.get(id);
      return job !== undefined && (job.finishedAt !== null || hoursUntil(job) > 0.5) ? job : false;
    },
    'the job is decided',
    WAIT_MS,
  );
}

function hoursUntil(job: Job | undefined): number {
  if (job?.state !== 'pending') return 0;
  return ((job.deadline?.getTime() ?? 0) - Date.now()) / 3_600_000;
}

async function noteOf(unstuck: Setup['unstuck'], id: string): Promise<string> {
  return eventually(
    async () => (await unstuck.get(id))?.progressNote ?? false,
    'the child has told its process id',
    WAIT_MS,
  );
}

async function pidOf(unstuck: Setup['unstuck'], id: string): Promise<number> {
  return Number(await noteOf(unstuck, id));
}

/** Resolves when no process has this id; a zombie that nobody has collected yet runs nothing any more. */
async function gone(pid: number): Promise<void> {
  expect(pid).toBeGreaterThan(1);
  await eventually(() => !runs(pid), `process ${pid} is gone`, WAIT_MS);
}

function runs(pid: number): boolean {
  const path = `/proc/${pid}/stat`;
  try {
    return existsSync(path) && !/\) Z /.test(readFileSync(path, 'utf8'));
  } catch {
    return false;
  }
}

async function workerProcess(url: string): Promise<ChildProcess> {
  const file = fileURLToPath(new URL('./isolate/worker-process.ts', import.meta.url));
  const worker = spawn(process.execPath, ['--conditions=unstuck-source', file, url], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void worker.kill('SIGKILL'));
  await once(worker.stdout, 'data');
  return worker;
}
