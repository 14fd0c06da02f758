/** Remote Redis: the bridges of a server. */
import type { Bridge, DeadMessage } from '../../domain/bridge.ts';
import type { Client } from '../../http/client/index.ts';
import type { Operable } from '../operable.ts';
import { fromJson } from './crossing.ts';
import { isBehind, orUndefined, readList } from './pages.ts';

const LIMIT_DEFAULT = 1_000;
const DEAD_DEFAULT = 50;

/** The bridges of a server. */
export function remoteRedis(client: Client): Operable['redis'] {
  return {
    get: async (name) => fromJson(await orUndefined(client.getBridge({ name }), 'BRIDGE_UNKNOWN')),
    list: ({ after, limit = LIMIT_DEFAULT } = {}) =>
      readList<Bridge>(
        (page) => client.listBridges(page),
        limit,
        ({ name }) => isBehind(name, after),
      ),
    delete: (name, { reason } = {}) => client.deleteBridge({ name, reason }),
    dead: (name, { after = -1, limit = DEAD_DEFAULT } = {}) =>
      readList<DeadMessage>(
        (page) => client.listDeadMessages({ ...page, name }),
        limit,
        ({ position }) => position > after,
      ),
    requeueDead: async (name, messages, { reason } = {}) =>
      fromJson(await client.requeueDeadMessages({ name, messages: [...messages], reason })),
    deleteDead: async (name, messages, { reason } = {}) =>
      fromJson(await client.deleteDeadMessages({ name, messages: [...messages], reason })),
  };
}
