/** Targets: remote workers, looked at, paused, resumed and asked. */
import { z } from 'zod';
import { snakeJson } from '../../domain/json.ts';
import { actorOf } from '../access/principal.ts';
import { pageParameters, readPage } from '../page.ts';
import { type Route, route } from '../route.ts';
import { newPause } from '../schema/queue.ts';
import { target, targetProbe } from '../schema/target.ts';
import { givenName, givenReason, pageOf } from '../schema/values.ts';

const TAG = 'targets';
const named = z.object({ name: givenName });

/** The routes of remote workers. */
export const targetRoutes: readonly Route[] = [
  route({
    id: 'listTargets',
    method: 'GET',
    path: '/v1/targets',
    scope: 'read',
    tag: TAG,
    summary: 'Lists remote workers, how each stands and what waits for it, by name.',
    query: z.strictObject(pageParameters),
    answers: { 200: { about: 'One page.', schema: pageOf(target) } },
    handle: async ({ api, query }) => ({
      json: await readPage(query, {
        of: 'targets',
        read: (page) => api.unstuck.targets.list(page),
        keyOf: ({ name }) => name,
        toJson: snakeJson,
      }),
    }),
  }),
  route({
    id: 'getTarget',
    method: 'GET',
    path: '/v1/targets/{name}',
    scope: 'read',
    tag: TAG,
    summary: 'Answers one remote worker.',
    params: named,
    answers: { 200: { about: 'The target.', schema: target } },
    errors: ['TARGET_UNKNOWN'],
    handle: async ({ api, params: { name } }) => ({
      json: snakeJson(await api.unstuck.targets.get(name)),
    }),
  }),
  route({
    id: 'pauseTarget',
    method: 'POST',
    path: '/v1/targets/{name}/pause',
    scope: 'write',
    tag: TAG,
    summary:
      'Sends a remote worker nothing, and asks it nothing, until then or until it is resumed.',
    about: 'What it works on goes on; its jobs wait. A second pause replaces the first.',
    params: named,
    body: newPause,
    answers: { 200: { about: 'The target.', schema: target } },
    errors: ['TARGET_UNKNOWN', 'TIME_INVALID'],
    handle: async ({ api, principal, params: { name }, body: { until, reason } }) => {
      const pause = {
        ...actorOf(principal, { reason }),
        ...(until === undefined ? {} : { until }),
      };
      return { json: snakeJson(await api.unstuck.targets.pause(name, pause)) };
    },
  }),
  route({
    id: 'resumeTarget',
    method: 'POST',
    path: '/v1/targets/{name}/resume',
    scope: 'write',
    tag: TAG,
    summary: 'Sends a remote worker jobs again; one that is not paused stays as it is.',
    params: named,
    body: z.strictObject({ reason: givenReason }),
    answers: { 200: { about: 'The target.', schema: target } },
    errors: ['TARGET_UNKNOWN'],
    handle: async ({ api, principal, params: { name }, body }) => ({
      json: snakeJson(await api.unstuck.targets.resume(name, actorOf(principal, body))),
    }),
  }),
  route({
    id: 'probeTarget',
    method: 'POST',
    path: '/v1/targets/{name}/probe',
    scope: 'write',
    tag: TAG,
    summary: 'Asks a remote worker now whether it is there; answers within 15 s what it said.',
    about:
      'One that is down is asked by the sweep, and its jobs go on if it answers. Any other is asked by this server, which changes nothing.',
    params: named,
    answers: { 200: { about: 'What it said.', schema: targetProbe } },
    errors: ['TARGET_UNKNOWN'],
    handle: async ({ api, params: { name } }) => ({
      json: snakeJson(await api.unstuck.targets.probe(name)),
    }),
  }),
];
