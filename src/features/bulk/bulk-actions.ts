/**
 * Bulk actions: changes of many jobs that go on behind the answer, in this process and, when it ends, in another. The entry in `audit` says who runs
 * one and how far it came; each chunk checks there, in its own transaction, that it is still to be done here.
 */

import { randomUUID } from 'node:crypto';
import {
  type BulkAction,
  type BulkProgress,
  type BulkRetryOptions,
  type BulkSelection,
  type ChosenJobs,
  checkActor,
  checkBulkOptions,
  parseSelection,
} from '../../domain/bulk.ts';
import {
  type ActionDetail,
  type BulkActionPage,
  type BulkActionStatus,
  checkExpected,
  revivedSelection,
} from '../../domain/bulk-action.ts';
import { UnstuckError, unstuckError } from '../../domain/errors.ts';
import { type Page, parsePage } from '../../domain/job-filter.ts';
import { JobIds, parseJobId } from '../../domain/job-id.ts';
import type { Log } from '../../domain/log.ts';
import { encodeInput } from '../../domain/new-job.ts';
import type { ChoreRound } from '../../engine/sweeper.ts';
import {
  type ActionRow,
  abandonActions,
  abortAction,
  adoptAction,
  findAction,
  listActions,
  openAction,
} from '../../sql/bulk-actions.ts';
import { type BulkChange, ChangeEnded, closeEntry, sum } from '../../storage/bulk.ts';
import type { Database } from '../../storage/database.ts';
import type { Actor } from '../../storage/jobs.ts';
import { isConnectionLost } from '../../storage/postgres-errors.ts';
import { CHUNK, countChosen, eachChunk, outcomesOf, patient, settleChosen } from './bulk-walk.ts';

/** How a change is asked for that goes on behind the answer. */
export interface BulkActionOptions
  extends Pick<BulkRetryOptions, 'by' | 'reason' | 'chunk' | 'input'> {
  /** How many jobs are meant: more or fewer by over 10 % are refused. Default: any number. */
  readonly expectedCount?: number | undefined;
}

/** Changes of many jobs that go on behind the answer. */
export class BulkActions {
  #database: Database;
  #log: Log;
  /** This process, in the entries that it runs. */
  #runner: string = randomUUID();
  #running = new Map<string, Promise<void>>();
  #stop = new AbortController();

  constructor(database: Database, log: Log) {
    this.#database = database;
    this.#log = log;
  }

  /**
   * Starts a change and returns how it stands. Throws what the same change of `unstuck.bulk` throws of its selection and options, and
   * COUNT_MISMATCH.
   */
  async start(
    action: BulkAction,
    selection: BulkSelection,
    { expectedCount, ...options }: BulkActionOptions = {},
  ): Promise<BulkActionStatus> {
    checkBulkOptions(action, options);
    const { by, reason, input, chunk = CHUNK } = options;
    const parsed = parseSelection(selection);
    if (input !== undefined) encodeInput('The edited input', input, this.#database.config);
    const chosen = await settleChosen(this.#database, parsed);
    const matched = await countChosen(this.#database, chosen);
    checkExpected(expectedCount, matched);
    const until = chosen.kind === 'ids' ? undefined : chosen.conditions.createdBefore;
    const request = { chunk, ...(input === undefined ? {} : { input }) };
    const facts = { selection, until, request, matched, done: 0, refused: 0, ended: false };
    const id = new JobIds().next(Date.now());
    const detail = JSON.stringify(facts);
    const values = [id, by ?? null, action, reason ?? null, detail, this.#runner];
    const [row] = await patient(() => this.#database.run(openAction, values));
    // Its reply was lost, and by the time it was asked again another process had taken it for left behind.
    if (row === undefined) return this.get(id);
    this.#begin(row);
    return toStatus(row);
  }

  /** Returns how a change stands. Throws BULK_ACTION_UNKNOWN or JOB_ID_INVALID. */
  async get(id: string): Promise<BulkActionStatus> {
    const [row] = await this.#database.run(findAction, [parseJobId(id)]);
    if (row !== undefined) return toStatus(row);
    throw unstuckError(
      'BULK_ACTION_UNKNOWN',
      `There is no change of many jobs ${id}. It never existed, or its retention has ended.`,
      { detail: { id } },
    );
  }

  /** Returns one page, newest first. Throws REQUEST_INVALID or JOB_ID_INVALID. */
  async list(page: Page = {}): Promise<BulkActionPage> {
    const { limit, after } = parsePage(page);
    const rows = await this.#database.run(listActions, [after, limit + 1]);
    const actions = rows.slice(0, limit).map(toStatus);
    return { actions, next: rows.length > limit ? (actions.at(-1)?.id ?? null) : null };
  }

  /** Ends a change between two chunks: what is done stays done. Throws BULK_ACTION_UNKNOWN, BULK_ACTION_ENDED, REQUEST_INVALID or JOB_ID_INVALID. */
  async abort(id: string, actor: Actor = {}): Promise<BulkActionStatus> {
    checkActor(actor);
    const asked = JSON.stringify({ by: actor.by, reason: actor.reason });
    const [row] = await this.#database.run(abortAction, [parseJobId(id), asked]);
    if (row !== undefined) return toStatus(row);
    const { state } = await this.get(id);
    throw unstuckError(
      'BULK_ACTION_ENDED',
      `Expected change ${id} to go on, it is ${state}. What it did stays done.`,
      { detail: { id, state } },
    );
  }

  /** Carries on what another process, or this one without its database, has left behind: one change for each call. A chore of the sweep. */
  async adopt(): Promise<ChoreRound> {
    const row = this.#stop.signal.aborted
      ? undefined
      : (await this.#database.run(adoptAction, [this.#runner, [...this.#running.keys()]]))[0];
    if (row === undefined) return { ready: new Set(), done: 0, more: false };
    this.#log.warn('bulk_action_carried_on', { id: row.id, action: row.action });
    this.#begin(row);
    return { ready: new Set(), done: 1, more: false };
  }

  /** Resolves when no change goes on here any more. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running.values());
  }

  /** Stops between two chunks, and leaves what is not done to other processes. */
  async stop(): Promise<void> {
    this.#stop.abort();
    if (this.#running.size === 0) return;
    await this.idle();
    await this.#database.run(abandonActions, [this.#runner]).catch((error: unknown) => {
      this.#log.warn('bulk_actions_not_left', { error });
    });
  }

  #begin(row: ActionRow): void {
    const carried = this.#carry(row).finally(() => this.#running.delete(row.id));
    this.#running.set(row.id, carried);
  }

  /** Never rejects. Without its database it is left as it is: whoever sweeps when that is back carries it on. */
  async #carry(row: ActionRow): Promise<void> {
    const detail = detailOf(row);
    const state = { reached: progressOf(detail) };
    const change = { auditId: row.id };
    try {
      const stopped = await this.#walk(row, detail, state);
      if (stopped) return;
      const { done, refused } = state.reached;
      const end = { done, refused, matched: done + refused, aborted: false };
      await patient(() => closeEntry(this.#database, change, end));
    } catch (error) {
      if (error instanceof ChangeEnded && !error.aborted) return;
      if (isAway(error)) return this.#log.warn('bulk_action_left', { id: row.id, error });
      const aborted = error instanceof ChangeEnded;
      const end = { ...state.reached, aborted, ...(aborted ? {} : { error: toError(error) }) };
      if (!aborted) this.#log.error('bulk_action_failed', { id: row.id, error });
      await closeEntry(this.#database, change, end).catch((failure: unknown) =>
        this.#log.warn('bulk_action_left', { id: row.id, error: failure }),
      );
    }
  }

  /** Answers whether this process is to end before it came to the end. */
  async #walk(
    row: ActionRow,
    { selection, until, request = {}, cursor }: ActionDetail,
    state: { reached: BulkProgress },
  ): Promise<boolean> {
    const database = this.#database;
    const chosen = await chosenOf(database, selection, until);
    const { chunk: size = CHUNK, input } = request;
    const change: BulkChange = {
      auditId: row.id,
      action: row.action as BulkAction,
      by: row.by,
      reason: row.reason,
      input: input === undefined ? null : encodeInput('The edited input', input, database.config),
      facts: {},
      runner: this.#runner,
    };
    const walk = { size, after: cursor, signal: this.#stop.signal };
    return eachChunk(database, chosen, walk, async (jobs) => {
      for await (const outcome of outcomesOf(database, change, jobs, state.reached))
        state.reached = sum(state.reached, outcome);
    });
  }
}

function chosenOf(
  database: Database,
  selection: unknown,
  until: string | undefined,
): Promise<ChosenJobs> {
  const parsed = parseSelection(revivedSelection(selection));
  return settleChosen(database, parsed, until === undefined ? undefined : new Date(until));
}

function detailOf({ detail }: ActionRow): ActionDetail {
  return detail ?? {};
}

function progressOf({ matched = 0, done = 0, refused = 0 }: ActionDetail): BulkProgress {
  return { matched, done, refused };
}

function isAway(error: unknown): boolean {
  if (error instanceof UnstuckError) return error.code === 'DATABASE_UNREACHABLE';
  return isConnectionLost(error);
}

function toError(error: unknown): { code: string; message: string } {
  const code = error instanceof UnstuckError ? error.code : 'INTERNAL_ERROR';
  return { code, message: (error as Error).message };
}

function toStatus(row: ActionRow): BulkActionStatus {
  const detail = detailOf(row);
  const { id, by, reason, at } = row;
  return {
    id,
    action: row.action as BulkAction,
    state: stateOf(row, detail),
    matched: detail.matched ?? 0,
    done: detail.done ?? 0,
    refusedCount: detail.refused ?? 0,
    refusedBy: detail.refusedBy ?? {},
    refused: detail.refusals ?? [],
    by,
    reason,
    at,
    selection: detail.selection ?? null,
    error: detail.error ?? null,
  };
}

function stateOf({ runner, alive }: ActionRow, detail: ActionDetail): BulkActionStatus['state'] {
  if (detail.ended !== true) return alive ? 'running' : runner === null ? 'interrupted' : 'stalled';
  if (detail.error !== undefined && detail.error !== null) return 'failed';
  return detail.aborted === true ? 'aborted' : 'done';
}
