/** Changes of one job by a person, and of those that hang. */
import { z } from 'zod';
import type { Job } from '../../domain/job.ts';
import { jobJson, snakeJson } from '../../domain/json.ts';
import { actorOf, type Principal } from '../access/principal.ts';
import type { Api } from '../api.ts';
import { type Route, route } from '../route.ts';
import { executedPending, job, resetStuck } from '../schema/job.ts';
import { givenName, givenReason, jobId } from '../schema/values.ts';

const TAG = 'jobs';
const ERRORS = ['JOB_NOT_FOUND', 'JOB_ID_INVALID', 'JOB_STATE_CONFLICT'] as const;

/** The routes that change jobs. */
export const jobChangeRoutes: readonly Route[] = [
  route({
    id: 'cancelJob',
    method: 'POST',
    path: '/v1/jobs/{id}/cancel',
    scope: 'write',
    tag: TAG,
    summary: 'Cancels a live job; a running one is told within two heartbeats.',
    params: z.object({ id: jobId }),
    body: z.strictObject({ reason: givenReason }),
    answers: { 200: { about: 'The cancelled job.', schema: job } },
    errors: ERRORS,
    handle: async ({ api, principal, params: { id }, body }) => ({
      json: jobJson(await api.unstuck.cancel(id, actorOf(principal, body))),
    }),
  }),
  route({
    id: 'retryJob',
    method: 'POST',
    path: '/v1/jobs/{id}/retry',
    scope: 'write',
    tag: TAG,
    summary: 'Runs a finished job again, with fresh attempts and the same id.',
    about: 'With `input` it runs with that instead of its own, which is kept in its history.',
    params: z.object({ id: jobId }),
    body: z.strictObject({ reason: givenReason, input: z.unknown().optional() }),
    answers: { 200: { about: 'The job, live again.', schema: job } },
    errors: [...ERRORS, 'KEY_TAKEN', 'INPUT_INVALID', 'INPUT_TOO_LARGE'],
    handle: async ({ api, principal, params: { id }, body }) => ({
      json: jobJson(await retry(api, id, { principal, body })),
    }),
  }),
  route({
    id: 'releaseJob',
    method: 'POST',
    path: '/v1/jobs/{id}/release',
    scope: 'write',
    tag: TAG,
    summary: 'Lets a held job go.',
    params: z.object({ id: jobId }),
    body: z.strictObject({ reason: givenReason }),
    answers: { 200: { about: 'The released job.', schema: job } },
    errors: ERRORS,
    handle: async ({ api, principal, params: { id }, body }) => ({
      json: jobJson(await api.unstuck.release(id, actorOf(principal, body))),
    }),
  }),
  route({
    id: 'deleteJob',
    method: 'DELETE',
    path: '/v1/jobs/{id}',
    scope: 'admin',
    tag: TAG,
    summary: 'Removes a job that does not run, with everything that belongs to it, for ever.',
    params: z.object({ id: jobId }),
    query: z.strictObject({ reason: givenReason }),
    answers: { 204: { about: 'It is gone.' } },
    errors: [...ERRORS, 'JOB_BUSY', 'CHANGE_REFUSED'],
    handle: async ({ api, principal, params: { id }, query }) => {
      await api.unstuck.delete(id, actorOf(principal, query));
      return { status: 204 };
    },
  }),
  route({
    id: 'resetStuck',
    method: 'POST',
    path: '/v1/jobs/reset-stuck',
    scope: 'write',
    tag: TAG,
    summary: 'Puts running jobs whose attempt started too long ago back into the queue.',
    body: z.strictObject({ timeout_minutes: z.number().optional(), reason: givenReason }),
    answers: { 200: { about: 'Which jobs were reset.', schema: resetStuck } },
    handle: async ({ api, principal, body }) => ({
      json: snakeJson(await api.unstuck.resetStuck(body.timeout_minutes, actorOf(principal, body))),
    }),
  }),
  route({
    id: 'executePending',
    method: 'POST',
    path: '/v1/jobs/execute-pending',
    scope: 'write',
    tag: TAG,
    summary: 'Starts the next job of a sequential queue, if none is running.',
    body: z.strictObject({ queue: givenName }),
    answers: { 200: { about: 'What was started, or why nothing was.', schema: executedPending } },
    errors: ['QUEUE_UNKNOWN'],
    handle: async ({ api, body }) => ({
      json: snakeJson(await api.unstuck.queues.executePending(body.queue)),
    }),
  }),
];

/** An edited input is checked against the definition of the job's type, where this handler knows it. */
async function retry(
  { unstuck, definitions }: Api,
  id: string,
  {
    principal,
    body,
  }: {
    readonly principal: Principal;
    readonly body: { readonly reason?: string | undefined; readonly input?: unknown };
  },
): Promise<Job> {
  const actor = actorOf(principal, body);
  const { input } = body;
  if (input === undefined) return unstuck.retry(id, actor);
  const type = (await unstuck.get(id))?.type;
  const as = type === undefined ? undefined : definitions.get(type);
  if (as === undefined) return unstuck.retry(id, { ...actor, input });
  return unstuck.retry(id, { ...actor, input: input as never, as });
}
