/** pg-boss: `send` and `insert`; its fastest modes hand batches to the handler or leave fetching to the caller. */
import { type ConstructorOptions, type Job, PgBoss } from 'pg-boss';
import type { Payload } from '../core/payload.ts';
import type { Producer, RunningWorker, System, Target, Work } from '../core/system.ts';
import { leftBySql } from './left-by-sql.ts';

/** The options that the configurations set; everything else is default. */
export interface BossSettings {
  readonly batch?: number;
  readonly concurrency?: number;
  readonly burst?: 'full batch' | 'backlog';
  readonly pollSeconds?: number;
  readonly perJobResults?: true;
  readonly notify?: true;
  /** Jobs per call of `fetch`, in `concurrency` loops of the caller's own. */
  readonly fetch?: number;
}

const LEFT = `select exists (
  select from pgboss.job where state in ('created', 'retry', 'active') and start_after <= now()) as some`;
const PRODUCER_POOL = 10;
const IDLE_MS = 500;

/** Returns pg-boss on this database. */
export function openBoss({ url, settings }: Target<BossSettings>): System {
  return {
    prepare: async (types) => {
      const boss = await startBoss({ connectionString: url, supervise: false, schedule: false });
      for (const type of types) await boss.createQueue(type, { notify: settings.notify === true });
      await boss.stop({ graceful: false });
    },
    producer: () => openProducer(url),
    work: async (work) =>
      startWorker(await startBoss(workerOptions(url, settings)), work, settings),
  };
}

async function startBoss(options: ConstructorOptions): Promise<PgBoss> {
  const boss = new PgBoss(options);
  boss.on('error', (error) => console.error(`pg-boss: ${error.message}`));
  await boss.start();
  return boss;
}

async function openProducer(connectionString: string): Promise<Producer> {
  const boss = await startBoss({
    connectionString,
    max: PRODUCER_POOL,
    supervise: false,
    schedule: false,
  });
  const left = await leftBySql(connectionString, LEFT);
  return {
    one: (payload, { type, delayMs }) => boss.send(type, payload, startAfter(delayMs)),
    many: (payloads, { type, delayMs }) =>
      boss.insert(
        type,
        payloads.map((data) => ({ data, ...startAfter(delayMs) })),
      ),
    left: left.ask,
    close: async () => {
      await left.close();
      await boss.stop({ graceful: false });
    },
  };
}

function startAfter(delayMs: number | undefined): { startAfter?: number } {
  return delayMs === undefined ? {} : { startAfter: Math.ceil(delayMs / 1_000) };
}

function workerOptions(connectionString: string, settings: BossSettings): ConstructorOptions {
  // The backlog trigger reads cached counts: a second instead of a minute is the fastest that per-job mode gets.
  const fast = {
    superviseIntervalSeconds: 1,
    monitorIntervalSeconds: 1,
    queueCacheIntervalSeconds: 1,
  };
  return {
    connectionString,
    ...(settings.notify === true ? { useListenNotify: true } : {}),
    ...(settings.burst === 'backlog' ? { ...fast, max: (settings.concurrency ?? 1) + 1 } : {}),
  };
}

async function startWorker(
  boss: PgBoss,
  { types, handle }: Work,
  settings: BossSettings,
): Promise<RunningWorker> {
  const run = async (jobs: readonly Job<Payload>[]): Promise<void> => {
    for (const job of jobs) await handle(job.data);
  };
  if (settings.fetch !== undefined) return startFetching(boss, types, settings, run);
  for (const type of types) {
    const options = workOptions(settings);
    if (settings.perJobResults === true) {
      await boss.work<Payload>(type, { ...options, perJobResults: true }, async (jobs) => {
        await run(jobs);
        return jobs.map(({ id }) => ({ id, status: 'completed' as const }));
      });
    } else {
      await boss.work<Payload>(type, options, run);
    }
  }
  return { stop: () => boss.stop({ graceful: false }) };
}

function workOptions(settings: BossSettings): object {
  return {
    ...(settings.batch === undefined ? {} : { batchSize: settings.batch }),
    ...(settings.concurrency === undefined ? {} : { localConcurrency: settings.concurrency }),
    ...(settings.pollSeconds === undefined ? {} : { pollingIntervalSeconds: settings.pollSeconds }),
    ...(settings.burst === 'full batch' ? { burstWhenBatchFull: true } : {}),
    ...(settings.burst === 'backlog' ? { burstWhenReadyExceeds: 1 } : {}),
  };
}

function startFetching(
  boss: PgBoss,
  types: readonly string[],
  settings: BossSettings,
  run: (jobs: readonly Job<Payload>[]) => Promise<void>,
): RunningWorker {
  const stop = new AbortController();
  const loop = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      let fetched = 0;
      for (const type of types) {
        const jobs = await boss.fetch<Payload>(type, { batchSize: settings.fetch ?? 1 });
        await run(jobs);
        fetched += jobs.length;
        if (jobs.length > 0)
          await boss.complete(
            type,
            jobs.map(({ id }) => id),
          );
      }
      if (fetched === 0) await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
    }
  };
  const loops = Array.from({ length: settings.concurrency ?? 1 }, loop);
  return {
    stop: async () => {
      stop.abort();
      await Promise.all(loops);
      await boss.stop({ graceful: false });
    },
  };
}
