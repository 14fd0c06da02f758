/** Status, findings and workers: what the installation is like now, from one snapshot for all who ask. */
import { snakeJson } from '../../domain/json.ts';
import { type Route, route } from '../route.ts';
import { finding, status, worker } from '../schema/status.ts';
import { pageOf } from '../schema/values.ts';
import { sharedStatus } from '../shared.ts';

const TAG = 'status';
const SHARED = 'Counted at most once a second for all who ask.';

/** The routes of the installation as a whole. */
export const statusRoutes: readonly Route[] = [
  route({
    id: 'getStatus',
    method: 'GET',
    path: '/v1/status',
    scope: 'read',
    tag: TAG,
    summary: 'Answers counts, workers, findings, and how many jobs are late or stuck.',
    about: SHARED,
    answers: { 200: { about: 'The status.', schema: status } },
    handle: async ({ api }) => ({ json: snakeJson(await sharedStatus(api.unstuck).get()) }),
  }),
  route({
    id: 'listFindings',
    method: 'GET',
    path: '/v1/findings',
    scope: 'read',
    tag: TAG,
    summary: 'Lists why jobs are late, the oldest first; whoever sweeps renews them every 2 s.',
    about: `${SHARED} At most 1,000, in one page. Reading renews nothing: a tick does.`,
    answers: { 200: { about: 'All findings.', schema: pageOf(finding) } },
    handle: async ({ api }) => {
      const { findings } = await sharedStatus(api.unstuck).get();
      return { json: { data: snakeJson(findings), next_cursor: null } };
    },
  }),
  route({
    id: 'listWorkers',
    method: 'GET',
    path: '/v1/workers',
    scope: 'read',
    tag: TAG,
    summary: 'Lists the workers that are live or stopping, the newest first.',
    about: `${SHARED} At most 500, in one page.`,
    answers: { 200: { about: 'All workers.', schema: pageOf(worker) } },
    handle: async ({ api }) => {
      const { workers } = await sharedStatus(api.unstuck).get();
      return { json: { data: snakeJson(workers), next_cursor: null } };
    },
  }),
];
