/** Bulk: one change of many jobs, in chunks that are each done wholly or not at all, with a dry run first if asked. */
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
} from '../../domain/bulk.ts';
import { unstuckError } from '../../domain/errors.ts';
import { JobIds } from '../../domain/job-id.ts';
import { encodeInput } from '../../domain/new-job.ts';
import { noSuchJob, type Refusal, wrongState } from '../../domain/refusal.ts';
import { allows } from '../../domain/transitions.ts';
import {
  type BulkChange,
  ChangeEnded,
  type ChunkJob,
  closeEntry,
  sum,
} from '../../storage/bulk.ts';
import type { Database } from '../../storage/database.ts';
import type { Actor } from '../../storage/jobs.ts';
import {
  CHUNK,
  countChosen,
  eachChunk,
  outcomesOf,
  PAGE_ROWS,
  patient,
  settleChosen,
} from './bulk-walk.ts';

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

  /** Removes one job, and writes who did it into the audit. Throws JOB_NOT_FOUND, JOB_STATE_CONFLICT, JOB_BUSY or CHANGE_REFUSED. */
  async deleteOne(id: string, { by, reason }: Actor): Promise<void> {
    // Looked at first, so that a refusal leaves no entry in the audit.
    const dry = await this.delete({ ids: [id] }, { dryRun: true });
    const done = dry.refusedCount > 0 ? dry : await this.delete({ ids: [id] }, { by, reason });
    const [why] = done.refused;
    if (why === undefined) return;
    const { code, message, ...detail } = why;
    throw unstuckError(code, message, { detail });
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
    const chosen = await settleChosen(this.#database, parsed);
    const request = { chunk, ...(json === null ? {} : { input }) };
    const change: BulkChange = {
      auditId: new JobIds().next(Date.now()),
      action,
      by: by ?? null,
      reason: reason ?? null,
      input: json,
      facts: { selection, request },
    };
    if (dryRun) return this.#dryRun(chosen, action, signal);
    return this.#run(chosen, { change, chunk, signal, onProgress });
  }

  async #dryRun(
    chosen: ChosenJobs,
    action: BulkAction,
    signal: AbortSignal | undefined,
  ): Promise<BulkResult> {
    const ids: string[] = [];
    const refused: Refusal[] = [];
    const reached = { matched: 0, refused: 0 };
    const walk = { size: PAGE_ROWS, signal };
    const aborted = await eachChunk(this.#database, chosen, walk, (jobs) => {
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
    const database = this.#database;
    const refused: Refusal[] = [];
    let reached: BulkProgress = {
      matched: await countChosen(database, chosen),
      done: 0,
      refused: 0,
    };
    const walked = eachChunk(database, chosen, { size: chunk, signal }, async (jobs) => {
      for await (const outcome of outcomesOf(database, change, jobs, reached)) {
        reached = sum(reached, outcome);
        refused.push(...outcome.refused.slice(0, NAMED_MAX - refused.length));
      }
      onProgress?.(reached);
    });
    // Somebody else may abort it by its entry.
    const aborted = await walked.catch((error: unknown) => {
      if (error instanceof ChangeEnded) return true;
      throw error;
    });
    const looked = reached.done + reached.refused;
    if (!aborted) reached = { ...reached, matched: looked };
    if (looked > 0) await patient(() => closeEntry(database, change, { ...reached, aborted }));
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
}

/** What stays the same while it runs. */
interface Run {
  readonly change: BulkChange;
  readonly chunk: number;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: BulkOptions['onProgress'];
}

/** Why a job would be refused, as far as its state tells. */
function foreseen(action: BulkAction, { id, state }: ChunkJob): Refusal | undefined {
  if (state === null) return noSuchJob(id);
  return allows(action, state) ? undefined : wrongState(action, { id, state });
}
