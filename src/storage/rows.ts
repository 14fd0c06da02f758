/** Rows: the one crossing from snake_case rows to domain values. */
import { type DeliveryError, type JobDelivery, shownAddress } from '../domain/delivery.ts';
import type { Job, JobError } from '../domain/job.ts';
import { nextInWords } from '../domain/next.ts';
import type { Notify } from '../domain/notify.ts';
import type { State } from '../domain/transitions.ts';
import type { JobRow } from '../sql/inspect.ts';

/** Turns a row of `all_jobs` into a job. */
export function toJob(row: JobRow): Job {
  const state = row.state as State;
  return {
    id: row.id,
    type: row.type,
    state,
    waitsFor: row.waits_for,
    deadline: row.deadline,
    next: nextInWords(state, row.waits_for, {
      attempt: row.attempt,
      attemptsMax: row.attempts_max,
      crashes: row.crashes,
    }),
    late: row.late,
    priority: row.priority === 0 ? 0 : row.priority,
    attempt: row.attempt,
    attemptsMax: row.attempts_max,
    crashes: row.crashes,
    snoozes: row.snoozes,
    token: row.token,
    input: row.input,
    result: row.result,
    error: row.error === null ? null : readError(row.error),
    progress: row.progress,
    progressNote: row.progress_note,
    key: row.key,
    tags: row.tags,
    pool: row.pool,
    limitKey: row.limit_key,
    parentId: row.parent_id,
    ordinal: row.ordinal,
    traceparent: row.traceparent,
    notify: deliveriesOf(row),
    workerId: row.worker_id,
    reason: row.reason,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
    runAt: row.run_at,
    finishBy: row.finish_by,
  };
}

/** One of these for each address, which the columns of the row hold as they were stored. */
function deliveriesOf({ notify, told, finished_at }: JobRow): JobDelivery[] {
  if (notify === null) return [];
  return ([notify].flat() as Notify[]).map((one) => {
    const channel = one.webhook === undefined ? 'email' : 'webhook';
    const address = one.webhook ?? one.email;
    const found = told?.find((row) => row.channel === channel && row.address === address);
    return {
      channel,
      address: shownAddress(channel, address),
      state: found?.state ?? (finished_at === null ? 'waiting' : 'forgotten'),
      attempts: found?.attempts ?? 0,
      deliveryId: found?.id ?? null,
      error: (found?.error as DeliveryError | null | undefined) ?? null,
    };
  });
}

/** Turns a stored error into one of ours: errors written by hand may have any shape; what is missing is filled in. */
export function readError(stored: unknown): JobError {
  const given = (
    typeof stored === 'object' && stored !== null ? stored : { message: stored }
  ) as Partial<Record<keyof JobError, unknown>>;
  return {
    code: text(given.code) ?? 'HANDLER_FAILED',
    name: text(given.name) ?? 'Error',
    message: text(given.message) ?? JSON.stringify(stored) ?? '',
    ...(typeof given.stack === 'string' ? { stack: given.stack } : {}),
  };
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
