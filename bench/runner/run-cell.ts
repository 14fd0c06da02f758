/** Measures one cell: a fresh database or Redis, processes of its own, and nothing left of either. */
import { Client } from 'pg';
import { Measured } from '../process/measured.ts';
import type { Postgres, Sync } from '../servers/postgres.ts';
import { startRedis } from '../servers/redis.ts';
import type { Config } from '../systems/configs.ts';
import type { Finding, Scale, Server, Variant, Workload } from '../workloads/workload.ts';

/** What to measure. */
export interface CellPlan {
  readonly workload: Workload;
  readonly variant: Variant;
  readonly config: Config;
  readonly sync: Sync;
  readonly scale: Scale;
}

interface FreshServer extends Server {
  end(): Promise<void>;
}

/** Runs one cell and returns what it found. */
export async function runCell(postgres: Postgres, plan: CellPlan): Promise<readonly Finding[]> {
  const { workload, config, sync } = plan;
  const server = config.system === 'bullmq' ? await freshRedis(sync) : await fresh(postgres, sync);
  const forked: Measured[] = [];
  try {
    return await workload.run({
      ...plan,
      server,
      fork: async () => {
        const measured = await Measured.fork(config, server.url);
        forked.push(measured);
        return measured;
      },
    });
  } finally {
    await Promise.all(forked.map((measured) => measured.kill()));
    await server.end();
  }
}

async function fresh(postgres: Postgres, sync: Sync): Promise<FreshServer> {
  // What earlier cells left to write must not be written while this one is measured.
  await postgres.admin.query('checkpoint');
  const { url, drop } = await postgres.freshDatabase(sync);
  const client = new Client({ connectionString: url });
  // The server ends this connection when the run is interrupted.
  client.on('error', () => undefined);
  await client.connect();
  return {
    url,
    client,
    cpuMs: () => postgres.cpuMs,
    walBytes: async () => {
      const { rows } = await client.query<{ bytes: string }>(
        `select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0') as bytes`,
      );
      return Number(rows[0]?.bytes);
    },
    end: async () => {
      await client.end();
      await drop();
    },
  };
}

async function freshRedis(sync: Sync): Promise<FreshServer> {
  const redis = await startRedis(sync);
  return {
    url: redis.url,
    client: undefined,
    cpuMs: () => redis.cpuMs,
    walBytes: async () => undefined,
    end: () => redis.stop(),
  };
}
