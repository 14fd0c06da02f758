/** G: how the cost of a job grows with the number of jobs, of types, of workers, and with the payload. Unstuck only. */
import { claimMicros, forgetStatements, watchStatements } from '../servers/claim-statistics.ts';
import { drain } from './drain.ts';
import { fill, openProducer } from './fill.ts';
import {
  type Context,
  grown,
  known,
  microsPerJob,
  type Scale,
  TYPES,
  type Variant,
  type Workload,
} from './workload.ts';

const BASE_JOBS: Readonly<Record<Scale, number>> = { full: 40_000, quick: 2_000, check: 2_000 };
const LARGEST: Readonly<Record<Scale, number>> = { full: 1_000_000, quick: 10_000, check: 1_000 };
const PAYLOAD_TOTAL_BYTES = 200_000_000;

/** What grows, with its values. */
export const GROWING: Readonly<Record<string, readonly number[]>> = {
  jobs: [1_000, 10_000, 100_000, 1_000_000],
  types: [1, 10, 50, 200],
  processes: [1, 2, 4, 8],
  'payload bytes': [100, 1_000, 10_000, 100_000],
};

/** G. */
export const growthWorkload: Workload = {
  name: 'G',
  title: 'G: how the cost grows',
  about:
    'Filled in bulk, then drained; one of jobs, types, worker processes and payload grows, the others stay.',
  syncs: ['on'],
  roundsMax: { full: 3, quick: 1, check: 0 },
  variants: (scale) =>
    Object.entries(GROWING).flatMap(([kind, values]) =>
      values
        .filter((value) => kind !== 'jobs' || value <= LARGEST[scale])
        .map((value) => ({ name: `${value.toLocaleString('en')} ${kind}`, kind, value })),
    ),
  run: async (context) => {
    const { client } = context.server;
    if (client === undefined) throw new Error('The growth rows need PostgreSQL.');
    await watchStatements(client);
    const { jobs, types, processes, bytes } = sizes(context.variant, context.scale);
    const producer = await openProducer(context, types);
    const cpu = context.server.cpuMs();
    const wal = await context.server.walBytes();
    const filled = await fill(producer, { jobs, types, bytes });
    const fillCpu = grown(cpu, context.server.cpuMs());
    const fillWal = grown(wal, await context.server.walBytes());
    await client.query('analyze');
    await forgetStatements(client);
    const connections = watchConnections(context);
    const { metrics } = await drain(context, producer, { jobs, types, processes });
    const { jobsPerSecond, walBytesPerJob, ...rest } = metrics;
    return [
      {
        variant: context.variant.name,
        metrics: known({
          enqueuePerSecond: (filled.jobs / filled.ms) * 1_000,
          drainPerSecond: jobsPerSecond,
          ...rest,
          enqueueServerMicrosPerJob: microsPerJob(fillCpu, jobs),
          claimMicrosPerJob: await claimMicros(client),
          walBytesPerJob: (walBytesPerJob ?? Number.NaN) + (fillWal ?? Number.NaN) / jobs,
          connections: await connections(),
          diskMb: await diskMb(context),
        }),
      },
    ];
  },
};

interface Sizes {
  readonly jobs: number;
  readonly types: readonly string[];
  readonly processes: number;
  readonly bytes: number;
}

function sizes({ kind, value }: Variant, scale: Scale): Sizes {
  const base = { jobs: BASE_JOBS[scale], types: TYPES, processes: 1, bytes: 113 };
  switch (kind) {
    case 'jobs':
      return { ...base, jobs: value };
    case 'types':
      return { ...base, types: Array.from({ length: value }, (_, at) => `bench-${at}`) };
    case 'processes':
      return { ...base, processes: value };
    default:
      return {
        ...base,
        bytes: value,
        jobs: Math.min(base.jobs, Math.floor(PAYLOAD_TOTAL_BYTES / value)),
      };
  }
}

const WATCH_MS = 100;

/** Looks how many connections the cell has while it runs; returns what ends that and answers the most seen. */
function watchConnections({ server: { client } }: Context): () => Promise<number> {
  let most = 0;
  const look = async (): Promise<void> => {
    const result = await client?.query<{ count: number }>(
      'select count(*)::int as count from pg_stat_activity where datname = current_database()',
    );
    // Two are the harness's own: this one, and the one that asks whether work is left.
    most = Math.max(most, (result?.rows[0]?.count ?? 0) - 2);
  };
  let looking: Promise<void> = Promise.resolve();
  const timer = setInterval(() => {
    looking = look().catch(() => undefined);
  }, WATCH_MS);
  return async () => {
    clearInterval(timer);
    await looking;
    return most;
  };
}

async function diskMb({ server: { client } }: Context): Promise<number | undefined> {
  const result = await client?.query<{ mb: number }>(
    'select pg_database_size(current_database()) / 1048576.0 as mb',
  );
  return Number(result?.rows[0]?.mb);
}
