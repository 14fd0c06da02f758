/** Bulk walk: the chosen jobs in the order of their ids, chunk by chunk, and what becomes of each chunk. */
import type { BulkProgress, ChosenJobs } from '../../domain/bulk.ts';
import { UnstuckError } from '../../domain/errors.ts';
import type { Conditions } from '../../domain/job-filter.ts';
import { changeRefused, jobBusy, type Refusal } from '../../domain/refusal.ts';
import {
  type BulkChange,
  ChangeEnded,
  ChunkHeldUp,
  type ChunkJob,
  type ChunkOutcome,
  changeChunk,
  lookAt,
  sum,
} from '../../storage/bulk.ts';
import { readNow } from '../../storage/clock.ts';
import type { Database } from '../../storage/database.ts';
import { readCount, selectBehind } from '../../storage/job-filter.ts';
import { makePartitions } from '../../storage/partitions.ts';
import { patiently } from '../../storage/patience.ts';
import { isConnectionLost, isPartitionMissing } from '../../storage/postgres-errors.ts';

/** How many jobs are changed in one transaction, where nobody says. */
export const CHUNK = 500;
/** Finding jobs can cost a walk through all that do not fit: it is made for many chunks at once. */
export const PAGE_ROWS = 10_000;

/** Jobs that are made while it runs are left out, or it might never end. `until`: a bound that was settled before. */
export async function settleChosen(
  database: Database,
  chosen: ChosenJobs,
  until?: Date,
): Promise<ChosenJobs> {
  if (chosen.kind === 'ids') return chosen;
  const { createdBefore } = chosen.conditions;
  // What was created within the millisecond that JavaScript cuts off is meant too.
  const last = until?.getTime() ?? (await patient(() => readNow(database))).getTime() + 1;
  const end = Math.min(last, createdBefore?.getTime() ?? Number.POSITIVE_INFINITY);
  return { kind: 'filter', conditions: { ...chosen.conditions, createdBefore: new Date(end) } };
}

/** How many jobs are chosen, up to 100,000. */
export async function countChosen(database: Database, chosen: ChosenJobs): Promise<number> {
  if (chosen.kind === 'ids') return chosen.ids.length;
  return (await patient(() => readCount(database, chosen.conditions))).count;
}

/** Which part of the chosen jobs is walked, and by how many at once. */
export interface Walk {
  readonly size: number;
  /** The id behind which to begin. */
  readonly after?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Does `work` with each chunk; answers whether the signal ended it. */
export async function eachChunk(
  database: Database,
  chosen: ChosenJobs,
  { size, after, signal }: Walk,
  work: (jobs: readonly ChunkJob[]) => Promise<void> | void,
): Promise<boolean> {
  const isAborted = (): boolean => signal?.aborted ?? false;
  if (isAborted()) return true;
  for await (const jobs of chunksOf(database, chosen, size, after)) {
    // Aborted while the chunk was looked for, or by whoever heard of the one before.
    if (isAborted()) return true;
    await work(jobs);
  }
  return false;
}

async function* chunksOf(
  database: Database,
  chosen: ChosenJobs,
  size: number,
  after = '',
): AsyncGenerator<readonly ChunkJob[]> {
  if (chosen.kind === 'ids') {
    const left = chosen.ids.filter((id) => id > after);
    for (const ids of partsOf(left, size)) yield await patient(() => lookAt(database, ids));
  } else
    for await (const page of pagesOf(database, chosen.conditions, after))
      yield* partsOf(page, size);
}

async function* pagesOf(
  database: Database,
  conditions: Conditions,
  from: string,
): AsyncGenerator<readonly ChunkJob[]> {
  for (let after = from === '' ? undefined : from; ; ) {
    const behind = after;
    const page = await patient(() => selectBehind(database, conditions, behind, PAGE_ROWS));
    yield page;
    if (page.length < PAGE_ROWS) return;
    after = page.at(-1)?.id;
  }
}

/** What becomes of a chunk; one that cannot be changed as a whole is halved down to the job that is in its way (A5). */
export async function* outcomesOf(
  database: Database,
  change: BulkChange,
  jobs: readonly ChunkJob[],
  before: BulkProgress,
): AsyncGenerator<ChunkOutcome> {
  const tried = await tryChunk(database, change, jobs, before);
  if ('done' in tried) return yield tried;
  const [first] = jobs;
  if (first === undefined) return;
  if (jobs.length === 1) {
    const verdict = verdictOf(first, tried.error);
    return yield await patient(() => changeChunk(database, change, jobs, before, verdict));
  }
  const half = Math.ceil(jobs.length / 2);
  let reached = before;
  for (const part of [jobs.slice(0, half), jobs.slice(half)])
    for await (const outcome of outcomesOf(database, change, part, reached)) {
      reached = sum(reached, outcome);
      yield outcome;
    }
}

async function tryChunk(
  database: Database,
  change: BulkChange,
  jobs: readonly ChunkJob[],
  before: BulkProgress,
): Promise<ChunkOutcome | { readonly error: unknown }> {
  const attempt = (): Promise<ChunkOutcome> =>
    patient(() => changeChunk(database, change, jobs, before));
  try {
    return await attempt().catch(async (error: unknown) => {
      if (!isPartitionMissing(error)) throw error;
      await makePartitions(database);
      return attempt();
    });
  } catch (error) {
    const isOver = error instanceof UnstuckError || error instanceof ChangeEnded;
    if (isOver || isConnectionLost(error)) throw error;
    return { error };
  }
}

/** Tries again what a moment without the database has ended. */
export function patient<T>(work: () => Promise<T>): Promise<T> {
  return patiently('The change of many jobs', work);
}

function* partsOf<T>(list: readonly T[], size: number): Generator<readonly T[]> {
  for (let from = 0; from < list.length; from += size) yield list.slice(from, from + size);
}

function verdictOf({ id, state }: ChunkJob, error: unknown): Refusal {
  if (error instanceof ChunkHeldUp) return jobBusy(id, state);
  return changeRefused(id, state, (error as Error).message);
}
