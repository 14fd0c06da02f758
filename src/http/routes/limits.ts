/** Limits: how much they allow, and how much of them is used. */
import { z } from 'zod';
import { unstuckError } from '../../domain/errors.ts';
import { snakeJson } from '../../domain/json.ts';
import type { LimitStatus } from '../../features/limits.ts';
import type { Api } from '../api.ts';
import { pageParameters, readPage } from '../page.ts';
import { type Route, route } from '../route.ts';
import { limit, limitAmounts, limitKey, toAmounts } from '../schema/limit.ts';
import { givenName, pageOf } from '../schema/values.ts';

const TAG = 'limits';
const named = z.object({ name: givenName });

/** The routes of limits. */
export const limitRoutes: readonly Route[] = [
  route({
    id: 'listLimits',
    method: 'GET',
    path: '/v1/limits',
    scope: 'read',
    tag: TAG,
    summary: 'Lists limits, by name.',
    query: z.strictObject(pageParameters),
    answers: { 200: { about: 'One page.', schema: pageOf(limit) } },
    handle: async ({ api, query }) => ({
      json: await readPage(query, {
        of: 'limits',
        read: (page) => api.unstuck.limits.list(page),
        keyOf: ({ name }) => name,
        toJson: snakeJson,
      }),
    }),
  }),
  route({
    id: 'getLimit',
    method: 'GET',
    path: '/v1/limits/{name}',
    scope: 'read',
    tag: TAG,
    summary: 'Answers one limit.',
    params: named,
    answers: { 200: { about: 'The limit.', schema: limit } },
    errors: ['LIMIT_UNKNOWN'],
    handle: async ({ api, params: { name } }) => ({ json: snakeJson(await find(api, name)) }),
  }),
  route({
    id: 'listLimitKeys',
    method: 'GET',
    path: '/v1/limits/{name}/keys',
    scope: 'read',
    tag: TAG,
    summary: 'Lists how many jobs count at each key of a limit, the longest lines first.',
    about: 'At most 100, in one page.',
    params: named,
    answers: { 200: { about: 'The keys.', schema: pageOf(limitKey) } },
    errors: ['LIMIT_UNKNOWN'],
    handle: async ({ api, params: { name } }) => {
      await find(api, name);
      return { json: { data: await api.unstuck.limits.keys(name), next_cursor: null } };
    },
  }),
  route({
    id: 'setLimit',
    method: 'PUT',
    path: '/v1/limits/{name}',
    scope: 'admin',
    tag: TAG,
    summary: 'Sets the amounts of a limit; they stay, whatever the code says.',
    about: 'More let waiting jobs in at once; fewer end nobody.',
    params: named,
    body: limitAmounts,
    answers: { 200: { about: 'The limit.', schema: limit } },
    errors: ['LIMIT_INVALID'],
    handle: async ({ api, principal, params: { name }, body }) => ({
      json: snakeJson(await api.unstuck.limits.set(name, toAmounts(body), { by: principal.name })),
    }),
  }),
  route({
    id: 'deleteLimit',
    method: 'DELETE',
    path: '/v1/limits/{name}',
    scope: 'admin',
    tag: TAG,
    summary: 'Deletes a limit at which no live job counts.',
    params: named,
    answers: { 204: { about: 'It is gone.' } },
    errors: ['LIMIT_UNKNOWN', 'LIMIT_IN_USE'],
    handle: async ({ api, params: { name } }) => {
      await api.unstuck.limits.delete(name);
      return { status: 204 };
    },
  }),
];

async function find({ unstuck }: Api, name: string): Promise<LimitStatus> {
  const found = await unstuck.limits.get(name);
  if (found !== undefined) return found;
  throw unstuckError('LIMIT_UNKNOWN', `There is no limit ${JSON.stringify(name)}.`, {
    detail: { name },
  });
}
