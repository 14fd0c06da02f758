/** Remote deliveries: those of a server. */
import type { Client } from '../../http/client/index.ts';
import type { Operable } from '../operable.ts';
import { fromJson } from './crossing.ts';
import { orUndefined } from './pages.ts';

/** The deliveries of a server; `after` is `next` of the page before: here a cursor. */
export function remoteDeliveries(client: Client): Operable['deliveries'] {
  return {
    list: async ({ after, ...query } = {}) => {
      const { data, next_cursor: next } = await client.listDeliveries({ ...query, cursor: after });
      return { deliveries: fromJson(data), next };
    },
    get: async (id) =>
      fromJson(await orUndefined(client.getDelivery({ id }), 'DELIVERY_NOT_FOUND')),
    retry: async (id, { reason } = {}) => fromJson(await client.retryDelivery({ id, reason })),
  };
}
