/** W6: drains beside one million jobs that wait, that nobody handles, or that are due later, before and after ANALYZE. */
import { claimMicros, forgetStatements, watchStatements } from '../servers/claim-statistics.ts';
import { drain } from './drain.ts';
import { fill, openProducer } from './fill.ts';
import {
  type Context,
  type Finding,
  known,
  type Scale,
  TYPES,
  type Variant,
  type Workload,
} from './workload.ts';

const OTHER = 'other';
const HOUR_MS = 3_600_000;
const LARGE: Readonly<Record<Scale, number>> = { full: 1_000_000, quick: 10_000, check: 200_000 };
const SMALL = 1_000;
const DRAINED: Readonly<Record<Scale, number>> = { full: 40_000, quick: 2_000, check: 20_000 };

/** W6, the backlogs. */
export const backlogWorkload: Workload = {
  name: 'W6backlog',
  title: 'W6: beside a backlog',
  about:
    'Jobs drained from a queue that keeps the backlog: of the same type, of a type that nobody handles, or due in an hour; autovacuum off.',
  syncs: ['on'],
  roundsMax: { full: 1, quick: 1, check: 1 },
  variants: (scale) => {
    const sizes = [SMALL, LARGE[scale]];
    const kinds = scale === 'check' ? ['same type'] : ['same type', 'another type', 'future'];
    return kinds.flatMap((kind) =>
      sizes.map((value) => ({ name: `${value.toLocaleString('en')} ${kind}`, kind, value })),
    );
  },
  skips: ({ system }, { kind }) => system === 'raw' && kind === 'another type',
  run: async (context) => {
    const { client } = context.server;
    if (client === undefined) return drains(context);
    await client.query('alter system set autovacuum = off');
    await client.query('select pg_reload_conf()');
    try {
      await watchStatements(client);
      return await drains(context);
    } finally {
      await client.query('alter system reset autovacuum');
      await client.query('select pg_reload_conf()');
    }
  },
};

async function drains(context: Context): Promise<readonly Finding[]> {
  const { client } = context.server;
  const producer = await openProducer(context, [...TYPES, OTHER]);
  const jobs = DRAINED[context.scale];
  await fill(producer, backlog(context.variant));
  const drained = async (what: string): Promise<Finding> => {
    await fill(producer, { jobs });
    await forgetStatements(client);
    const { metrics } = await drain(context, producer, { jobs, leave: true });
    const variant =
      client === undefined ? context.variant.name : `${context.variant.name}, ${what}`;
    return {
      variant,
      metrics: known({
        ...metrics,
        claimMicrosPerJob: await claimMicros(client),
        backlogJobs: context.variant.value,
      }),
    };
  };
  const first = await drained('never analysed');
  if (client === undefined) return [first];
  await client.query('vacuum (analyze)');
  return [first, await drained('analysed')];
}

function backlog({ kind, value }: Variant): Parameters<typeof fill>[1] {
  if (kind === 'future') return { jobs: value, delayMs: HOUR_MS };
  return { jobs: value, types: kind === 'another type' ? [OTHER] : TYPES };
}
