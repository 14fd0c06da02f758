/** Remote targets: those of a server. */
import type { Enqueued } from '../../domain/job.ts';
import type { Notice } from '../../domain/target-notice.ts';
import type { Target } from '../../features/targets.ts';
import type { Client } from '../../http/client/index.ts';
import type { Operable } from '../operable.ts';
import { fromJson } from './crossing.ts';
import { isBehind, readList } from './pages.ts';

const LIMIT_DEFAULT = 1_000;

/** The remote workers of a server; `notices` are those that it has told with enqueued jobs. */
export function remoteTargets(
  client: Client,
  notices: WeakMap<Enqueued, Notice | null>,
): Operable['targets'] {
  return {
    get: async (name) => fromJson(await client.getTarget({ name })),
    list: ({ after, limit = LIMIT_DEFAULT } = {}) =>
      readList<Target>(
        (page) => client.listTargets(page),
        limit,
        ({ name }) => isBehind(name, after),
      ),
    pause: async (name, { reason, until } = {}) =>
      fromJson(await client.pauseTarget({ name, reason, until })),
    resume: async (name, { reason } = {}) => fromJson(await client.resumeTarget({ name, reason })),
    probe: async (name) => fromJson(await client.probeTarget({ name })),
    noticeFor: async (_type, enqueued) => notices.get(enqueued) ?? null,
    sendingOf: async ({ id }) => fromJson((await client.getJob({ id })).sending),
  };
}
