/** W3: how long after the call a job starts on an idle system, the commit included. */
import { pause } from '../core/monotonic.ts';
import { median, percentiles, quantile } from '../core/statistics.ts';
import { openProducer } from './fill.ts';
import { known, type Scale, TYPES, type Workload } from './workload.ts';

const JOBS: Readonly<Record<Scale, number>> = { full: 200, quick: 50, check: 100 };
const GAP_MS = 20;
const SETTLE_MS = 1_000;
const WARM_UP_JOBS = 20;

/** W3. */
export const latencyWorkload: Workload = {
  name: 'W3',
  title: 'W3: latency when idle',
  about: `One job every ${GAP_MS} ms from one process to another; from before the call to the start of the handler, in ms.`,
  syncs: ['on'],
  roundsMax: { full: 99, quick: 99, check: 2 },
  variants: () => [{ name: '', value: 0 }],
  run: async (context) => {
    const producer = await openProducer(context);
    const worker = await context.fork();
    await worker.ask('work', { types: TYPES, handling: 'latency', report: false });
    await pause(SETTLE_MS);
    await producer.ask('spaced', { jobs: WARM_UP_JOBS, gapMs: GAP_MS });
    await pause(SETTLE_MS);
    await worker.ask('latencies', null);
    const calls = await producer.ask('spaced', { jobs: JOBS[context.scale], gapMs: GAP_MS });
    await pause(SETTLE_MS);
    const latencies = await worker.ask('latencies', null);
    return [
      {
        variant: '',
        metrics: known({
          ...percentiles(latencies),
          callP50Ms: median(calls),
          callP99Ms: quantile(calls, 0.99),
          jobs: latencies.length,
        }),
      },
    ];
  },
};
