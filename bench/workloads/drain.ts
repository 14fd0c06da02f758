/** W2: how fast workers empty a queue, from "start" (forked, modules loaded) to "nothing runnable or running is left". */
import { nowMs, pause } from '../core/monotonic.ts';
import type { Measured } from '../process/measured.ts';
import type { Usage } from '../process/messages.ts';
import { fill, openProducer } from './fill.ts';
import {
  type Context,
  type Finding,
  grown,
  known,
  microsPerJob,
  type Scale,
  TYPES,
  type Workload,
} from './workload.ts';

const LOOK_MS = 5;
const STOP_MS_MAX = 10_000;
const DRAIN_MS_MAX = 600_000;
const SHARE: Readonly<Record<Scale, number>> = { full: 1, quick: 0.1, check: 1 };

/** W2. */
export const drainWorkload: Workload = {
  name: 'W2',
  title: 'W2: drain',
  about:
    'Jobs per second from starting the workers to an empty queue, connecting included; fresh statistics; no-op handlers.',
  syncs: ['on', 'off'],
  roundsMax: { full: 99, quick: 99, check: 2 },
  variants: (scale) =>
    (scale === 'check' ? [1] : [1, 2, 4]).map((value) => ({
      name: `${value} process${value === 1 ? '' : 'es'}`,
      value,
    })),
  run: async (context) => {
    const producer = await openProducer(context);
    const jobs = Math.max(5, Math.round(context.config.drainJobs * SHARE[context.scale]));
    const walBefore = await context.server.walBytes();
    await fill(producer, { jobs });
    const walFilled = grown(walBefore, await context.server.walBytes());
    await context.server.client?.query('vacuum (analyze)');
    const { metrics } = await drain(context, producer, { jobs, processes: context.variant.value });
    const walBytes = metrics['walBytesPerJob'];
    return [
      {
        variant: context.variant.name,
        metrics: known({
          ...metrics,
          walBytesPerJob:
            walBytes === undefined || walFilled === undefined
              ? undefined
              : walBytes + walFilled / jobs,
        }),
      },
    ];
  },
};

/** How much is drained and by whom. */
export interface Draining {
  /** Until this many were handled; with `leave` the rest of the queue stays. */
  readonly jobs: number;
  readonly processes?: number;
  readonly types?: readonly string[];
  readonly leave?: boolean;
}

/** Starts workers on a filled queue, times until it is empty, and says what that cost. */
export async function drain(
  context: Context,
  producer: Measured,
  { jobs, processes = 1, types = TYPES, leave = false }: Draining,
): Promise<Finding> {
  const workers = await Promise.all(Array.from({ length: processes }, () => context.fork()));
  await Promise.all(workers.map((worker) => worker.ask('load', null)));
  const handled = new Map<Measured, number>();
  const sum = (): number => [...handled.values()].reduce((total, each) => total + each, 0);
  for (const worker of workers) worker.onHandled = (count) => handled.set(worker, count);
  const before = await Promise.all(workers.map((worker) => worker.ask('usage', null)));
  const cpuBefore = context.server.cpuMs();
  const walBefore = await context.server.walBytes();
  const from = nowMs();
  const started = Promise.all(
    workers.map((worker) => worker.ask('work', { types, handling: 'count', report: true })),
  );
  // A worker that cannot start must fail the cell, not let it wait for its end.
  await Promise.race([started, reached(() => sum() >= jobs)]);
  await reached(() => sum() >= jobs);
  if (!leave) await reached(async () => !(await producer.ask('left', null)));
  const ms = nowMs() - from;
  const cpuMs = grown(cpuBefore, context.server.cpuMs());
  const walBytes = grown(walBefore, await context.server.walBytes());
  await started;
  const after = await Promise.all(workers.map((worker) => worker.ask('usage', null)));
  const peak = Math.max(...after.map(({ rssBytesMax }) => rssBytesMax));
  const done = leave ? sum() : jobs;
  // Where the queue goes on, what was claimed and not run must be given back.
  if (leave) await Promise.all(workers.map((worker) => stopped(worker)));
  await Promise.all(workers.map((worker) => worker.kill()));
  return {
    variant: context.variant.name,
    metrics: known({
      jobsPerSecond: (done / ms) * 1_000,
      nodeMicrosPerJob: microsPerJob(used(before, after), done),
      serverMicrosPerJob: microsPerJob(cpuMs, done),
      walBytesPerJob: walBytes === undefined ? undefined : walBytes / done,
      rssMb: peak / 1_048_576,
    }),
  };
}

function used(before: readonly Usage[], after: readonly Usage[]): number {
  return after.reduce((sum, { cpuMs }, at) => sum + cpuMs - (before[at]?.cpuMs ?? 0), 0);
}

function stopped(worker: Measured): Promise<void> {
  return Promise.race([worker.ask('stop', null), pause(STOP_MS_MAX)]);
}

async function reached(condition: () => boolean | Promise<boolean>): Promise<void> {
  const until = nowMs() + DRAIN_MS_MAX;
  while (!(await condition())) {
    if (nowMs() > until) throw new Error(`Not drained after ${DRAIN_MS_MAX / 1_000} s.`);
    await pause(LOOK_MS);
  }
}
