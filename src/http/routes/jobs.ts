/** Jobs, one at a time: stored and read. */
import { z } from 'zod';
import { unstuckError } from '../../domain/errors.ts';
import type { Enqueued, EnqueueOptions } from '../../domain/job.ts';
import { jobJson } from '../../domain/json.ts';
import { actorOf } from '../access/principal.ts';
import type { Api } from '../api.ts';
import { fromCursor, toCursor } from '../cursor.ts';
import { type Route, route } from '../route.ts';
import { enqueuedJob, job, type NewJobBody, newJob } from '../schema/job.ts';
import { filterParameters, toFilter } from '../schema/job-filter.ts';
import { givenReason, jobId, pageOf, queryInteger } from '../schema/values.ts';

const TAG = 'jobs';

/** The routes of single jobs. */
export const jobRoutes: readonly Route[] = [
  route({
    id: 'enqueueJob',
    method: 'POST',
    path: '/v1/jobs',
    scope: 'enqueue',
    tag: TAG,
    summary: 'Stores a job.',
    body: newJob,
    answers: {
      201: { about: 'The new job.', schema: enqueuedJob },
      200: {
        about: 'The job that has the key, or that had been stored before.',
        schema: enqueuedJob,
      },
    },
    errors: [
      'INPUT_INVALID',
      'INPUT_TOO_LARGE',
      'JOB_TYPE_UNKNOWN',
      'KEY_TAKEN',
      'SLOTS_EXHAUSTED',
    ],
    handle: async ({ api, body }) => {
      const { id, created, reason } = await enqueueOne(api, body);
      // When it is stored and cannot be read back, an error would make the client send it again.
      const stored = await api.unstuck.get(id).catch((error: unknown) => {
        api.unstuck.log.warn('stored_job_not_read', { job: id, error });
        return undefined;
      });
      return {
        status: created ? 201 : 200,
        json: { ...(stored === undefined ? { id } : jobJson(stored)), created, enqueued: reason },
        headers: { location: `${api.prefix}/v1/jobs/${id}` },
      };
    },
  }),
  route({
    id: 'listJobs',
    method: 'GET',
    path: '/v1/jobs',
    scope: 'read',
    tag: TAG,
    summary: 'Lists jobs, newest first.',
    query: z.strictObject({
      ...filterParameters,
      limit: queryInteger(1, 1_000).optional(),
      cursor: z.string().max(1_000).optional(),
    }),
    answers: { 200: { about: 'One page.', schema: pageOf(job) } },
    errors: ['JOB_ID_INVALID'],
    handle: async ({ api, query: { limit, cursor, ...filter } }) => {
      const after = fromCursor(cursor, filter);
      const page = await api.unstuck.list({
        ...toFilter(filter),
        ...(limit === undefined ? {} : { limit }),
        ...(after === undefined ? {} : { after }),
      });
      return { json: { data: page.jobs.map(jobJson), next_cursor: toCursor(page.next, filter) } };
    },
  }),
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
    errors: ['JOB_NOT_FOUND', 'JOB_ID_INVALID', 'JOB_STATE_CONFLICT'],
    handle: async ({ api, principal, params: { id }, body }) => ({
      json: jobJson(await api.unstuck.cancel(id, actorOf(principal, body))),
    }),
  }),
  route({
    id: 'getJob',
    method: 'GET',
    path: '/v1/jobs/{id}',
    scope: 'read',
    tag: TAG,
    summary: 'Answers one job, live or finished.',
    params: z.object({ id: jobId }),
    answers: { 200: { about: 'The job.', schema: job } },
    errors: ['JOB_NOT_FOUND', 'JOB_ID_INVALID'],
    handle: async ({ api, params: { id } }) => {
      const found = await api.unstuck.get(id);
      if (found !== undefined) return { json: jobJson(found) };
      throw unstuckError(
        'JOB_NOT_FOUND',
        `There is no job ${id}. It never existed, or its retention has ended.`,
        { detail: { id } },
      );
    },
  }),
];

/** Stores the job of a request, checked against its definition where this handler knows it. */
export function enqueueOne({ unstuck, definitions }: Api, body: NewJobBody): Promise<Enqueued> {
  const definition = definitions.get(body.type);
  const options = toOptions(body);
  return definition === undefined
    ? unstuck.enqueue(body.type, body.input, options)
    : unstuck.enqueue(definition, body.input as never, options);
}

/** The options of an enqueue that the body of a new job means. */
export function toOptions(body: NewJobBody): EnqueueOptions {
  const { type: _type, input: _input, run_at, finish_by, claim_within, when_full, ...rest } = body;
  const { when_taken, key_window, ...same } = rest;
  const given = {
    ...same,
    runAt: run_at,
    finishBy: finish_by,
    claimWithin: claim_within,
    whenFull: when_full,
    whenTaken: when_taken,
    keyWindow: key_window,
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}
