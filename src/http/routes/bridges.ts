/** Bridges: how Redis lists stand whose messages become jobs, and what is done with dead messages. */
import { z } from 'zod';
import { unstuckError } from '../../domain/errors.ts';
import { snakeJson } from '../../domain/json.ts';
import { actorOf } from '../access/principal.ts';
import { pageParameters, readPage } from '../page.ts';
import { type Route, route } from '../route.ts';
import { bridge, deadChange, deadMessage, deadSelection } from '../schema/bridge.ts';
import { givenName, givenReason, pageOf } from '../schema/values.ts';

const TAG = 'bridges';
const named = z.object({ name: givenName });
const REDIS = [
  'REDIS_UNREACHABLE',
  'REDIS_REFUSED',
  'REDIS_URL_INVALID',
  'REDIS_PACKAGE_MISSING',
] as const;

/** What is done with dead messages. */
const DEAD_CHANGE = {
  method: 'POST',
  tag: TAG,
  about: 'Those that do not stand where they were seen are left alone and named.',
  params: named,
  body: deadSelection,
  answers: { 200: { about: 'What became of them.', schema: deadChange } },
  errors: ['BRIDGE_UNKNOWN', ...REDIS],
} as const;

/** The routes of bridges. */
export const bridgeRoutes: readonly Route[] = [
  route({
    id: 'listBridges',
    method: 'GET',
    path: '/v1/bridges',
    scope: 'read',
    tag: TAG,
    summary: 'Lists bridges, by name.',
    query: z.strictObject(pageParameters),
    answers: { 200: { about: 'One page.', schema: pageOf(bridge) } },
    handle: async ({ api, query }) => ({
      json: await readPage(query, {
        of: 'bridges',
        read: (page) => api.unstuck.redis.list(page),
        keyOf: ({ name }) => name,
        toJson: snakeJson,
      }),
    }),
  }),
  route({
    id: 'getBridge',
    method: 'GET',
    path: '/v1/bridges/{name}',
    scope: 'read',
    tag: TAG,
    summary: 'Answers one bridge, as it was last looked at.',
    params: named,
    answers: { 200: { about: 'The bridge.', schema: bridge } },
    errors: ['BRIDGE_UNKNOWN'],
    handle: async ({ api, params: { name } }) => {
      const found = await api.unstuck.redis.get(name);
      if (found !== undefined) return { json: snakeJson(found) };
      throw unstuckError('BRIDGE_UNKNOWN', `There is no bridge ${JSON.stringify(name)}.`, {
        detail: { name },
      });
    },
  }),
  route({
    id: 'deleteBridge',
    method: 'DELETE',
    path: '/v1/bridges/{name}',
    scope: 'admin',
    tag: TAG,
    summary: 'Forgets a bridge that is not run any more; its lists stay.',
    about: 'A process that runs it brings it back.',
    params: named,
    query: z.strictObject({ reason: givenReason }),
    answers: { 204: { about: 'It is gone.' } },
    errors: ['BRIDGE_UNKNOWN'],
    handle: async ({ api, principal, params: { name }, query }) => {
      await api.unstuck.redis.delete(name, actorOf(principal, query));
      return { status: 204 };
    },
  }),
  route({
    id: 'listDeadMessages',
    method: 'GET',
    path: '/v1/bridges/{name}/dead',
    scope: 'read',
    tag: TAG,
    summary: 'Lists dead messages, the oldest first.',
    about: 'Answered by a process that runs the bridge, or has UNSTUCK_REDIS_URL.',
    params: named,
    query: z.strictObject(pageParameters),
    answers: { 200: { about: 'One page.', schema: pageOf(deadMessage) } },
    errors: ['BRIDGE_UNKNOWN', ...REDIS],
    handle: async ({ api, params: { name }, query }) => ({
      json: await readPage(query, {
        of: ['dead', name],
        read: ({ limit, after }) =>
          api.unstuck.redis.dead(name, {
            limit,
            ...(after === undefined ? {} : { after: Number(after) }),
          }),
        keyOf: ({ position }) => String(position),
        toJson: snakeJson,
      }),
    }),
  }),
  route({
    ...DEAD_CHANGE,
    id: 'requeueDeadMessages',
    path: '/v1/bridges/{name}/dead/requeue',
    scope: 'write',
    summary: 'Puts dead messages back into the list, as they came.',
    handle: async ({ api, principal, params: { name }, body }) => {
      const actor = actorOf(principal, body);
      return { json: snakeJson(await api.unstuck.redis.requeueDead(name, body.messages, actor)) };
    },
  }),
  route({
    ...DEAD_CHANGE,
    id: 'deleteDeadMessages',
    path: '/v1/bridges/{name}/dead/delete',
    scope: 'admin',
    summary: 'Deletes dead messages.',
    handle: async ({ api, principal, params: { name }, body }) => {
      const actor = actorOf(principal, body);
      return { json: snakeJson(await api.unstuck.redis.deleteDead(name, body.messages, actor)) };
    },
  }),
];
