/** Jobs over HTTP: one is created, one is read. */
import { z } from 'zod';
import type { AnyJob } from '../domain/define-job.ts';
import { unstuckError } from '../domain/errors.ts';
import type { EnqueueOptions, Job } from '../domain/job.ts';
import { jobJson, parseJson } from '../domain/json.ts';
import type { Unstuck } from '../unstuck.ts';

const instant = z.iso.datetime({ offset: true });
const duration = z.union([z.string().max(50), z.number()]);

/** Only shapes: bounds are checked where every enqueue is, so that all doors say the same. */
const newJob = z.strictObject({
  type: z.string(),
  input: z.unknown(),
  priority: z.number().optional(),
  run_at: instant.optional(),
  delay: duration.optional(),
  hold: z.boolean().optional(),
  finish_by: instant.optional(),
  claim_within: duration.optional(),
  key: z.string().optional(),
  tags: z.array(z.string()).optional(),
  slot: z.string().optional(),
  when_full: z.enum(['refuse', 'wait']).optional(),
  limit: z
    .union([z.string(), z.strictObject({ name: z.string(), key: z.string().optional() })])
    .optional(),
  when_taken: z.enum(['return', 'refuse', 'replace']).optional(),
  key_window: duration.optional(),
});
type NewJob = z.infer<typeof newJob>;

/**
 * Stores the job in the body: 201 with it, or 200 when its key is live or it had been stored before. When it is stored and cannot be read
 * back, the answer has its id only: an error would make the client send it again.
 */
export async function postJob(
  unstuck: Unstuck,
  definitions: ReadonlyMap<string, AnyJob>,
  request: Request,
): Promise<Response> {
  const body = checkShape(await readJson(request));
  const job = definitions.get(body.type);
  const { id, created, reason } =
    job === undefined
      ? await unstuck.enqueue(body.type, body.input, toOptions(body))
      : await unstuck.enqueue(job, body.input as never, toOptions(body));
  const stored = await unstuck.get(id).catch((error: unknown) => {
    unstuck.log.warn('stored_job_not_read', { job: id, error });
    return undefined;
  });
  const shown = stored === undefined ? { id } : jobJson(stored);
  return json({ ...shown, created, enqueued: reason }, created ? 201 : 200, {
    location: `/v1/jobs/${id}`,
  });
}

/** Answers with one job, live or finished. Throws JOB_ID_INVALID or JOB_NOT_FOUND. */
export async function getJob(unstuck: Unstuck, id: string): Promise<Response> {
  const job: Job | undefined = await unstuck.get(id);
  if (job !== undefined) return json(jobJson(job), 200);
  throw unstuckError(
    'JOB_NOT_FOUND',
    `There is no job ${id}. It never existed, or its retention has ended.`,
    { detail: { id } },
  );
}

async function readJson(request: Request): Promise<unknown> {
  const type = (request.headers.get('content-type') ?? '').split(';')[0]?.trim().toLowerCase();
  if (type !== 'application/json') {
    throw unstuckError(
      'MEDIA_TYPE_UNSUPPORTED',
      `Expected content-type application/json, got ${type === '' ? 'none' : JSON.stringify(type?.slice(0, 80))}.`,
    );
  }
  return parseJson(decode(await request.arrayBuffer()), 'the body');
}

/** Bytes that are no UTF-8 would otherwise become other characters without a word. */
function decode(bytes: ArrayBuffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw unstuckError('REQUEST_INVALID', 'Expected the body to be UTF-8, got other bytes.', {
      cause,
    });
  }
}

function checkShape(body: unknown): NewJob {
  const parsed = newJob.safeParse(body);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues
    .slice(0, 10)
    .map(({ path, message }) => `/${path.join('/')}: ${message}`);
  throw unstuckError(
    'REQUEST_INVALID',
    `The body is not a new job. ${issues.join('; ')}. Nothing was stored.`,
    { detail: { issues } },
  );
}

function toOptions(body: NewJob): EnqueueOptions {
  const { priority, delay, hold, key, tags, slot, limit } = body;
  return Object.fromEntries(
    Object.entries({
      priority,
      delay,
      hold,
      key,
      tags,
      slot,
      limit,
      whenFull: body.when_full,
      whenTaken: body.when_taken,
      keyWindow: body.key_window,
      runAt: body.run_at === undefined ? undefined : new Date(body.run_at),
      finishBy: body.finish_by === undefined ? undefined : new Date(body.finish_by),
      claimWithin: body.claim_within,
    }).filter(([, value]) => value !== undefined),
  );
}

function json(body: unknown, status: number, headers: Record<string, string> = {}): Response {
  return new Response(`${JSON.stringify(body)}\n`, {
    status,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers },
  });
}
