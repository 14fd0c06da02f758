/** Enqueue each: jobs of any types in one call, each stored or refused for itself; with a key, once. */
import { checkBatch } from '../../domain/batch.ts';
import type { AnyJob } from '../../domain/define-job.ts';
import { UnstuckError, unstuckError } from '../../domain/errors.ts';
import type { Enqueued, EnqueueOptions } from '../../domain/job.ts';
import type { NewJob } from '../../domain/new-job.ts';
import type { AnsweredRequest, RequestAnswer, RequestKey } from '../../domain/request-key.ts';
import type { Enqueuer } from '../../engine/enqueuer.ts';
import type { Preparer } from '../../engine/preparer.ts';
import type { Requests } from './requests.ts';

/** One job to be stored, of a definition or of a type that is only known by its name. */
export interface JobCall extends EnqueueOptions {
  readonly job: AnyJob | string;
  readonly input: unknown;
}

const OUTAGES: ReadonlySet<string> = new Set(['DATABASE_UNREACHABLE', 'WORKER_STOPPED']);

/** Stores jobs. Throws BATCH_INVALID, DATABASE_UNREACHABLE, and what `Requests.send` throws of a key. */
export async function enqueueEach(
  preparer: Preparer,
  enqueuer: Enqueuer,
  requests: Requests,
  {
    calls,
    request,
  }: { readonly calls: readonly JobCall[]; readonly request?: RequestKey | undefined },
): Promise<AnsweredRequest> {
  checkBatch(calls);
  const jobs = await Promise.all(calls.map((call) => prepareOne(preparer, call)));
  if (request !== undefined) return requests.send(request, jobs);
  const good = jobs.filter((job): job is NewJob => !(job instanceof UnstuckError));
  const settled = (await enqueuer.enqueueAll(good)).map(answerOf).values();
  const answers = jobs.map((job) =>
    job instanceof UnstuckError ? job : (settled.next().value as RequestAnswer),
  );
  return { replayed: false, answers };
}

/** What a check refuses is an answer; what else fails ends the call, in which nothing has been stored yet. */
async function prepareOne(
  preparer: Preparer,
  { job, input, ...options }: JobCall,
): Promise<NewJob | UnstuckError> {
  try {
    return await preparer.prepare(job, input, options);
  } catch (error) {
    if (error instanceof UnstuckError && !OUTAGES.has(error.code)) return error;
    throw error;
  }
}

function answerOf(settled: PromiseSettledResult<Enqueued>): RequestAnswer {
  if (settled.status === 'fulfilled') return settled.value;
  const reason: unknown = settled.reason;
  if (reason instanceof UnstuckError) return reason;
  return unstuckError('INTERNAL_ERROR', 'The job could not be stored.', { cause: reason });
}
