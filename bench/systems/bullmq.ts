/** BullMQ on Redis: `add` and `addBulk`, a worker with 100 handlers at once or with its defaults. */
import { type ConnectionOptions, Queue, Worker } from 'bullmq';
import type { Payload } from '../core/payload.ts';
import type { Producer, RunningWorker, System, Target, Work } from '../core/system.ts';

/** The options that the configurations set; everything else is default. */
export interface BullSettings {
  readonly concurrency?: number;
  readonly removeOnComplete?: true;
}

/** Returns BullMQ on this Redis. */
export function openBull({ url, settings }: Target<BullSettings>): System {
  const connection = connectionTo(url);
  return {
    prepare: async () => undefined,
    producer: async (types) => openProducer(connection, types, settings),
    work: async (work) => startWorkers(connection, work, settings),
  };
}

function connectionTo(url: string): ConnectionOptions {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port), maxRetriesPerRequest: null };
}

function openProducer(
  connection: ConnectionOptions,
  types: readonly string[],
  settings: BullSettings,
): Producer {
  const queues = new Map(types.map((type) => [type, new Queue(type, { connection })]));
  const find = (type: string): Queue => {
    const queue = queues.get(type);
    if (queue === undefined) throw new Error(`There is no queue ${type}.`);
    return queue;
  };
  const options = (delayMs: number | undefined): object => ({
    ...(delayMs === undefined ? {} : { delay: delayMs }),
    ...(settings.removeOnComplete === true ? { removeOnComplete: true } : {}),
  });
  return {
    one: (payload, { type, delayMs }) => find(type).add('job', payload, options(delayMs)),
    many: (payloads, { type, delayMs }) => {
      const opts = options(delayMs);
      return find(type).addBulk(payloads.map((data) => ({ name: 'job', data, opts })));
    },
    left: async () => {
      const counts = await Promise.all(
        [...queues.values()].map((queue) => queue.getJobCounts('waiting', 'active')),
      );
      return counts.some((each) => Object.values(each).some((count) => count > 0));
    },
    close: async () => {
      await Promise.all([...queues.values()].map((queue) => queue.close()));
    },
  };
}

function startWorkers(
  connection: ConnectionOptions,
  { types, handle }: Work,
  { concurrency }: BullSettings,
): RunningWorker {
  const workers = types.map(
    (type) =>
      new Worker<Payload>(type, async (job) => handle(job.data), {
        connection,
        ...(concurrency === undefined ? {} : { concurrency }),
      }),
  );
  return {
    stop: async () => {
      await Promise.all(workers.map((worker) => worker.close(true)));
    },
  };
}
