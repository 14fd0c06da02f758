// Rehearses trouble on demand, so that one can watch what the queue makes of it.
import { setTimeout as wait } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { Fail, type RunningJob } from 'unstuck';
import { z } from 'zod';

/**
 * `throws`, `rejects`: at once. `background`: a promise that nobody awaits rejects. `thread`: a thread of the handler dies. `hangs`: longer
 * than any timeout. `transient`: the first attempt throws. `slow`: two seconds in ten steps. `spins`: keeps its process busy for ever.
 */
export const fault: z.ZodType<Fault, Fault> = z.enum([
  'throws',
  'rejects',
  'background',
  'thread',
  'hangs',
  'transient',
  'slow',
  'spins',
]);

/** The name of a trouble. */
export type Fault =
  | 'throws'
  | 'rejects'
  | 'background'
  | 'thread'
  | 'hangs'
  | 'transient'
  | 'slow'
  | 'spins';

/** The environment variable that must be `1` in a worker's process before it obeys `spins`. */
export const SPIN_SWITCH = 'COLLECTION_SPINS';

const STEPS = 10;
const STEP_MS = 200;

/**
 * Makes the trouble that an input asks for. Because anybody who may enqueue could stop a server with `spins`, it is obeyed only where
 * `COLLECTION_SPINS=1` is set; elsewhere the job fails with the code `SPIN_REFUSED`.
 */
export async function rehearse(
  job: RunningJob<{ readonly rehearse?: Fault | undefined }>,
): Promise<void> {
  switch (job.input.rehearse) {
    case 'throws':
      throw new Error('rehearsed: thrown by the handler');
    case 'rejects':
      return Promise.reject(new Error('rehearsed: rejected by the handler'));
    case 'background':
      setTimeout(() => void Promise.reject(new Error('rehearsed: lost in the background')), 10);
      return hang(job);
    case 'thread':
      return dieInThread(job);
    case 'hangs':
      return hang(job);
    case 'transient':
      if (job.attempt === 1) throw new Error('rehearsed: the disk was busy');
      return;
    case 'slow':
      return goSlowly(job);
    case 'spins':
      return spin();
    case undefined:
      return;
  }
}

/** Until the signal says that the attempt is over. */
function hang({ signal }: RunningJob): Promise<void> {
  return wait(3_600_000, undefined, { signal });
}

/** Nobody listens for the error of the thread: the worker that runs the job has to notice. */
async function dieInThread(job: RunningJob): Promise<void> {
  const thread = new Worker("throw new Error('rehearsed: died in a thread')", { eval: true });
  try {
    await hang(job);
  } finally {
    await thread.terminate();
  }
}

async function goSlowly(job: RunningJob): Promise<void> {
  for (let step = 1; step <= STEPS; step += 1) {
    await wait(STEP_MS, undefined, { signal: job.signal });
    job.progress(step / STEPS / 2, `step ${step} of ${STEPS}`);
  }
}

function spin(): never {
  if (process.env[SPIN_SWITCH] !== '1')
    throw new Fail(
      `Expected ${SPIN_SWITCH}=1 in the environment of a worker that is to be blocked on request, got none.`,
      { code: 'SPIN_REFUSED' },
    );
  for (;;) Math.random();
}
