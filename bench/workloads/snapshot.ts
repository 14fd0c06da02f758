/** W6: drains while somebody holds a snapshot open, so that no dead row can be cleaned away. */
import { Client } from 'pg';
import { drain } from './drain.ts';
import { fill, openProducer } from './fill.ts';
import type { Scale, Workload } from './workload.ts';

const JOBS: Readonly<Record<Scale, number>> = { full: 300_000, quick: 5_000, check: 60_000 };

/** W6, the held snapshot. */
export const snapshotWorkload: Workload = {
  name: 'W6snapshot',
  title: 'W6: a held snapshot',
  about:
    '300,000 jobs enqueued and drained, with and without a transaction that was open before; no ANALYZE.',
  syncs: ['on'],
  roundsMax: { full: 3, quick: 1, check: 2 },
  variants: () => [
    { name: 'no snapshot', value: 0 },
    { name: 'snapshot held', value: 1 },
  ],
  run: async (context) => {
    const producer = await openProducer(context);
    const release =
      context.variant.value === 1 ? await holdSnapshot(context.server.url) : undefined;
    const jobs = JOBS[context.scale];
    await fill(producer, { jobs });
    const found = await drain(context, producer, { jobs });
    await release?.();
    return [found];
  },
};

async function holdSnapshot(connectionString: string): Promise<() => Promise<void>> {
  const client = new Client({ connectionString });
  client.on('error', () => undefined);
  await client.connect();
  await client.query('begin isolation level repeatable read');
  await client.query('select count(*) from pg_class');
  return () => client.end();
}
