/** Bulk: changes one chunk of jobs in one transaction, together with the entry in `audit` that tells how far it came. */
import type { BulkAction, BulkProgress } from '../domain/bulk.ts';
import { keyTaken, noSuchJob, type Refusal, restless, wrongState } from '../domain/refusal.ts';
import { allows } from '../domain/transitions.ts';
import type { ChangedRow } from '../sql/admin.ts';
import { noteAudit, openAudit } from '../sql/audit.ts';
import { cancelJobs, deleteJobs, retryJobs } from '../sql/bulk.ts';
import { lockAction } from '../sql/bulk-actions.ts';
import { findStates } from '../sql/job-filter.ts';
import type { JobLinks } from '../sql/links.ts';
import { lockTimeout } from '../sql/migrate.ts';
import type { Statement } from '../sql/sql.ts';
import type { Database, Executor } from './database.ts';
import { type SelectedJob, toSelected } from './job-filter.ts';
import { concernedBy, letOn } from './links.ts';
import { isHeldUp, isTransient } from './postgres-errors.ts';

/** One change of many jobs: its entry in `audit`, and what is asked. */
export interface BulkChange {
  readonly auditId: string;
  readonly action: BulkAction;
  readonly by: string | null;
  readonly reason: string | null;
  /** An edited input as JSON text; null for each job's own. */
  readonly input: string | null;
  /** The process that carries it on by its entry; a change without one ends with whoever called it. */
  readonly runner?: string;
  /** What was chosen and asked, for the entry. */
  readonly facts: Readonly<Record<string, unknown>>;
}

/** A job of a chunk; `state` is null when none was found. */
export type ChunkJob = Omit<SelectedJob, 'state'> & { readonly state: SelectedJob['state'] | null };

/** What became of a chunk. */
export interface ChunkOutcome {
  readonly done: number;
  readonly refused: readonly Refusal[];
}

/** Some row of the chunk, or a key, is locked by another session, or the chunk takes too long: a smaller one may pass. */
export class ChunkHeldUp extends Error {
  override readonly name = 'ChunkHeldUp';
}

/** The entry says that the change is no longer to be made here: somebody has aborted it, or another process carries it on. */
export class ChangeEnded extends Error {
  override readonly name = 'ChangeEnded';
  readonly aborted: boolean;

  constructor(aborted: boolean) {
    super(aborted ? 'the change was aborted' : 'another process carries the change on');
    this.aborted = aborted;
  }
}

const ROUNDS = 3;
/** How many refusals the entry names. */
const NAMED_MAX = 100;
/** Somebody's open transaction must not hold up the rest for long. */
const LOCK_MS = 1_000;

/** Looks at the jobs of a list of ids, in its order. */
export async function lookAt(database: Database, ids: readonly string[]): Promise<ChunkJob[]> {
  const found = await statesOf(database, ids);
  return ids.map((id) => found.get(id) ?? { id, state: null, finishedAt: null });
}

/**
 * Changes the jobs of a chunk, which are in the order of their ids and behind those of every chunk before; `before` is what was reached by those.
 * A repeat of a chunk that was committed finds that in the entry, and answers the same. `verdict` refuses the one job of the chunk unseen.
 * Throws ChangeEnded.
 */
export async function changeChunk(
  database: Database,
  change: BulkChange,
  jobs: readonly ChunkJob[],
  before: BulkProgress,
  verdict?: Refusal,
): Promise<ChunkOutcome> {
  const linked: JobLinks[] = [];
  const outcome = await database.transaction(async (on) => {
    const cursor = jobs.at(-1)?.id ?? '';
    const entry = await open(database, change, before, on);
    if (entry.cursor !== undefined && entry.cursor >= cursor && entry.last !== undefined)
      return entry.last;
    if (entry.abort !== undefined) throw new ChangeEnded(true);
    const last =
      verdict === undefined
        ? await apply(database, change, jobs, linked, on)
        : { done: 0, refused: [verdict] };
    const reached = sum(before, last);
    const note = JSON.stringify({ ...reached, ...refusalsOf(entry, last), cursor, last });
    await database.run(noteAudit, [change.auditId, note, false], on);
    return last;
  });
  // What is left undone here, the sweep does within a second.
  await letOn(database, concernedBy(linked)).catch(unlessTransient);
  return outcome;
}

/** Writes into the entry how it ended. */
export async function closeEntry(
  database: Database,
  change: Pick<BulkChange, 'auditId'>,
  end: BulkProgress & { readonly aborted: boolean; readonly error?: object },
): Promise<void> {
  const note = JSON.stringify({ ...end, ended: true });
  await database.run(noteAudit, [change.auditId, note, true]);
}

/** What is reached with one more chunk. */
export function sum(before: BulkProgress, { done, refused }: ChunkOutcome): BulkProgress {
  const reached = { done: before.done + done, refused: before.refused + refused.length };
  return { matched: Math.max(before.matched, reached.done + reached.refused), ...reached };
}

/** What an entry says of the latest chunk, of all refusals, and of whoever wants it to end. */
interface Entry {
  readonly cursor?: string;
  readonly last?: ChunkOutcome;
  readonly refusals?: readonly Refusal[];
  readonly refusedBy?: Readonly<Record<string, number>>;
  readonly abort?: object;
}

/** The first refusals, and how many there are by their codes. */
function refusalsOf(
  entry: Entry,
  { refused }: ChunkOutcome,
): Pick<Entry, 'refusals' | 'refusedBy'> {
  if (refused.length === 0) return {};
  const refusedBy: Record<string, number> = { ...entry.refusedBy };
  for (const { code } of refused) refusedBy[code] = (refusedBy[code] ?? 0) + 1;
  return { refusals: [...(entry.refusals ?? []), ...refused].slice(0, NAMED_MAX), refusedBy };
}

async function open(
  database: Database,
  change: BulkChange,
  before: BulkProgress,
  on: Executor,
): Promise<Entry> {
  const { auditId, by, action, reason, runner } = change;
  if (runner !== undefined) {
    const [own] = await database.run(lockAction, [auditId, runner], on);
    if (own === undefined) throw new ChangeEnded(false);
    return own.detail ?? {};
  }
  const detail = JSON.stringify({ ...change.facts, ...before, ended: false });
  const [row] = await database.run(openAudit, [auditId, by, action, reason, detail], on);
  return row?.detail ?? {};
}

async function apply(
  database: Database,
  change: BulkChange,
  jobs: readonly ChunkJob[],
  linked: JobLinks[],
  on: Executor,
): Promise<ChunkOutcome> {
  try {
    await on.query({
      text: lockTimeout(Math.min(LOCK_MS, database.config.lockTimeout)).text,
      values: [],
    });
    return await applyRounds(database, change, jobs, linked, on);
  } catch (cause) {
    if (!isHeldUp(cause)) throw cause;
    throw new ChunkHeldUp((cause as Error).message, { cause });
  }
}

/** What was left is looked at again, in a statement of its own: only its state now tells whether it is refused or has just moved. */
async function applyRounds(
  database: Database,
  { action, auditId, by, reason, input }: BulkChange,
  jobs: readonly ChunkJob[],
  linked: JobLinks[],
  on: Executor,
): Promise<ChunkOutcome> {
  const refused: Refusal[] = [];
  let left = jobs;
  for (let round = 0; round < ROUNDS && left.length > 0; round += 1) {
    const ids = left.map(({ id }) => id);
    const values = VALUES[action]({ ids, by, reason, auditId, input, ...spanOf(left) });
    const changed = await database.run(STATEMENTS[action], values, on);
    linked.push(...changed.flatMap(({ links }) => (links === null ? [] : [links])));
    const gone = new Set(changed.map(({ id }) => id));
    const missed = left.filter(({ id }) => !gone.has(id));
    left = missed.length === 0 ? [] : await sortOut(database, action, missed, refused, on);
  }
  for (const { id, state } of left) if (state !== null) refused.push(restless(action, id, state));
  return { done: jobs.length - refused.length, refused };
}

/** Refuses what cannot be changed, and returns what can be by now. */
async function sortOut(
  database: Database,
  action: BulkAction,
  missed: readonly ChunkJob[],
  refused: Refusal[],
  on: Executor,
): Promise<ChunkJob[]> {
  const now = await statesOf(
    database,
    missed.map(({ id }) => id),
    on,
  );
  return missed.flatMap(({ id, finishedAt }) => {
    const job = now.get(id);
    const why = job === undefined ? noSuchJob(id) : refusalOf(action, job, finishedAt);
    if (why !== undefined) refused.push(why);
    return why === undefined && job !== undefined ? [job] : [];
  });
}

/** A finished job that has not moved and was not retried either has lost its key to another. */
function refusalOf(
  action: BulkAction,
  job: SelectedJob,
  finishedBefore: Date | null,
): Refusal | undefined {
  if (!allows(action, job.state)) return wrongState(action, job);
  const same = job.finishedAt?.getTime() === finishedBefore?.getTime();
  return action === 'retry' && same ? keyTaken(job.id, job.state) : undefined;
}

async function statesOf(
  database: Database,
  ids: readonly string[],
  on?: Executor,
): Promise<Map<string, SelectedJob>> {
  const rows = await database.run(findStates, [ids], on);
  return new Map(rows.map((row) => [row.id, toSelected(row)]));
}

function unlessTransient(error: unknown): void {
  if (!isTransient(error)) throw error;
}

/** When the finished ones finished: the days that are looked at. JavaScript cuts instants down to the millisecond. */
function spanOf(jobs: readonly ChunkJob[]): Pick<Asked, 'from' | 'to'> {
  const times = jobs.flatMap(({ finishedAt }) =>
    finishedAt === null ? [] : [finishedAt.getTime()],
  );
  if (times.length === 0) return { from: 'infinity', to: '-infinity' };
  return { from: new Date(Math.min(...times)), to: new Date(Math.max(...times) + 1) };
}

/** What the values of the statements are made of. */
interface Asked extends Pick<BulkChange, 'by' | 'reason' | 'auditId' | 'input'> {
  readonly ids: readonly string[];
  readonly from: Date | string;
  readonly to: Date | string;
}

const STATEMENTS: Readonly<Record<BulkAction, Statement<ChangedRow>>> = {
  retry: retryJobs,
  cancel: cancelJobs,
  delete: deleteJobs,
};

const VALUES: Readonly<Record<BulkAction, (asked: Asked) => unknown[]>> = {
  retry: ({ ids, by, reason, auditId, input, from, to }) => [
    ids,
    by,
    reason,
    auditId,
    input,
    from,
    to,
  ],
  cancel: ({ ids, by, reason, auditId }) => [ids, by, reason, auditId],
  delete: ({ ids, from, to }) => [ids, from, to],
};
