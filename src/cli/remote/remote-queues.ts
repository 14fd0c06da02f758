/** Remote queues: those of a server. */
import type { Queue } from '../../features/queues.ts';
import type { Client } from '../../http/client/index.ts';
import type { Operable } from '../operable.ts';
import { fromJson } from './crossing.ts';
import { isBehind, readList } from './pages.ts';
import { lookUntil } from './patience.ts';

const LIMIT_DEFAULT = 1_000;

/** The queues of a server. */
export function remoteQueues(client: Client): Operable['queues'] {
  const get = async (name: string): Promise<Queue> => fromJson(await client.getQueue({ name }));
  return {
    get,
    list: ({ after, limit = LIMIT_DEFAULT } = {}) =>
      readList<Queue>(
        (page) => client.listQueues(page),
        limit,
        ({ name }) => isBehind(name, after),
      ),
    pause: async (name, { reason, until } = {}) =>
      fromJson(await client.pauseQueue({ name, reason, until })),
    resume: async (name) => fromJson(await client.resumeQueue({ name })),
    pauseType: async (type, { reason, until } = {}) =>
      fromJson(await client.pauseType({ type, reason, until })),
    resumeType: (type) => client.resumeType({ type }),
    pauses: async () => fromJson((await client.listPauses()).data),
    executePending: async (queue) => fromJson(await client.executePending({ queue })),
    drain: async (name, options = {}) => {
      let left = 0;
      const look = async (): Promise<true | undefined> => {
        const { queued, running, pending, waitsFor } = await get(name);
        left = queued + running + pending - (waitsFor['hold'] ?? 0) - (waitsFor['time'] ?? 0);
        return left === 0 ? true : undefined;
      };
      const late = (): string =>
        `Queue ${JSON.stringify(name)} still has ${left} jobs after ${String(options.timeout)}; they go on.`;
      await lookUntil(look, late, options);
    },
  };
}
