/** Table: method and path of each operation. Written by `npm run docs` from the routes: change those, not this file. */
import type { OperationPlace } from '../call.ts';
import type { Operations } from './operations.ts';

/** Where each operation is. */
export const TABLE: Readonly<Record<keyof Operations, OperationPlace>> = {
  getOpenApi: { method: 'GET', path: '/openapi.json' },
  enqueueJob: { method: 'POST', path: '/v1/jobs' },
  listJobs: { method: 'GET', path: '/v1/jobs' },
  cancelJob: { method: 'POST', path: '/v1/jobs/{id}/cancel' },
  getJob: { method: 'GET', path: '/v1/jobs/{id}' },
};
