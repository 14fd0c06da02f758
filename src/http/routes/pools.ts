/** Pools: how many slots they have, who holds them, and whether their rows fit together. */
import { z } from 'zod';
import { unstuckError } from '../../domain/errors.ts';
import { snakeJson } from '../../domain/json.ts';
import { pageParameters, readPage } from '../page.ts';
import { type Route, route } from '../route.ts';
import { pool, poolProblem } from '../schema/pool.ts';
import { givenName, pageOf } from '../schema/values.ts';

const TAG = 'pools';
const keyed = z.object({ key: givenName });

/** The routes of pools. Checks and repairs have paths of their own, because a pool may be called `check`. */
export const poolRoutes: readonly Route[] = [
  route({
    id: 'listPools',
    method: 'GET',
    path: '/v1/pools',
    scope: 'read',
    tag: TAG,
    summary: 'Lists pools, by key.',
    query: z.strictObject(pageParameters),
    answers: { 200: { about: 'One page.', schema: pageOf(pool) } },
    handle: async ({ api, query }) => ({
      json: await readPage(query, {
        of: 'pools',
        read: (page) => api.unstuck.pools.list(page),
        keyOf: ({ key }) => key,
        toJson: snakeJson,
      }),
    }),
  }),
  route({
    id: 'getPool',
    method: 'GET',
    path: '/v1/pools/{key}',
    scope: 'read',
    tag: TAG,
    summary: 'Answers one pool.',
    params: keyed,
    answers: { 200: { about: 'The pool.', schema: pool } },
    errors: ['POOL_UNKNOWN'],
    handle: async ({ api, params: { key } }) => {
      const found = await api.unstuck.pools.get(key);
      if (found !== undefined) return { json: snakeJson(found) };
      throw unstuckError('POOL_UNKNOWN', `There is no pool ${JSON.stringify(key)}.`, {
        detail: { key },
      });
    },
  }),
  route({
    id: 'setPool',
    method: 'PUT',
    path: '/v1/pools/{key}',
    scope: 'admin',
    tag: TAG,
    summary: 'Sets how many slots a pool has, and makes it when it is missing.',
    about: 'More slots let waiting jobs in at once; fewer end nobody, the pool drains.',
    params: keyed,
    body: z.strictObject({
      capacity: z.number().meta({ description: 'A whole number from 0 to 1,000,000.' }),
    }),
    answers: { 200: { about: 'The pool.', schema: pool } },
    errors: ['POOL_INVALID'],
    handle: async ({ api, params: { key }, body }) => ({
      json: snakeJson(await api.unstuck.pools.set(key, body)),
    }),
  }),
  route({
    id: 'deletePool',
    method: 'DELETE',
    path: '/v1/pools/{key}',
    scope: 'admin',
    tag: TAG,
    summary: 'Deletes a pool that no live job names.',
    params: keyed,
    answers: { 204: { about: 'It is gone.' } },
    errors: ['POOL_UNKNOWN', 'POOL_IN_USE'],
    handle: async ({ api, params: { key } }) => {
      await api.unstuck.pools.delete(key);
      return { status: 204 };
    },
  }),
  route({
    id: 'checkPools',
    method: 'GET',
    path: '/v1/pool-problems',
    scope: 'read',
    tag: TAG,
    summary: 'Lists the pools whose rows do not fit together.',
    about: 'None proves that every slot is held by a live job and none is wasted. At most 1,000.',
    answers: { 200: { about: 'All problems.', schema: pageOf(poolProblem) } },
    handle: async ({ api }) => ({
      json: { data: snakeJson(await api.unstuck.pools.check()), next_cursor: null },
    }),
  }),
  route({
    id: 'repairPools',
    method: 'POST',
    path: '/v1/pool-repairs',
    scope: 'admin',
    tag: TAG,
    summary: 'Repairs what a hand has broken in pools, and says what it did.',
    answers: { 200: { about: 'What was found, and done about it.', schema: pageOf(poolProblem) } },
    handle: async ({ api }) => ({
      json: { data: snakeJson(await api.unstuck.pools.repair()), next_cursor: null },
    }),
  }),
];
