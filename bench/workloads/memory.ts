/** W7: what a worker with nothing to do costs. Memory under load stands in the rows of W2 and W4. */
import { nowMs, pause } from '../core/monotonic.ts';
import { openProducer } from './fill.ts';
import { grown, known, type Scale, TYPES, type Workload } from './workload.ts';

const SETTLE_MS: Readonly<Record<Scale, number>> = { full: 10_000, quick: 2_000, check: 5_000 };
const IDLE_MS: Readonly<Record<Scale, number>> = { full: 30_000, quick: 3_000, check: 10_000 };

/** W7. */
export const memoryWorkload: Workload = {
  name: 'W7',
  title: 'W7: an idle worker',
  about:
    'Memory and CPU of a started worker without jobs, and CPU of its server, over 30 s. No library for schemas is loaded: the peers have none.',
  syncs: ['on'],
  roundsMax: { full: 3, quick: 1, check: 1 },
  variants: () => [{ name: '', value: 0 }],
  run: async (context) => {
    const producer = await openProducer(context);
    await producer.ask('close', null);
    await producer.kill();
    const worker = await context.fork();
    await worker.ask('work', { types: TYPES, handling: 'count', report: false, bare: true });
    await pause(SETTLE_MS[context.scale]);
    const server = context.server.cpuMs();
    const before = await worker.ask('usage', null);
    const from = nowMs();
    await pause(IDLE_MS[context.scale]);
    const after = await worker.ask('usage', null);
    const ms = nowMs() - from;
    const serverMs = grown(server, context.server.cpuMs());
    return [
      {
        variant: '',
        metrics: known({
          rssMb: after.rssBytes / 1_048_576,
          nodeCpuPercent: ((after.cpuMs - before.cpuMs) / ms) * 100,
          serverCpuPercent: serverMs === undefined ? undefined : (serverMs / ms) * 100,
        }),
      },
    ];
  },
};
