// The job types of the chaos tests, for the tests that enqueue them and the worker processes that run them.
import { writeSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { defineFanOut, defineJob, type RunningJob } from '../../src/index.ts';
import type { HistoryLine } from './history.ts';

type Ran = { token: string; crashes: number };
const input = z.object({ ms: z.number().default(0), failures: z.number().default(0) });
type Job = RunningJob<z.infer<typeof input>>;
const retry = { attempts: 10, backoff: 'fixed', base: '100ms' } as const;

/** Ends after `ms`. */
export const plain = defineJob({
  type: 'plain',
  input,
  retry,
  run: (job) => wrap(job, () => pause(job.input.ms)),
});

/** Writes a row and its own end in one transaction. */
export const effect = defineJob({
  type: 'effect',
  input,
  retry,
  run: (job) => wrap(job, () => insertEffect(job, job.input.ms)),
});

/** Reports progress and heeds its signal. */
export const slow = defineJob({
  type: 'slow',
  input,
  retry,
  run: (job) => wrap(job, () => crawl(job)),
});

/** Fails as often as it is told, then ends. */
export const flaky = defineJob({
  type: 'flaky',
  input,
  retry,
  run: (job) =>
    wrap(job, () => {
      if (job.attempt <= job.input.failures) throw new Error(`failure ${job.attempt}`);
    }),
});

/** Never ends on its first run; at once when its worker was lost. It has one attempt: a crash is none. */
export const held = defineJob({
  type: 'held',
  input,
  retry: { attempts: 1 },
  run: (job) => wrap(job, () => (job.crashes === 0 ? forever(job.signal) : undefined)),
});

/** Kills its process. */
export const poison = defineJob({
  type: 'poison',
  input,
  retry: { attempts: 1 },
  run: (job) => wrap(job, () => void process.kill(process.pid, 'SIGKILL')),
});

/** The failpoint: stops its own process between claim and commit on the first run, so that a second run overtakes the first. */
export const zombie = defineJob({
  type: 'zombie',
  input,
  retry,
  run: (job) =>
    wrap(job, async () => {
      if (job.crashes === 0) stopHere(job);
      else await pause(job.input.ms);
      await insertEffect(job);
    }),
});

/** The same without a transaction: the late end goes the way of all ends. */
export const sleeper = defineJob({
  type: 'sleeper',
  input,
  retry,
  run: (job) => wrap(job, () => (job.crashes === 0 ? stopHere(job) : pause(job.input.ms))),
});

/** Blocks the event loop. */
export const block = defineJob({
  type: 'block',
  input,
  retry,
  run: (job) =>
    wrap(
      job,
      () => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, job.input.ms),
    ),
});

/** One execution of `fan`. */
export const cell = defineJob({
  type: 'cell',
  input: z.number(),
  run: ({ input: ordinal }) => ordinal,
});

/** Creates 2,000 executions in several chunks, and adds up what they return. */
export const fan = defineFanOut({
  type: 'fan',
  input: z.unknown(),
  retry: { attempts: 1 },
  executions: {
    of: cell,
    plan: (): number[] => Array.from({ length: 2_000 }, (_, ordinal) => ordinal),
    input: (ordinal: number) => ordinal,
  },
  run: ({ executions }): number => executions.reduce((sum, { result }) => sum + (result ?? 0), 0),
});

let history: number | undefined;

/** Makes the handlers of this process append to a history (an open file). */
export function appendTo(file: number): void {
  history = file;
}

async function wrap(job: Job, work: () => unknown): Promise<Ran> {
  note('start', job);
  try {
    await work();
  } catch (error) {
    note(job.signal.aborted ? 'aborted' : 'threw', job);
    throw error;
  }
  note('end', job);
  return { token: job.token, crashes: job.crashes };
}

async function insertEffect(job: Job, openMs = 0): Promise<void> {
  await job.transaction(async (tx) => {
    await tx.query('insert into public.effects (job_id, token, pid) values ($1, $2, $3)', [
      job.id,
      job.token,
      process.pid,
    ]);
    await pause(openMs);
    note('before-commit', job);
    return { token: job.token, crashes: job.crashes };
  });
}

async function crawl(job: Job): Promise<void> {
  for (let step = 0; step < 10; step += 1) {
    job.signal.throwIfAborted();
    job.progress(step / 10, `step ${step}`);
    await pause(job.input.ms / 10);
  }
}

function forever(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

function stopHere(job: Job): void {
  note('before-commit', job);
  process.kill(process.pid, 'SIGSTOP');
}

function note(event: HistoryLine['event'], job: Job): void {
  const line: HistoryLine = {
    at: Date.now(),
    pid: process.pid,
    event,
    job: job.id,
    type: job.type,
    token: job.token,
    crashes: job.crashes,
  };
  if (history !== undefined) writeSync(history, `${JSON.stringify(line)}\n`);
}
