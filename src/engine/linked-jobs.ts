/** Linked jobs: how jobs with a pool, a limit, a parent or a special key are sent, and what is answered for each. */
import { type UnstuckError, unstuckError } from '../domain/errors.ts';
import type { Enqueued } from '../domain/job.ts';
import type { NewJob } from '../domain/new-job.ts';
import { ATTEMPTS_DEFAULT } from '../domain/retry-policy.ts';
import { type StoredRow, storeJobs } from '../sql/links.ts';
import type { Database, Executor } from '../storage/database.ts';

/** What is known of one job that was sent: stored, or refused. */
export type Answer = Enqueued | UnstuckError;

/** The parent of children that are stored, and the attempt that may do so. */
export interface ParentRef {
  readonly id: string;
  readonly workerId: string;
  readonly token: string;
}

/** A job with its place among the executions of its parent. */
export type LinkedJob = NewJob & { readonly ordinal?: number };

/** How linked jobs are sent. */
export interface SendOptions {
  readonly executor?: Executor | undefined;
  /** What tells workers of them; null for nothing. */
  readonly payload: string | null;
  readonly patience: string | null;
  readonly parent?: ParentRef;
}

/** Whether a job needs more than one row in `jobs`. */
export function isLinked(job: NewJob): boolean {
  return (
    job.pool !== undefined ||
    job.limitKey !== undefined ||
    job.keyMode === 'replace' ||
    job.keyWindowMs !== undefined
  );
}

/** Sends linked jobs; answers with one row for each, or with the one row that says that the parent is not ours any more. */
export function sendLinked(
  database: Database,
  jobs: readonly LinkedJob[],
  { executor, payload, patience, parent }: SendOptions,
): Promise<StoredRow[]> {
  const rows = jobs.map(rowOf);
  const list = `[${rows.map(textOf).join(',')}]`;
  const fence = [parent?.id ?? null, parent?.workerId ?? null, parent?.token ?? null];
  const values = [list, database.config.claimWithin, ATTEMPTS_DEFAULT, ...fence, patience, payload];
  return database.run(storeJobs, values, executor);
}

/** A row whose input, trace and addresses are JSON texts already. */
interface LinkedRow extends Record<string, unknown> {
  readonly input: string;
  readonly trace: string | undefined;
  readonly notify: string | undefined;
}

function textOf({ input, trace, notify, ...row }: LinkedRow): string {
  const texts = { trace, notify, input };
  const members = Object.entries(texts).map(([name, text]) =>
    text === undefined ? '' : `,"${name}":${text}`,
  );
  return `${JSON.stringify(row).slice(0, -1)}${members.join('')}}`;
}

function rowOf(job: LinkedJob, index: number): LinkedRow {
  return {
    place: index + 1,
    id: job.id,
    type: job.type,
    rank: job.rank === 0 ? undefined : job.rank,
    hold: job.hold,
    run_at: job.runAt,
    delay_ms: job.delayMs,
    finish_by: job.finishBy,
    claim_within_ms: job.claimWithinMs,
    attempts_max: job.attemptsMax,
    key: job.key,
    tags: job.tags,
    pool: job.pool,
    when_full: job.whenFull,
    limit_key: job.limitKey,
    key_mode: job.keyMode,
    key_window_ms: job.keyWindowMs,
    ordinal: job.ordinal,
    trace: job.trace,
    notify: job.notify,
    input: job.input,
  };
}

/** What a row says of its job; undefined when its id or key was taken: a look tells by whom. */
export function answerOf({ id, answer, other }: StoredRow): Answer | undefined {
  switch (answer) {
    case 'created':
      return { id: id as string, created: true, reason: 'created' };
    case 'replaced':
      return { id: other as string, created: false, reason: 'replaced' };
    case 'key-window':
      return other === id
        ? { id: id as string, created: true, reason: 'created' }
        : { id: other as string, created: false, reason: 'key-window' };
    case 'slots-exhausted':
      return unstuckError(
        'SLOTS_EXHAUSTED',
        `Every slot of pool ${JSON.stringify(other)} is in use or waited for. Try again when a job has ended, or enqueue with whenFull: 'wait'. Nothing was stored.`,
        { detail: { pool: other } },
      );
    case 'pool-unknown':
      return unstuckError(
        'POOL_UNKNOWN',
        `There is no pool ${JSON.stringify(other)}. Set its capacity first: unstuck.pools.set(key, { capacity }). Nothing was stored.`,
        { detail: { pool: other } },
      );
    case 'limit-unknown':
      return unstuckError(
        'LIMIT_UNKNOWN',
        `There is no limit ${JSON.stringify(other)}. Set it first: unstuck.limits.set(name, { running }). Nothing was stored.`,
        { detail: { limit: other } },
      );
    default:
      return undefined;
  }
}

/** The answer to a caller whose key a live job (`holder`) has. */
export function refuseTaken(job: NewJob, holder: string): Answer {
  if (job.keyMode === undefined || job.keyMode === 'return')
    return { id: holder, created: false, reason: 'key-live' };
  const why =
    job.keyMode === 'refuse'
      ? 'a live job has it'
      : 'the live job that has it is running, is of another type, or counts at another pool or limit, and cannot take this input';
  return unstuckError(
    'KEY_TAKEN',
    `The key ${JSON.stringify(job.key)} is taken: ${why} (${holder}). Wait for that job to end, or cancel it. Nothing was stored.`,
    { detail: { id: holder, key: job.key } },
  );
}
