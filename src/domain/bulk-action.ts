/** Bulk action: a change of many jobs that a server carries on, as it stands, and as its entry in `audit` tells of it. */
import type { BulkAction, BulkSelection } from './bulk.ts';
import { unstuckError } from './errors.ts';
import type { Refusal } from './refusal.ts';

/** How a change of many jobs stands. */
export interface BulkActionStatus {
  /** Also that of its entry in `audit`. */
  readonly id: string;
  readonly action: BulkAction;
  /**
   * `running`; `stalled`: its process is not heard of, and the next sweep of another one carries it on; `interrupted`: it ran in a process that is
   * gone and that was to end with it; `done`; `aborted`: somebody ended it; `failed`: `error` says why.
   */
  readonly state: 'running' | 'stalled' | 'interrupted' | 'done' | 'aborted' | 'failed';
  /** How many jobs it is about: while it runs as counted when it began, up to 100,000. */
  readonly matched: number;
  readonly done: number;
  readonly refusedCount: number;
  /** How many were refused, by the codes of their reasons. */
  readonly refusedBy: Readonly<Record<string, number>>;
  /** The first 100 of them. */
  readonly refused: readonly Refusal[];
  readonly by: string | null;
  readonly reason: string | null;
  readonly at: Date;
  /** As it was asked for. */
  readonly selection: unknown;
  readonly error: { readonly code: string; readonly message: string } | null;
}

/** One page of them, newest first. */
export interface BulkActionPage {
  readonly actions: readonly BulkActionStatus[];
  /** Pass as `after` to get the next page; null on the last one. */
  readonly next: string | null;
}

/** What the entry of a change says in its detail. */
export interface ActionDetail {
  readonly selection?: unknown;
  /** The end of what a filter means: what is created later is left out. */
  readonly until?: string;
  readonly request?: { readonly chunk?: number; readonly input?: unknown };
  readonly cursor?: string;
  readonly matched?: number;
  readonly done?: number;
  readonly refused?: number;
  readonly refusals?: readonly Refusal[];
  readonly refusedBy?: Readonly<Record<string, number>>;
  readonly ended?: boolean;
  readonly aborted?: boolean;
  readonly error?: BulkActionStatus['error'];
}

/** Checks how many jobs a change would reach against how many are expected: 10 % more or fewer pass. Throws REQUEST_INVALID or COUNT_MISMATCH. */
export function checkExpected(expected: number | undefined, matched: number): void {
  if (expected === undefined) return;
  if (!Number.isInteger(expected) || expected < 0)
    throw unstuckError(
      'REQUEST_INVALID',
      `Expected expectedCount to be a whole number from 0 on, got ${String(expected)}.`,
    );
  // Counts end at 100,000.
  const seen = Math.min(expected, COUNT_MAX);
  if (Math.abs(matched - seen) <= seen * MISMATCH_MAX) return;
  throw unstuckError(
    'COUNT_MISMATCH',
    `Expected the change to reach about ${expected} jobs, it would reach ${matched}. Look again with a dry run. Nothing was changed.`,
    { detail: { expected, matched } },
  );
}

const COUNT_MAX = 100_000;
const MISMATCH_MAX = 0.1;
const TIMES = ['createdAfter', 'createdBefore', 'finishedAfter', 'finishedBefore'] as const;

/** The selection of an entry, whose instants have become texts. */
export function revivedSelection(stored: unknown): BulkSelection {
  const selection = stored as { ids?: readonly string[]; filter?: Record<string, unknown> };
  if (selection.filter === undefined) return { ids: selection.ids ?? [] };
  const filter = { ...selection.filter };
  for (const name of TIMES)
    if (typeof filter[name] === 'string') filter[name] = new Date(filter[name]);
  return { filter };
}
