/** New jobs: one, or many in one request. */
import { z } from 'zod';
import { type ErrorCode, UnstuckError } from '../../domain/errors.ts';
import type { Enqueued, EnqueueOptions, Job } from '../../domain/job.ts';
import { jobJson } from '../../domain/json.ts';
import type { AnsweredRequest, RequestAnswer, RequestKey } from '../../domain/request-key.ts';
import { allows } from '../../domain/scopes.ts';
import { meansNow } from '../../domain/target-notice.ts';
import type { JobCall } from '../../features/requests/enqueue-each.ts';
import type { Api } from '../api.ts';
import { replayHeaders, requestKeyOf } from '../idempotency.ts';
import { readNotice } from '../notice.ts';
import { toProblemBody } from '../problem.ts';
import { type Route, route } from '../route.ts';
import { enqueuedJob, enqueuedJobs, type NewJobBody, newJob } from '../schema/job.ts';

const TAG = 'jobs';
const BATCH_MAX = 1_000;
const ERRORS_OF_NEW: readonly ErrorCode[] = [
  'INPUT_INVALID',
  'INPUT_TOO_LARGE',
  'JOB_TYPE_INVALID',
  'JOB_TYPE_UNKNOWN',
  'KEY_INVALID',
  'KEY_TAKEN',
  'KEY_BUSY',
  'LIMIT_INVALID',
  'LIMIT_UNKNOWN',
  'NOTIFY_INVALID',
  'POOL_INVALID',
  'POOL_UNKNOWN',
  'POOL_BUSY',
  'PRIORITY_INVALID',
  'SLOTS_EXHAUSTED',
  'TIME_INVALID',
  'ENQUEUE_REFUSED',
];

/** The routes that store jobs. */
export const newJobRoutes: readonly Route[] = [
  route({
    id: 'enqueueJob',
    method: 'POST',
    path: '/v1/jobs',
    scope: 'enqueue',
    tag: TAG,
    summary: 'Stores a job.',
    about:
      'Who may not read is shown only jobs that this request stored: of another that has the key `id`, `created` and `enqueued`. A job whose remote worker is away is stored as any other; `notice` says so, in words for whoever asked for it.',
    body: newJob,
    idempotent: true,
    answers: {
      201: { about: 'The new job.', schema: enqueuedJob },
      200: {
        about: 'The job that has the key, or that had been stored before.',
        schema: enqueuedJob,
      },
    },
    errors: ERRORS_OF_NEW,
    handle: async ({ api, body, principal, request }) => {
      const key = requestKeyOf(request, principal, { operation: 'enqueueJob', body });
      const { id, created, reason, replayed } = await enqueueOne(api, body, key);
      const shown = created || allows(principal.scopes, 'read');
      const stored = shown ? await readBack(api, id) : undefined;
      // A worker may have taken it for a moment: then it is about to wait.
      const isOver = stored !== undefined && stored.finishedAt !== null;
      const notice = isOver ? null : await noticeOf(api, body, reason);
      const job = stored === undefined ? { id } : jobJson(stored);
      return {
        status: created ? 201 : 200,
        json: { ...job, created, enqueued: reason, notice },
        headers: { location: `${api.prefix}/v1/jobs/${id}`, ...replayHeaders(replayed) },
      };
    },
  }),
  route({
    id: 'enqueueJobs',
    method: 'POST',
    path: '/v1/jobs/batch',
    scope: 'enqueue',
    tag: TAG,
    summary: 'Stores up to 1,000 jobs, each for itself.',
    about:
      'One that is refused keeps no other from being stored: it is answered with its problem. Only those need to be sent again. With an idempotency key all are answered from one transaction.',
    body: z.strictObject({ jobs: z.array(newJob).min(1).max(BATCH_MAX) }),
    idempotent: true,
    bodySize: 'batch',
    answers: { 200: { about: 'What became of each job, in their order.', schema: enqueuedJobs } },
    handle: async ({ api, body, principal, request }) => {
      const key = requestKeyOf(request, principal, { operation: 'enqueueJobs', body });
      const calls = body.jobs.map((one) => toCall(api, one));
      const answered = await api.unstuck.enqueueEach(calls, key);
      const notices = await Promise.all(
        answered.answers.map((answer, at) => noticeOf(api, body.jobs[at], reasonOf(answer))),
      );
      return { json: batchJson(answered, notices), headers: replayHeaders(answered.replayed) };
    },
  }),
];

/** When it is stored and cannot be read back, an error would make the client send it again. */
function readBack({ unstuck }: Api, id: string): Promise<Job | undefined> {
  return unstuck.get(id).catch((error: unknown) => {
    unstuck.log.warn('stored_job_not_read', { job: id, error });
    return undefined;
  });
}

/** Stores the job of a request, checked against its definition where this handler knows it. Only one with a key costs a transaction of its own group. */
async function enqueueOne(
  api: Api,
  body: NewJobBody,
  key: RequestKey | undefined,
): Promise<Enqueued & { readonly replayed: boolean }> {
  const { job, input, ...options } = toCall(api, body);
  if (key === undefined) {
    const enqueued =
      typeof job === 'string'
        ? await api.unstuck.enqueue(job, input, options)
        : await api.unstuck.enqueue(job, input as never, options);
    return { ...enqueued, replayed: false };
  }
  const { answers, replayed } = await api.unstuck.enqueueEach([{ job, input, ...options }], key);
  const answer = answers[0] as RequestAnswer;
  if (answer instanceof UnstuckError) throw answer;
  return { ...answer, replayed };
}

function toCall({ definitions }: Api, body: NewJobBody): JobCall {
  return { ...toOptions(body), job: definitions.get(body.type) ?? body.type, input: body.input };
}

/** What to tell whoever asked for a job that means to run now. */
async function noticeOf(
  api: Api,
  body: NewJobBody | undefined,
  reason: Enqueued['reason'] | undefined,
): Promise<unknown> {
  if (body === undefined || reason === undefined || reason === 'key-window') return null;
  if (!meansNow({ ...body, runAt: body.run_at })) return null;
  return readNotice(api, body.type);
}

function reasonOf(answer: RequestAnswer): Enqueued['reason'] | undefined {
  return answer instanceof UnstuckError ? undefined : answer.reason;
}

function batchJson(
  { answers }: AnsweredRequest,
  notices: readonly unknown[],
): Record<string, unknown> {
  const data = answers.map((answer, at) => {
    const notice = notices[at] ?? null;
    return answer instanceof UnstuckError
      ? { id: null, created: false, enqueued: null, notice, problem: toProblemBody(answer) }
      : { id: answer.id, created: answer.created, enqueued: answer.reason, notice, problem: null };
  });
  const refused = data.filter(({ problem }) => problem !== null).length;
  return { data, created: data.filter(({ created }) => created).length, refused };
}

/** The options of an enqueue that the body of a new job means. */
function toOptions(body: NewJobBody): EnqueueOptions {
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
