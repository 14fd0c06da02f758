/** Enqueue errors: why a job that was good in itself could not be stored. */
import { UnstuckError, unstuckError } from '../domain/errors.ts';
import type { NewJob } from '../domain/new-job.ts';
import { codeOf, isLockTimeout } from '../storage/postgres-errors.ts';

/** Nobody answered for so long that the caller must be told. */
export function unavailable(cause: unknown, triedMs: number): Error {
  return unstuckError(
    'DATABASE_UNREACHABLE',
    `The job could not be stored within ${triedMs / 1_000} s: ${(cause as Error).message}. It may or may not be stored; enqueue it with a key to repeat it safely.`,
    { cause },
  );
}

/** Why one job by itself could not be stored. */
export function reasonOf(job: NewJob | undefined, error: unknown): unknown {
  if (error instanceof UnstuckError) return error;
  if (!isLockTimeout(error)) return refused(error);
  return job?.pool === undefined ? keyBusy(job, error) : poolBusy(job, error);
}

function keyBusy(job: NewJob | undefined, cause: unknown): Error {
  return unstuckError(
    'KEY_BUSY',
    `The key ${JSON.stringify(job?.key)} is held by an open transaction of another session. Nothing was stored; try again when that transaction has ended.`,
    { cause },
  );
}

function poolBusy(job: NewJob | undefined, cause: unknown): Error {
  return unstuckError(
    'POOL_BUSY',
    `The pool ${JSON.stringify(job?.pool)}${job?.key === undefined ? '' : `, or the key ${JSON.stringify(job.key)},`} is held by an open transaction of another session. Nothing was stored; try again when that transaction has ended.`,
    { cause },
  );
}

/** A key that is taken and freed again all the time. */
export function keyRestless({ key }: NewJob, rounds: number): Error {
  return unstuckError(
    'KEY_BUSY',
    `The key ${JSON.stringify(key)} was taken and freed again ${rounds} times. Nothing was stored for it; try again.`,
  );
}

function refused(cause: unknown): Error {
  return unstuckError(
    'ENQUEUE_REFUSED',
    `PostgreSQL refused to store the job (${codeOf(cause)}): ${(cause as Error).message}. Nothing was stored.`,
    { cause },
  );
}
