/** Claims: workers in other languages take jobs, tell that they run them, and end them. */
import { z } from 'zod';
import type { ErrorCode } from '../../domain/errors.ts';
import { snakeJson } from '../../domain/json.ts';
import type { PulledJob } from '../../domain/pull.ts';
import { parseDuration } from '../../std/duration.ts';
import { type Route, route } from '../route.ts';
import {
  claimBeat,
  claimBody,
  claimEnd,
  claimedJobs,
  completeBody,
  failBody,
  fenceBody,
  progressBody,
  pullWorkerId,
} from '../schema/claim.ts';
import { jobId } from '../schema/values.ts';

const SAME = { method: 'POST', scope: 'worker', tag: 'claims' } as const;
const FENCED: readonly ErrorCode[] = ['JOB_NOT_FOUND', 'JOB_ID_INVALID'];
const ENDS: readonly ErrorCode[] = [...FENCED, 'STALE_ATTEMPT'];
const LEASE_MS = 30_000;
const BEATS = 3;

/** The routes of workers in other languages. */
export const claimRoutes: readonly Route[] = [
  route({
    ...SAME,
    id: 'claimJobs',
    path: '/v1/workers/{id}/claim',
    summary: 'Gives jobs to a worker; waits for a first one as long as it asks.',
    about:
      'The worker is registered by its first claim; each of its calls renews its lease. When it has been silent for a lease its jobs run elsewhere.',
    long: true,
    params: z.object({ id: pullWorkerId }),
    body: claimBody,
    answers: {
      200: { about: 'The jobs.', schema: claimedJobs },
      204: { about: 'None came. Ask again after `retry-after`.' },
    },
    errors: ['JOB_TYPE_INVALID', 'JOB_ID_INVALID', 'WORKER_STOPPED'],
    handle: async ({ api, params: { id }, body, request: { signal } }) => {
      const ending = { signal, draining: api.draining };
      const jobs = await api.unstuck.pull.claim(id, body, ending);
      if (jobs.length === 0) return { status: 204, headers: { 'retry-after': '1' } };
      const leaseMs = parseDuration(body.lease) ?? LEASE_MS;
      const every = Math.round(leaseMs / BEATS);
      return { json: { jobs: jobs.map(pulledJson), heartbeat_every_ms: every } };
    },
  }),
  route({
    ...SAME,
    id: 'stopPullWorker',
    path: '/v1/workers/{id}/stop',
    summary: 'Signs a worker off; what it still holds goes back, uncharged.',
    params: z.object({ id: pullWorkerId }),
    body: z.strictObject({}),
    answers: {
      200: { about: 'How many jobs went back.', schema: z.object({ released: z.int() }) },
    },
    handle: async ({ api, params: { id } }) => ({
      json: { released: await api.unstuck.pull.stop(id) },
    }),
  }),
  route({
    ...SAME,
    id: 'heartbeatClaim',
    path: '/v1/claims/{id}/heartbeat',
    summary: 'Says that a worker still runs a job; tells it whether to go on.',
    params: z.object({ id: jobId }),
    body: fenceBody,
    answers: { 200: { about: 'Whether to go on.', schema: claimBeat } },
    errors: FENCED,
    handle: async ({ api, params: { id }, body: { token } }) => ({
      json: snakeJson(await api.unstuck.pull.heartbeat({ id, token })),
    }),
  }),
  route({
    ...SAME,
    id: 'reportProgress',
    path: '/v1/claims/{id}/progress',
    summary: 'A heartbeat that notes how far the work is.',
    params: z.object({ id: jobId }),
    body: progressBody,
    answers: { 200: { about: 'Whether to go on.', schema: claimBeat } },
    errors: FENCED,
    handle: async ({ api, params: { id }, body: { token, progress, note } }) => ({
      json: snakeJson(await api.unstuck.pull.progress({ id, token }, progress, note)),
    }),
  }),
  route({
    ...SAME,
    id: 'completeClaim',
    path: '/v1/claims/{id}/complete',
    summary: 'Completes a job with a result. A repeat is answered alike.',
    bodySize: 'batch',
    params: z.object({ id: jobId }),
    body: completeBody,
    answers: {
      200: {
        about: 'The job is completed; failed (RESULT_UNSTORABLE) when its result cannot be kept.',
        schema: claimEnd,
      },
    },
    errors: ENDS,
    handle: async ({ api, params: { id }, body: { token, result } }) => ({
      json: { id, state: await api.unstuck.pull.complete({ id, token }, result) },
    }),
  }),
  route({
    ...SAME,
    id: 'failClaim',
    path: '/v1/claims/{id}/fail',
    summary: 'Ends an attempt that failed; the job is tried again as its type says.',
    params: z.object({ id: jobId }),
    body: failBody,
    answers: {
      200: { about: 'The job is pending until its next attempt, or failed.', schema: claimEnd },
    },
    errors: [...ENDS, 'TIME_INVALID'],
    handle: async ({ api, params: { id }, body: { token, error, retry, retry_after } }) => {
      const failure = { error, retry, retryAfter: retry_after };
      const state = await api.unstuck.pull.fail({ id, token }, failure, api.definitions);
      return { json: { id, state } };
    },
  }),
  route({
    ...SAME,
    id: 'releaseClaim',
    path: '/v1/claims/{id}/release',
    summary: 'Gives a job back into the queue, uncharged.',
    params: z.object({ id: jobId }),
    body: fenceBody,
    answers: { 200: { about: 'The job is queued.', schema: claimEnd } },
    errors: ENDS,
    handle: async ({ api, params: { id }, body: { token } }) => ({
      json: { id, state: await api.unstuck.pull.release({ id, token }) },
    }),
  }),
];

/** A job as JSON; its input is its user's and is left alone. */
function pulledJson({ input, ...rest }: PulledJob): Record<string, unknown> {
  return { ...(snakeJson(rest) as object), input };
}
