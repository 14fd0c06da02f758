/** W1: enqueue throughput, one job per call from 50 callers that await each, and in bulk. */
import { fill, openProducer } from './fill.ts';
import {
  type Context,
  type Finding,
  grown,
  known,
  microsPerJob,
  type Scale,
  type Workload,
} from './workload.ts';

const CALLERS = 50;
const WARM_UP_MS = 300;
const ONES_MS: Readonly<Record<Scale, number>> = { full: 2_000, quick: 500, check: 1_000 };
const BULK_SHARE: Readonly<Record<Scale, number>> = { full: 1, quick: 0.1, check: 0.5 };
const ONLY: readonly { name: string; value: number }[] = [{ name: '', value: 0 }];

/** W1a. */
export const enqueueOnesWorkload: Workload = {
  name: 'W1a',
  title: 'W1a: enqueue one at a time',
  about: `${CALLERS} callers in one process, each awaiting its call before the next; a call returns after its commit.`,
  syncs: ['on', 'off'],
  roundsMax: { full: 99, quick: 99, check: 3 },
  variants: () => ONLY,
  run: async (context) => {
    const producer = await openProducer(context);
    await producer.ask('ones', { callers: CALLERS, ms: WARM_UP_MS });
    const ms = ONES_MS[context.scale];
    return [await timed(context, () => producer.ask('ones', { callers: CALLERS, ms }))];
  },
};

/** W1b. */
export const enqueueManyWorkload: Workload = {
  name: 'W1b',
  title: 'W1b: enqueue in bulk',
  about: 'The bulk interface, 1,000 jobs per call, two calls on their way.',
  syncs: ['on', 'off'],
  roundsMax: { full: 99, quick: 99, check: 2 },
  variants: () => ONLY,
  run: async (context) => {
    const producer = await openProducer(context);
    await fill(producer, { jobs: 2_000 });
    const jobs = Math.round(context.config.drainJobs * BULK_SHARE[context.scale]);
    return [await timed(context, () => fill(producer, { jobs }))];
  },
};

async function timed(
  { server }: Context,
  enqueue: () => Promise<{ jobs: number; ms: number; cpuMs: number }>,
): Promise<Finding> {
  const cpuBefore = server.cpuMs();
  const walBefore = await server.walBytes();
  const { jobs, ms, cpuMs } = await enqueue();
  const walBytes = grown(walBefore, await server.walBytes());
  return {
    variant: '',
    metrics: known({
      jobsPerSecond: (jobs / ms) * 1_000,
      nodeMicrosPerJob: microsPerJob(cpuMs, jobs),
      serverMicrosPerJob: microsPerJob(grown(cpuBefore, server.cpuMs()), jobs),
      walBytesPerJob: walBytes === undefined ? undefined : walBytes / jobs,
    }),
  };
}
