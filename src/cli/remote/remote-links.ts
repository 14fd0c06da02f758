/** Remote links: the pools, limits and executions of a server. */
import type { Cell } from '../../features/executions.ts';
import type { LimitStatus } from '../../features/limits.ts';
import type { Pool } from '../../features/pools.ts';
import type { Client, SetLimitRequest } from '../../http/client/index.ts';
import type { Operable } from '../operable.ts';
import { fromJson } from './crossing.ts';
import { isBehind, orUndefined, readList } from './pages.ts';

const POOLS_DEFAULT = 100;
const LIMITS_DEFAULT = 1_000;
const CELLS_DEFAULT = 100;

/** The pools of a server. */
export function remotePools(client: Client): Operable['pools'] {
  return {
    set: async (key, { capacity }) => fromJson(await client.setPool({ key, capacity })),
    get: async (key) => fromJson(await orUndefined(client.getPool({ key }), 'POOL_UNKNOWN')),
    list: ({ after, limit = POOLS_DEFAULT } = {}) =>
      readList<Pool>(
        (page) => client.listPools(page),
        limit,
        ({ key }) => isBehind(key, after),
      ),
    delete: (key) => client.deletePool({ key }),
    check: async () => fromJson((await client.checkPools()).data),
    repair: async () => fromJson((await client.repairPools()).data),
  };
}

/** The limits of a server. */
export function remoteLimits(client: Client): Operable['limits'] {
  return {
    set: async (name, amounts) =>
      fromJson(await client.setLimit({ ...(amounts as Partial<SetLimitRequest>), name })),
    get: async (name) => fromJson(await orUndefined(client.getLimit({ name }), 'LIMIT_UNKNOWN')),
    list: ({ after, limit = LIMITS_DEFAULT } = {}) =>
      readList<LimitStatus>(
        (page) => client.listLimits(page),
        limit,
        ({ name }) => isBehind(name, after),
      ),
    keys: async (name) => {
      const keys = await orUndefined(client.listLimitKeys({ name }), 'LIMIT_UNKNOWN');
      return fromJson(keys?.data ?? []);
    },
    delete: (name) => client.deleteLimit({ name }),
  };
}

/** The executions of the fan-outs of a server. */
export function remoteExecutions(client: Client): Operable['executions'] {
  return {
    get: async (id) =>
      fromJson(await orUndefined(client.getExecutions({ parent_id: id }), 'JOB_NOT_FOUND')),
    list: (id, { state, after = -1, limit = CELLS_DEFAULT } = {}) =>
      readList<Cell>(
        (page) => client.listCells({ ...page, parent_id: id, state }),
        limit,
        ({ ordinal }) => ordinal > after,
      ),
    matrix: async (id, axes) =>
      fromJson(await orUndefined(client.getMatrix({ parent_id: id, ...axes }), 'JOB_NOT_FOUND')),
  };
}
