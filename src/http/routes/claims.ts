/** Claims: workers in other languages take jobs, tell that they run them, and end them. */
import { z } from 'zod';
import { type ErrorCode, unstuckError } from '../../domain/errors.ts';
import { snakeJson } from '../../domain/json.ts';
import type { PulledFence, PulledJob } from '../../domain/pull.ts';
import { parseDuration } from '../../std/duration.ts';
import { shown } from '../../std/shown.ts';
import type { Principal } from '../access/principal.ts';
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
/** Who holds the secret of the attempt, as remote workers do, needs no token. */
const OF_ATTEMPT = { ...SAME, callback: true } as const;
const FENCED: readonly ErrorCode[] = ['JOB_NOT_FOUND', 'JOB_ID_INVALID', 'CALLBACK_REFUSED'];
const ENDS: readonly ErrorCode[] = [...FENCED, 'STALE_ATTEMPT'];
const LEASE_MS = 30_000;
const BEATS = 3;

/** The routes of workers in other languages, and of the callbacks of remote workers. */
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
    ...OF_ATTEMPT,
    id: 'heartbeatClaim',
    path: '/v1/claims/{id}/heartbeat',
    summary: 'Says that a worker still runs a job; tells it whether to go on.',
    params: z.object({ id: jobId }),
    body: fenceBody,
    answers: { 200: { about: 'Whether to go on.', schema: claimBeat } },
    errors: FENCED,
    handle: async ({ api, principal, params: { id }, body: { token } }) => ({
      json: snakeJson(await api.unstuck.pull.heartbeat(fenceOf(principal, id, token))),
    }),
  }),
  route({
    ...OF_ATTEMPT,
    id: 'reportProgress',
    path: '/v1/claims/{id}/progress',
    summary: 'A heartbeat that notes how far the work is.',
    params: z.object({ id: jobId }),
    body: progressBody,
    answers: { 200: { about: 'Whether to go on.', schema: claimBeat } },
    errors: FENCED,
    handle: async ({ api, principal, params: { id }, body: { token, progress, note } }) => {
      const fence = fenceOf(principal, id, token);
      return { json: snakeJson(await api.unstuck.pull.progress(fence, progress, note)) };
    },
  }),
  route({
    ...OF_ATTEMPT,
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
    handle: async ({ api, principal, params: { id }, body: { token, result } }) => {
      const fence = fenceOf(principal, id, token);
      return { json: { id, state: await api.unstuck.pull.complete(fence, result) } };
    },
  }),
  route({
    ...OF_ATTEMPT,
    id: 'failClaim',
    path: '/v1/claims/{id}/fail',
    summary: 'Ends an attempt that failed; the job is tried again as its type says.',
    params: z.object({ id: jobId }),
    body: failBody,
    answers: {
      200: { about: 'The job is pending until its next attempt, or failed.', schema: claimEnd },
    },
    errors: [...ENDS, 'TIME_INVALID'],
    handle: async ({ api, principal, params: { id }, body }) => {
      const { token, error, retry, retry_after } = body;
      const fence = fenceOf(principal, id, token);
      const failure = { error, retry, retryAfter: retry_after };
      const state = await api.unstuck.pull.fail(fence, failure, api.definitions);
      return { json: { id, state } };
    },
  }),
  route({
    ...OF_ATTEMPT,
    id: 'releaseClaim',
    path: '/v1/claims/{id}/release',
    summary: 'Gives a job back into the queue, uncharged.',
    params: z.object({ id: jobId }),
    body: fenceBody,
    answers: { 200: { about: 'The job is queued.', schema: claimEnd } },
    errors: ENDS,
    handle: async ({ api, principal, params: { id }, body: { token } }) => ({
      json: { id, state: await api.unstuck.pull.release(fenceOf(principal, id, token)) },
    }),
  }),
];

/** The attempt that a request tells of. Throws CALLBACK_REFUSED for a secret that was given for another one. */
function fenceOf({ via, attempt }: Principal, id: string, token: string): PulledFence {
  if (via !== 'callback' || attempt === token) return { id, token };
  throw unstuckError(
    'CALLBACK_REFUSED',
    `Expected the token of the attempt for which the secret of this request was given, got ${shown(token)}. Nothing was changed.`,
  );
}

/** A job as JSON; its input is its user's and is left alone. */
function pulledJson({ input, ...rest }: PulledJob): Record<string, unknown> {
  return { ...(snakeJson(rest) as object), input };
}
