/** graphile-worker: `addJob` and `addJobs`; its docs' fastest mode has a local queue and batched completions. */
import { Logger, makeWorkerUtils, type RunnerOptions, run, type TaskList } from 'graphile-worker';
import { makePayload, type Payload } from '../core/payload.ts';
import type { Producer, RunningWorker, System, Target, Work } from '../core/system.ts';
import { leftBySql } from './left-by-sql.ts';

/** The options that the configurations set; everything else is default. */
export interface GraphileSettings {
  readonly concurrency?: number;
  readonly pool?: number;
  /** The size of the local queue; with it completions and failures are batched. */
  readonly localQueue?: number;
}

const LEFT = `select exists (
  select from graphile_worker._private_jobs where run_at <= now() and attempts < max_attempts) as some`;
const SILENT = new Logger(() => () => undefined);
const PRODUCER_POOL = 10;

/** Returns graphile-worker on this database. */
export function openGraphile({ url, settings }: Target<GraphileSettings>): System {
  return {
    prepare: async () => {
      const utils = await makeWorkerUtils({ connectionString: url, logger: SILENT });
      await utils.migrate();
      await utils.release();
    },
    producer: () => openProducer(url),
    work: (work) => startWorker(url, work, settings),
  };
}

async function openProducer(connectionString: string): Promise<Producer> {
  const utils = await makeWorkerUtils({
    connectionString,
    logger: SILENT,
    maxPoolSize: PRODUCER_POOL,
  });
  const left = await leftBySql(connectionString, LEFT);
  return {
    one: (payload, { type, delayMs }) => utils.addJob(type, payload, runAt(delayMs)),
    many: (payloads, { type, delayMs }) =>
      utils.addJobs(payloads.map((payload) => ({ identifier: type, payload, ...runAt(delayMs) }))),
    left: left.ask,
    close: async () => {
      await left.close();
      await utils.release();
    },
  };
}

function runAt(delayMs: number | undefined): { runAt?: Date } {
  return delayMs === undefined ? {} : { runAt: new Date(Date.now() + delayMs) };
}

async function startWorker(
  connectionString: string,
  { types, handle }: Work,
  settings: GraphileSettings,
): Promise<RunningWorker> {
  const task = async (payload: unknown): Promise<void> => {
    await handle(isPayload(payload) ? payload : makePayload(0, 0));
  };
  const taskList: TaskList = Object.fromEntries(types.map((type) => [type, task]));
  const runner = await run({
    connectionString,
    taskList,
    crontab: '',
    noHandleSignals: true,
    logger: SILENT,
    ...workerOptions(settings),
  });
  return { stop: () => runner.stop() };
}

function workerOptions({ concurrency, pool, localQueue }: GraphileSettings): RunnerOptions {
  return {
    preset: {
      worker: {
        ...(concurrency === undefined ? {} : { concurrentJobs: concurrency }),
        ...(pool === undefined ? {} : { maxPoolSize: pool }),
        ...(localQueue === undefined
          ? {}
          : { localQueue: { size: localQueue }, completeJobBatchDelay: 0, failJobBatchDelay: 0 }),
      },
    },
  };
}

function isPayload(value: unknown): value is Payload {
  return typeof value === 'object' && value !== null && 'sentAt' in value;
}
