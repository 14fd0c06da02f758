/** Jobs: listed, counted, read and explained. */
import { z } from 'zod';
import { unstuckError } from '../../domain/errors.ts';
import type { Job } from '../../domain/job.ts';
import { jobJson, snakeJson } from '../../domain/json.ts';
import type { Api } from '../api.ts';
import { fromCursor, toCursor } from '../cursor.ts';
import { type Route, route } from '../route.ts';
import { job, jobCount, jobInFull, timeline, why } from '../schema/job.ts';
import { filterParameters, toFilter } from '../schema/job-filter.ts';
import { jobId, pageOf, queryInteger } from '../schema/values.ts';

const TAG = 'jobs';

/** The routes that read jobs. */
export const jobRoutes: readonly Route[] = [
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
    id: 'countJobs',
    method: 'GET',
    path: '/v1/jobs/count',
    scope: 'read',
    tag: TAG,
    summary: 'Counts jobs, exactly up to 100,000.',
    query: z.strictObject(filterParameters),
    answers: { 200: { about: 'How many fit.', schema: jobCount } },
    errors: ['JOB_ID_INVALID'],
    handle: async ({ api, query }) => ({ json: await api.unstuck.count(toFilter(query)) }),
  }),
  route({
    id: 'getJob',
    method: 'GET',
    path: '/v1/jobs/{id}',
    scope: 'read',
    tag: TAG,
    summary: 'Answers one job, live or finished.',
    params: z.object({ id: jobId }),
    answers: { 200: { about: 'The job.', schema: jobInFull } },
    errors: ['JOB_NOT_FOUND', 'JOB_ID_INVALID'],
    handle: async ({ api, params: { id } }) => {
      const found = await requireJob(api, id);
      const sending = await api.unstuck.targets.sendingOf(found);
      return { json: { ...jobJson(found), sending: snakeJson(sending) } };
    },
  }),
  route({
    id: 'getTimeline',
    method: 'GET',
    path: '/v1/jobs/{id}/timeline',
    scope: 'read',
    tag: TAG,
    summary: 'Answers what happened to a job beside simple success, oldest first.',
    about:
      'Attempts that failed, timed out or were lost, and what people and the sweep did; at most 1,000 entries.',
    params: z.object({ id: jobId }),
    answers: { 200: { about: 'Its history.', schema: timeline } },
    errors: ['JOB_NOT_FOUND', 'JOB_ID_INVALID'],
    handle: async ({ api, params: { id } }) => {
      await requireJob(api, id);
      const entries = await api.unstuck.history(id);
      const data = entries.map(({ detail, ...entry }) => ({
        ...(snakeJson(entry) as object),
        detail,
      }));
      return { json: { data } };
    },
  }),
  route({
    id: 'explainJob',
    method: 'GET',
    path: '/v1/jobs/{id}/explain',
    scope: 'read',
    tag: TAG,
    summary:
      'Explains why a job is where it is: what it waits for, who holds that, and what happens next.',
    params: z.object({ id: jobId }),
    answers: { 200: { about: 'Why.', schema: why } },
    errors: ['JOB_NOT_FOUND', 'JOB_ID_INVALID'],
    handle: async ({ api, params: { id } }) => ({ json: snakeJson(await api.unstuck.explain(id)) }),
  }),
];

async function requireJob({ unstuck }: Api, id: string): Promise<Job> {
  const found = await unstuck.get(id);
  if (found !== undefined) return found;
  throw unstuckError(
    'JOB_NOT_FOUND',
    `There is no job ${id}. It never existed, or its retention has ended.`,
    { detail: { id } },
  );
}
