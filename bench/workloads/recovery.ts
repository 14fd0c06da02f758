/** W5: from `kill -9` of the worker that runs a job to the next start of the job in another worker, default settings. */
import { nowMs, pause } from '../core/monotonic.ts';
import { median } from '../core/statistics.ts';
import type { Measured } from '../process/measured.ts';
import { openProducer } from './fill.ts';
import { type Context, known, type Scale, TYPES, type Workload } from './workload.ts';

/** How long a recovery is awaited. In a check the peers need only be shown to be slower than the target. */
const WAIT_MS: Readonly<Record<Scale, number>> = { full: 200_000, quick: 5_000, check: 30_000 };
const KILLS: Readonly<Record<Scale, number>> = { full: 5, quick: 1, check: 3 };
const START_MS_MAX = 10_000;
const SETTLE_MS = 2_500;
const LOOK_MS = 20;
/** A system that needs longer than this is not killed again. */
const QUICK_MS = 5_000;

/** W5. */
export const recoveryWorkload: Workload = {
  name: 'W5',
  title: 'W5: recovery after kill -9',
  about:
    'Both workers on the same machine. `recovered` 0: not within the time awaited, which then stands as a lower bound.',
  syncs: ['on'],
  roundsMax: { full: 1, quick: 1, check: 1 },
  together: true,
  variants: () => [{ name: '', value: 0 }],
  run: async (context) => {
    const producer = await openProducer(context);
    const times: number[] = [];
    let recovered = true;
    while (recovered && times.length < KILLS[context.scale] && !(median(times) > QUICK_MS)) {
      const recovery = await killOnce(context, producer);
      recovered = recovery !== undefined;
      times.push(recovery ?? WAIT_MS[context.scale]);
    }
    return [
      {
        variant: '',
        metrics: known({
          recoveryMs: median(times),
          slowestMs: Math.max(...times),
          recovered: recovered ? 1 : 0,
          kills: times.length,
        }),
      },
    ];
  },
};

/** A new job each time: one that took several workers down is treated as the culprit. Undefined: not within the time. */
async function killOnce(context: Context, producer: Measured): Promise<number | undefined> {
  const holder = await startWorker(context, 'hang');
  await producer.ask('spaced', { jobs: 1, gapMs: 0 });
  if ((await holder.started(START_MS_MAX)) === undefined)
    throw new Error('The job did not start before the kill.');
  const successor = await startWorker(context, 'report');
  await pause(SETTLE_MS);
  const from = nowMs();
  await holder.worker.kill();
  const startedAt = await successor.started(WAIT_MS[context.scale]);
  if (startedAt === undefined) return undefined;
  // Its end must be written before the next job, or the next worker would get this one.
  while (await producer.ask('left', null)) await pause(LOOK_MS);
  await successor.worker.kill();
  return startedAt - from;
}

interface Started {
  readonly worker: Measured;
  /** When it started the job; undefined when it did not in time. */
  readonly started: (waitMs: number) => Promise<number | undefined>;
}

async function startWorker(context: Context, handling: 'hang' | 'report'): Promise<Started> {
  const worker = await context.fork();
  const { promise, resolve } = Promise.withResolvers<number>();
  worker.onStarted = resolve;
  await worker.ask('work', { types: TYPES, handling, report: false });
  return {
    worker,
    started: (waitMs) => {
      const over = new AbortController();
      const late = pause(waitMs, over.signal).then(() => undefined);
      return Promise.race([promise, late]).finally(() => over.abort());
    },
  };
}
