/** Bulk: one change of many jobs, in chunks that are each done wholly or not at all, with a dry run first if asked. */
import { randomUUID } from 'node:crypto';
import {
  type BulkAction,
  type BulkOptions,
  type BulkProgress,
  type BulkResult,
  type BulkRetryOptions,
  type BulkSelection,
  type ChosenJobs,
  checkBulkOptions,
  parseSelection,
} from '../domain/bulk.ts';
import { UnstuckError } from '../domain/errors.ts';
import type { Conditions } from '../domain/job-filter.ts';
import { JobIds } from '../domain/job-id.ts';
import { encodeInput } from '../domain/new-job.ts';
import { changeRefused, jobBusy, noSuchJob, type Refusal, wrongState } from '../domain/refusal.ts';
import { allows } from '../domain/transitions.ts';
import {
  type BulkChange,
  ChunkHeldUp,
  type ChunkJob,
  type ChunkOutcome,
  changeChunk,
  closeEntry,
  lookAt,
  sum,
} from '../storage/bulk.ts';
import { readNow } from '../storage/clock.ts';
import type { Database } from '../storage/database.ts';
import { readCount, selectBehind } from '../storage/job-filter.ts';
import { makePartitions } from '../storage/partitions.ts';
import { patiently } from '../storage/patience.ts';
import { isConnectionLost, isPartitionMissing } from '../storage/postgres-errors.ts';

const CHUNK = 500;
/** Finding jobs can cost a walk through all that do not fit: it is made for many chunks at once. */
const PAGE_ROWS = 10_000;
const NAMED_MAX = 1_000;
const FIRST_IDS = 20;

/** Changes of many jobs at once. */
export class Bulk {
  #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /**
   * Runs finished jobs again, with fresh attempts and the same ids. Refuses live ones (JOB_STATE_CONFLICT), and those whose unique key another
   * live job has (KEY_TAKEN; a dry run does not see that). An edited `input` is checked for whether it can be stored, not against schemas.
   * Throws REQUEST_INVALID, JOB_ID_INVALID, OPTION_UNKNOWN, INPUT_UNSTORABLE, INPUT_TOO_LARGE or DATABASE_UNREACHABLE.
   */
  retry(selection: BulkSelection, options: BulkRetryOptions = {}): Promise<BulkResult> {
    return this.#change('retry', selection, options);
  }

  /** Cancels live jobs, running ones too; refuses finished ones. Throws as `retry` does. */
  cancel(selection: BulkSelection, options: BulkOptions = {}): Promise<BulkResult> {
    return this.#change('cancel', selection, options);
  }

  /** Removes jobs with their attempts and events, for ever; refuses running ones. Throws as `retry` does. */
  delete(selection: BulkSelection, options: BulkOptions = {}): Promise<BulkResult> {
    return this.#change('delete', selection, options);
  }

  async #change(
    action: BulkAction,
    selection: BulkSelection,
    options: BulkRetryOptions,
  ): Promise<BulkResult> {
    checkBulkOptions(action, options);
    const { input, by, reason, chunk = CHUNK, dryRun = false, signal, onProgress } = options;
    const parsed = parseSelection(selection);
    const json =
      input === undefined ? null : encodeInput('The edited input', input, this.#database.config);
    const chosen = await this.#settle(parsed);
    const request = { chunk, ...(json === null ? {} : { input }) };
    const change: BulkChange = {
      auditId: new JobIds().next(Date.now(), randomUUID()),
      action,
      by: by ?? null,
      reason: reason ?? null,
      input: json,
      facts: { selection, request },
    };
    if (dryRun) return this.#dryRun(chosen, action, signal);
    return this.#run(chosen, { change, chunk, signal, onProgress });
  }

  /** Jobs that are made while it runs are left out, or it might never end. */
  async #settle(chosen: ChosenJobs): Promise<ChosenJobs> {
    if (chosen.kind === 'ids') return chosen;
    const now = await this.#read(() => readNow(this.#database));
    const { createdBefore } = chosen.conditions;
    // What was created within the millisecond that JavaScript cuts off is meant too.
    const end = Math.min(now.getTime() + 1, createdBefore?.getTime() ?? Number.POSITIVE_INFINITY);
    return { kind: 'filter', conditions: { ...chosen.conditions, createdBefore: new Date(end) } };
  }

  async #count(chosen: ChosenJobs): Promise<number> {
    if (chosen.kind === 'ids') return chosen.ids.length;
    return (await this.#read(() => readCount(this.#database, chosen.conditions))).count;
  }

  /** The chosen jobs in the order of their ids, by chunks. */
  async *#chunks(chosen: ChosenJobs, size: number): AsyncGenerator<readonly ChunkJob[]> {
    if (chosen.kind === 'ids')
      for (const ids of partsOf(chosen.ids, size))
        yield await this.#read(() => lookAt(this.#database, ids));
    else for await (const page of this.#pages(chosen.conditions)) yield* partsOf(page, size);
  }

  async *#pages(conditions: Conditions): AsyncGenerator<readonly ChunkJob[]> {
    for (let after: string | undefined; ; ) {
      const behind = after;
      const page = await this.#read(() =>
        selectBehind(this.#database, conditions, behind, PAGE_ROWS),
      );
      yield page;
      if (page.length < PAGE_ROWS) return;
      after = page.at(-1)?.id;
    }
  }

  async #dryRun(
    chosen: ChosenJobs,
    action: BulkAction,
    signal: AbortSignal | undefined,
  ): Promise<BulkResult> {
    const ids: string[] = [];
    const refused: Refusal[] = [];
    const reached = { matched: 0, refused: 0 };
    const aborted = await this.#each(chosen, PAGE_ROWS, signal, (jobs) => {
      reached.matched += jobs.length;
      for (const job of jobs) {
        const why = foreseen(action, job);
        if (why === undefined) {
          if (ids.length < FIRST_IDS) ids.push(job.id);
        } else {
          reached.refused += 1;
          if (refused.length < NAMED_MAX) refused.push(why);
        }
      }
    });
    return {
      action,
      dryRun: true,
      matched: reached.matched,
      done: 0,
      refused,
      refusedCount: reached.refused,
      ids,
      aborted,
      auditId: null,
    };
  }

  async #run(chosen: ChosenJobs, run: Run): Promise<BulkResult> {
    const { change, chunk, signal, onProgress } = run;
    const refused: Refusal[] = [];
    let reached: BulkProgress = { matched: await this.#count(chosen), done: 0, refused: 0 };
    const aborted = await this.#each(chosen, chunk, signal, async (jobs) => {
      for await (const outcome of this.#outcomes(change, jobs, reached)) {
        reached = sum(reached, outcome);
        refused.push(...outcome.refused.slice(0, NAMED_MAX - refused.length));
      }
      onProgress?.(reached);
    });
    const looked = reached.done + reached.refused;
    if (!aborted) reached = { ...reached, matched: looked };
    if (looked > 0) await this.#read(() => closeEntry(this.#database, change, reached, aborted));
    return {
      action: change.action,
      dryRun: false,
      matched: reached.matched,
      done: reached.done,
      refused,
      refusedCount: reached.refused,
      ids: [],
      aborted,
      auditId: looked > 0 ? change.auditId : null,
    };
  }

  /** Answers whether the signal ended it. */
  async #each(
    chosen: ChosenJobs,
    size: number,
    signal: AbortSignal | undefined,
    work: (jobs: readonly ChunkJob[]) => Promise<void> | void,
  ): Promise<boolean> {
    const isAborted = (): boolean => signal?.aborted ?? false;
    if (isAborted()) return true;
    for await (const jobs of this.#chunks(chosen, size)) {
      // Aborted while the chunk was looked for, or by whoever heard of the one before.
      if (isAborted()) return true;
      await work(jobs);
    }
    return false;
  }

  /** What becomes of a chunk; one that cannot be changed as a whole is halved down to the job that is in its way (A5). */
  async *#outcomes(
    change: BulkChange,
    jobs: readonly ChunkJob[],
    before: BulkProgress,
  ): AsyncGenerator<ChunkOutcome> {
    const tried = await this.#try(change, jobs, before);
    if ('done' in tried) return yield tried;
    const [first] = jobs;
    if (first === undefined) return;
    if (jobs.length === 1) {
      const verdict = verdictOf(first, tried.error);
      return yield await this.#read(() =>
        changeChunk(this.#database, change, jobs, before, verdict),
      );
    }
    const half = Math.ceil(jobs.length / 2);
    let reached = before;
    for (const part of [jobs.slice(0, half), jobs.slice(half)])
      for await (const outcome of this.#outcomes(change, part, reached)) {
        reached = sum(reached, outcome);
        yield outcome;
      }
  }

  async #try(
    change: BulkChange,
    jobs: readonly ChunkJob[],
    before: BulkProgress,
  ): Promise<ChunkOutcome | { readonly error: unknown }> {
    const attempt = (): Promise<ChunkOutcome> =>
      this.#read(() => changeChunk(this.#database, change, jobs, before));
    try {
      return await attempt().catch(async (error: unknown) => {
        if (!isPartitionMissing(error)) throw error;
        await makePartitions(this.#database);
        return attempt();
      });
    } catch (error) {
      if (error instanceof UnstuckError || isConnectionLost(error)) throw error;
      return { error };
    }
  }

  #read<T>(work: () => Promise<T>): Promise<T> {
    return patiently('The change of many jobs', work);
  }
}

/** What stays the same while it runs. */
interface Run {
  readonly change: BulkChange;
  readonly chunk: number;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: BulkOptions['onProgress'];
}

function* partsOf<T>(list: readonly T[], size: number): Generator<readonly T[]> {
  for (let from = 0; from < list.length; from += size) yield list.slice(from, from + size);
}

/** Why a job would be refused, as far as its state tells. */
function foreseen(action: BulkAction, { id, state }: ChunkJob): Refusal | undefined {
  if (state === null) return noSuchJob(id);
  return allows(action, state) ? undefined : wrongState(action, { id, state });
}

function verdictOf({ id, state }: ChunkJob, error: unknown): Refusal {
  if (error instanceof ChunkHeldUp) return jobBusy(id, state);
  return changeRefused(id, state, (error as Error).message);
}
