/** Queues and types: counted, paused and resumed. */
import { z } from 'zod';
import { snakeJson } from '../../domain/json.ts';
import type { PauseOptions } from '../../features/queues.ts';
import { actorOf, type Principal } from '../access/principal.ts';
import { pageParameters, readPage } from '../page.ts';
import { type Route, route } from '../route.ts';
import { type NewPauseBody, namedPause, newPause, pause, queue } from '../schema/queue.ts';
import { givenName, pageOf } from '../schema/values.ts';

const TAG = 'queues';
const PAUSED = 'Running jobs go on. A second pause replaces the first.';
const named = z.object({ name: givenName });
const typed = z.object({ type: givenName });

/** The routes of queues, and of what is paused. */
export const queueRoutes: readonly Route[] = [
  route({
    id: 'listQueues',
    method: 'GET',
    path: '/v1/queues',
    scope: 'read',
    tag: TAG,
    summary: 'Lists queues with their counts, by name.',
    query: z.strictObject(pageParameters),
    answers: { 200: { about: 'One page.', schema: pageOf(queue) } },
    handle: async ({ api, query }) => ({
      json: await readPage(query, {
        of: 'queues',
        read: (page) => api.unstuck.queues.list(page),
        keyOf: ({ name }) => name,
        toJson: snakeJson,
      }),
    }),
  }),
  route({
    id: 'getQueue',
    method: 'GET',
    path: '/v1/queues/{name}',
    scope: 'read',
    tag: TAG,
    summary: 'Answers one queue with its counts.',
    params: named,
    answers: { 200: { about: 'The queue.', schema: queue } },
    errors: ['QUEUE_UNKNOWN'],
    handle: async ({ api, params: { name } }) => ({
      json: snakeJson(await api.unstuck.queues.get(name)),
    }),
  }),
  route({
    id: 'pauseQueue',
    method: 'POST',
    path: '/v1/queues/{name}/pause',
    scope: 'write',
    tag: TAG,
    summary: 'Starts no further job of a queue, in any process, until then or until it is resumed.',
    about: PAUSED,
    params: named,
    body: newPause,
    answers: { 200: { about: 'The queue.', schema: queue } },
    errors: ['QUEUE_UNKNOWN', 'TIME_INVALID'],
    handle: async ({ api, principal, params: { name }, body }) => ({
      json: snakeJson(await api.unstuck.queues.pause(name, toPause(principal, body))),
    }),
  }),
  route({
    id: 'resumeQueue',
    method: 'POST',
    path: '/v1/queues/{name}/resume',
    scope: 'write',
    tag: TAG,
    summary: 'Starts jobs of a queue again; one that is not paused stays as it is.',
    params: named,
    answers: { 200: { about: 'The queue.', schema: queue } },
    errors: ['QUEUE_UNKNOWN'],
    handle: async ({ api, params: { name } }) => ({
      json: snakeJson(await api.unstuck.queues.resume(name)),
    }),
  }),
  route({
    id: 'pauseType',
    method: 'POST',
    path: '/v1/types/{type}/pause',
    scope: 'write',
    tag: TAG,
    summary: 'Starts no further job of one type, until then or until it is resumed.',
    about: PAUSED,
    params: typed,
    body: newPause,
    answers: { 200: { about: 'The pause.', schema: pause } },
    errors: ['JOB_TYPE_UNKNOWN', 'TIME_INVALID'],
    handle: async ({ api, principal, params: { type }, body }) => ({
      json: snakeJson(await api.unstuck.queues.pauseType(type, toPause(principal, body))),
    }),
  }),
  route({
    id: 'resumeType',
    method: 'POST',
    path: '/v1/types/{type}/resume',
    scope: 'write',
    tag: TAG,
    summary: 'Starts jobs of one type again; one that is not paused stays as it is.',
    params: typed,
    answers: { 204: { about: 'It is not paused (any more).' } },
    errors: ['JOB_TYPE_UNKNOWN'],
    handle: async ({ api, params: { type } }) => {
      await api.unstuck.queues.resumeType(type);
      return { status: 204 };
    },
  }),
  route({
    id: 'listPauses',
    method: 'GET',
    path: '/v1/pauses',
    scope: 'read',
    tag: TAG,
    summary: 'Lists the queues and types that are paused, the oldest pause first.',
    about: 'At most 1,000, in one page.',
    answers: { 200: { about: 'All pauses.', schema: pageOf(namedPause) } },
    handle: async ({ api }) => ({
      json: { data: snakeJson(await api.unstuck.queues.pauses()), next_cursor: null },
    }),
  }),
];

function toPause(principal: Principal, { until, reason }: NewPauseBody): PauseOptions {
  return { ...actorOf(principal, { reason }), ...(until === undefined ? {} : { until }) };
}
