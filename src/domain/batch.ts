/** Batch: what became of each job of an `enqueueMany`, told in one answer or in one error. */
import { shown } from '../std/shown.ts';
import { type ErrorCode, UnstuckError, unstuckError } from './errors.ts';
import type { Enqueued } from './job.ts';

/** Why a job of a batch was not stored. */
export interface NotEnqueued {
  /** The id that it was sent with: where its `code` leaves open whether it is stored, `get(id)` tells. */
  readonly id: string;
  readonly code: ErrorCode;
  readonly message: string;
}

/** Thrown by `enqueueMany` when not every job was stored: the `detail` has what became of each, in the order of the items. */
export class BatchError extends UnstuckError {
  override readonly name: string = 'BatchError';
  declare readonly detail: { readonly outcomes: readonly (Enqueued | NotEnqueued)[] };
}

/** Checks the list of a batch. Throws BATCH_INVALID. */
export function checkBatch(items: readonly unknown[]): void {
  if (!Array.isArray(items) || items.length > 10_000)
    throw unstuckError(
      'BATCH_INVALID',
      `Expected a list of at most 10,000 jobs, got ${Array.isArray(items) ? items.length : typeof items}.`,
    );
  const bad = items.findIndex((item) => typeof item !== 'object' || item === null);
  if (bad >= 0)
    throw unstuckError(
      'BATCH_INVALID',
      `Expected each job of a batch to be an object, got ${shown(items[bad])} as item ${bad}. Nothing was stored.`,
    );
}

/** Returns what each job was answered. Throws BATCH_INCOMPLETE when one was refused, with the outcomes of all. */
export function answersOf(
  jobs: readonly { readonly id: string }[],
  settled: readonly PromiseSettledResult<Enqueued>[],
): Enqueued[] {
  const answers = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  if (answers.length === jobs.length) return answers;
  const outcomes = jobs.map(({ id }, index) => outcomeOf(id, settled[index]));
  const first = outcomes.findIndex((outcome) => 'code' in outcome);
  const { code, message } = outcomes[first] as NotEnqueued;
  const cause = (settled[first] as PromiseRejectedResult).reason;
  throw new BatchError(
    'BATCH_INCOMPLETE',
    `${jobs.length - answers.length} of ${jobs.length} jobs could not be stored, the first of them item ${first} (${code}): ${message} The others are stored: send only those again whose outcome in \`detail.outcomes\` has a code.`,
    { cause, detail: { outcomes } },
  );
}

function outcomeOf(
  id: string,
  settled: PromiseSettledResult<Enqueued> | undefined,
): Enqueued | NotEnqueued {
  if (settled?.status === 'fulfilled') return settled.value;
  const error: unknown = settled?.reason;
  const code = error instanceof UnstuckError ? error.code : 'INTERNAL_ERROR';
  return { id, code, message: error instanceof Error ? error.message : String(error) };
}
