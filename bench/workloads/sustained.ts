/** W4: single enqueues at a fixed rate from one process while another works; a system follows, or falls behind. */
import { pause } from '../core/monotonic.ts';
import { percentiles } from '../core/statistics.ts';
import { openProducer } from './fill.ts';
import { grown, known, type Scale, TYPES, type Workload } from './workload.ts';

const SECONDS: Readonly<Record<Scale, number>> = { full: 10, quick: 3, check: 6 };
const RATES: Readonly<Record<Scale, readonly number[]>> = {
  full: [1_000, 4_000, 20_000],
  quick: [1_000, 4_000],
  check: [1_000, 4_000],
};
/** Slower systems are not offered what they cannot take at a tenth of it. */
const FAST: ReadonlySet<string> = new Set(['unstuck', 'raw']);
const FAST_RATE = 20_000;
const PEER_RATE = 1_000;
const WARM_UP_MS = 1_000;
const SETTLE_MS = 1_000;

/** W4. */
export const sustainedWorkload: Workload = {
  name: 'W4',
  title: 'W4: sustained mixed load',
  about:
    'One process calls the single-job interface at a fixed rate, another works; latency from when a job was due, of the jobs that started in the window.',
  syncs: ['on', 'off'],
  roundsMax: { full: 3, quick: 1, check: 1 },
  variants: (scale) =>
    RATES[scale].map((value) => ({ name: `${value.toLocaleString('en')}/s`, value })),
  skips: ({ system }, { value }, scale) =>
    FAST.has(system)
      ? scale === 'check' && value === PEER_RATE
      : value >= FAST_RATE || (scale === 'check' && value !== PEER_RATE),
  run: async (context) => {
    const producer = await openProducer(context);
    const worker = await context.fork();
    await worker.ask('work', { types: TYPES, handling: 'latency', report: false });
    await producer.ask('paced', { perSecond: 100, ms: WARM_UP_MS });
    await pause(SETTLE_MS);
    await worker.ask('latencies', null);
    const serverCpu = context.server.cpuMs();
    const wal = await context.server.walBytes();
    const before = await worker.ask('usage', null);
    const ms = SECONDS[context.scale] * 1_000;
    const sent = await producer.ask('paced', { perSecond: context.variant.value, ms });
    const after = await worker.ask('usage', null);
    const serverUsed = grown(serverCpu, context.server.cpuMs());
    const walBytes = grown(wal, await context.server.walBytes());
    const done = after.handled - before.handled;
    return [
      {
        variant: context.variant.name,
        metrics: known({
          sentPerSecond: (sent.jobs / sent.ms) * 1_000,
          donePerSecond: (done / sent.ms) * 1_000,
          ...percentiles(await worker.ask('latencies', null)),
          workerCpuPercent: share(after.cpuMs - before.cpuMs, sent.ms),
          producerCpuPercent: share(sent.cpuMs, sent.ms),
          serverCpuPercent: serverUsed === undefined ? undefined : share(serverUsed, sent.ms),
          walBytesPerJob: walBytes === undefined ? undefined : walBytes / Math.max(1, done),
          rssMb: after.rssBytesMax / 1_048_576,
        }),
      },
    ];
  },
};

function share(cpuMs: number, ms: number): number {
  return (cpuMs / ms) * 100;
}
