/** Remote tokens: those of a server. */
import type { Client } from '../../http/client/index.ts';
import type { Operable } from '../operable.ts';
import { fromJson } from './crossing.ts';

/** The tokens of a server. */
export function remoteTokens(client: Client): Operable['tokens'] {
  return {
    create: async ({ name, scopes, expires }) =>
      fromJson(await client.createToken({ name, scopes, expires_in: expires })),
    list: async ({ limit, after } = {}) => {
      const { data, next_cursor: next } = await client.listTokens({ limit, cursor: after });
      return { tokens: fromJson(data), next };
    },
    revoke: async (id, { reason } = {}) => fromJson(await client.revokeToken({ id, reason })),
  };
}
