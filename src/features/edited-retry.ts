/** Edited retry: runs a finished job again with another input, checked as that of a new job is. */
import { checkActor } from '../domain/bulk.ts';
import type { AnyJob, InputOf } from '../domain/define-job.ts';
import { unstuckError } from '../domain/errors.ts';
import type { Job } from '../domain/job.ts';
import { checkInput, encodeInput } from '../domain/new-job.ts';
import type { Database } from '../storage/database.ts';
import { type Actor, readJob, retry } from '../storage/jobs.ts';

/** Who runs a job again, why, and with what. */
export interface RetryCall extends Actor {
  /** What it runs with instead of its own input, which is kept in its history. */
  readonly input?: unknown;
}

/** The same, with an input that is checked against a definition. */
export interface CheckedRetryCall<J extends AnyJob> extends Actor {
  readonly input: InputOf<J>;
  readonly as: J;
}

/** Runs a finished job again; throws what `retry` and the checks throw, and REQUEST_INVALID when the definition is of another type. */
export async function retryEdited(
  database: Database,
  id: string,
  call: RetryCall & { readonly as?: AnyJob },
): Promise<Job> {
  const { input, as, ...rest } = call;
  const actor = checkActor(rest);
  if (input === undefined) return retry(database, id, actor);
  const json = encodeInput('The edited input', input, database.config);
  if (as !== undefined) {
    const job = await readJob(database, id);
    if (job !== undefined && job.type !== as.type)
      throw unstuckError(
        'REQUEST_INVALID',
        `Expected the definition of "${job.type}" to check the input of job ${id}, got that of "${as.type}". Nothing was changed.`,
      );
    await checkInput(as, input);
  }
  return retry(database, id, actor, json);
}
