// The worker in Python, as a process of its own over a real socket: it works, dies in the middle, stops, and nothing is lost.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { serve } from '../../src/http/index.ts';
import { eventually, type Setup, setup } from '../support/unstuck.ts';

const WORKER = fileURLToPath(new URL('../../examples/python-worker/worker.py', import.meta.url));
const OLD = 'import sys; sys.exit(sys.version_info < (3, 9))';
const missing = spawnSync('python3', ['-c', OLD]).status !== 0;
if (missing) console.warn('SKIPPED: the worker in Python needs python3 of 3.9 or newer');

const FEW = {
  one: 'a queue that keeps its jobs in the database',
  two: 'a queue that keeps its jobs in a database',
  other: 'bread is made of flour, water and salt',
};

/** Texts that take a second to compare: the words are few, so that every one of them is found many times. */
function many(): Record<string, string> {
  const text = (seed: number): string =>
    Array.from({ length: 500 }, (_, at) => `w${(at * at + seed * at) % 23}`).join(' ');
  return Object.fromEntries(Array.from({ length: 8 }, (_, seed) => [`text${seed}`, text(seed)]));
}

async function started({ unstuck }: Setup): Promise<() => ChildProcess> {
  const server = await serve(unstuck, { port: 0 });
  onTestFinished(() => server.close());
  return () => {
    const env = { ...process.env, LEASE: '8s' };
    const worker = spawn('python3', [WORKER, server.url], { env, stdio: 'ignore' });
    onTestFinished(() => void worker.kill('SIGKILL'));
    return worker;
  };
}

test.skipIf(missing)(
  'it completes jobs, and a handler that raises fails with its traceback',
  async () => {
    const set = await setup();
    (await started(set))();
    const { id } = await set.unstuck.enqueue('similar', { texts: FEW });
    expect(await set.unstuck.wait(id)).toMatchObject({
      state: 'completed',
      result: { compared: 3, similar: [{ texts: ['one', 'two'], ratio: 0.889 }] },
    });
    const wrong = await set.unstuck.enqueue('similar', { text: 'none' });
    await eventually(
      async () => (await set.unstuck.get(wrong.id))?.state === 'pending',
      'it is to be tried again',
    );
    expect((await set.unstuck.get(wrong.id))?.error).toMatchObject({
      name: 'KeyError',
      message: "'texts'",
      stack: expect.stringContaining('Traceback'),
    });
  },
);

test.skipIf(missing)(
  'killed in the middle of a job, its job runs again at another one and completes',
  async () => {
    const set = await setup();
    const { unstuck } = set;
    const start = await started(set);
    const first = start();
    const { id } = await unstuck.enqueue('similar', { texts: many() });
    await eventually(
      async () => typeof (await unstuck.get(id))?.progress === 'number',
      'it is in the middle',
    );
    first.kill('SIGKILL');
    const lost = await unstuck.get(id);
    start();
    expect(await unstuck.wait(id, { timeout: '80s' })).toMatchObject({
      state: 'completed',
      attempt: 1,
      crashes: 1,
      result: { compared: 28 },
    });
    expect((await unstuck.get(id))?.workerId).not.toBe(lost?.workerId);
    expect((await unstuck.history(id)).map(({ kind }) => kind)).toEqual(['lost']);
  },
  120_000,
);

test.skipIf(missing)(
  'told to stop, it gives its job back uncharged and signs off',
  async () => {
    const set = await setup();
    const { unstuck } = set;
    const worker = (await started(set))();
    const { id } = await unstuck.enqueue('similar', { texts: many() });
    await eventually(
      async () => typeof (await unstuck.get(id))?.progress === 'number',
      'it is in the middle',
    );
    worker.kill('SIGTERM');
    expect(await once(worker, 'exit')).toEqual([0, null]);
    expect(await unstuck.get(id)).toMatchObject({ state: 'queued', attempt: 0, crashes: 0 });
    expect(await set.query('select state from unstuck.workers')).toEqual([{ state: 'stopped' }]);
  },
  60_000,
);
