/** The live stream: what changes, told as it changes. */
import { z } from 'zod';
import { parseIds } from '../../domain/job-filter.ts';
import { type Route, route } from '../route.ts';

const JOBS_MAX = 50;
const HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
  'x-content-type-options': 'nosniff',
} as const;

/** The ids of the jobs that somebody watches, with commas between them. */
const watchedJobs: z.ZodType<string, string> = z
  .string()
  .max(2_000)
  .refine((text) => idsOf(text).length <= JOBS_MAX, { error: `Expected at most ${JOBS_MAX} ids` })
  .meta({
    description: `Ids of at most ${JOBS_MAX} jobs, with commas between them: their changes come as events too.`,
  });

/** The route of the stream. */
export const streamRoutes: readonly Route[] = [
  route({
    id: 'openStream',
    method: 'GET',
    path: '/v1/stream',
    scope: 'read',
    tag: 'server',
    summary: 'Streams what changes as server-sent events.',
    about:
      'Events: `overview` (counts), `changed` (a topic to read anew), `job` (a watched job), `reset` (read everything anew), `bye` (connect again). The header `last-event-id` goes on where an earlier stream ended.',
    query: z.strictObject({ jobs: watchedJobs.optional() }),
    answers: { 200: { about: 'Events, for about 15 minutes.', media: 'text/event-stream' } },
    errors: ['JOB_ID_INVALID', 'TOO_MANY_STREAMS', 'WORKER_STOPPED'],
    long: true,
    handle: async ({ api, principal, peer, query: { jobs = '' }, request }) => {
      const ids = idsOf(jobs);
      const watched = ids.length === 0 ? [] : parseIds(ids, 'jobs');
      if (request.method === 'HEAD') return new Response(null, { headers: HEADERS });
      const lastEventId = request.headers.get('last-event-id') ?? undefined;
      const allowed = (): Promise<boolean> => api.access.stillAdmits(request, peer, 'read');
      const body = api.hub.open({ principal, jobs: watched, lastEventId, allowed });
      return new Response(body, { headers: HEADERS });
    },
  }),
];

function idsOf(text: string): string[] {
  return text.split(',').filter((id) => id !== '');
}
