/** The words of changes of many jobs: what is chosen, how it is done, what is answered; and their strict reading. */
import { shown } from '../std/shown.ts';
import { unstuckError } from './errors.ts';
import {
  type Conditions,
  isEmptyFilter,
  type JobFilter,
  parseFilter,
  parseIds,
} from './job-filter.ts';
import { refuseUnknown } from './known-options.ts';
import { isStorableText } from './payload.ts';
import type { Refusal } from './refusal.ts';

/** What can be done to many jobs at once. */
export type BulkAction = 'retry' | 'cancel' | 'delete';

/** Which jobs: those with these ids (1 to 1,000), or all that fit a filter, which must not be empty. */
export type BulkSelection = { readonly ids: readonly string[] } | { readonly filter: JobFilter };

/** How far a change of many jobs has come. */
export interface BulkProgress {
  /** How many jobs it is about: while it runs as counted when it began, up to 100,000. */
  readonly matched: number;
  readonly done: number;
  readonly refused: number;
}

/** How many jobs are changed; everything is optional. */
export interface BulkOptions {
  /** Who does it; kept in `audit` and in the history of each job. At most 1,000 characters. */
  readonly by?: string | undefined;
  /** Why; kept in the same places. At most 1,000 characters. */
  readonly reason?: string | undefined;
  /** Changes nothing, and answers what would be changed. Default false. */
  readonly dryRun?: boolean;
  /** How many jobs are changed in one transaction, 1 to 1,000. Default 500. */
  readonly chunk?: number;
  /** Called after each chunk. */
  readonly onProgress?: (progress: BulkProgress) => void;
  /** Ends it between two chunks: what is done stays done. */
  readonly signal?: AbortSignal;
}

/** How many jobs are run again. */
export interface BulkRetryOptions extends BulkOptions {
  /** What all of them run with instead of their own input. */
  readonly input?: unknown;
}

/** What a change of many jobs answers. */
export interface BulkResult {
  readonly action: BulkAction;
  readonly dryRun: boolean;
  /** How many jobs it was about. */
  readonly matched: number;
  /** How many were changed; 0 in a dry run. */
  readonly done: number;
  /** Those that were left as they are and why, in a dry run those that would be: the first 1,000. */
  readonly refused: readonly Refusal[];
  readonly refusedCount: number;
  /** In a dry run the first 20 that would be changed; otherwise empty. */
  readonly ids: readonly string[];
  /** Whether the signal ended it before it had come to the end. */
  readonly aborted: boolean;
  /** Its entry in `audit`; null when there was nothing to do, and in a dry run. */
  readonly auditId: string | null;
}

/** A parsed selection. */
export type ChosenJobs =
  | { readonly kind: 'ids'; readonly ids: readonly string[] }
  | { readonly kind: 'filter'; readonly conditions: Conditions };

/** Parses a selection. Throws REQUEST_INVALID or JOB_ID_INVALID. */
export function parseSelection(selection: BulkSelection): ChosenJobs {
  const names = typeof selection === 'object' && selection !== null ? Object.keys(selection) : [];
  if (names.length !== 1 || (names[0] !== 'ids' && names[0] !== 'filter'))
    throw invalid('the selection', '{ ids } or { filter }', selection);
  if ('ids' in selection) return { kind: 'ids', ids: parseIds(selection.ids, 'ids') };
  const conditions = parseFilter(selection.filter);
  if (!isEmptyFilter(selection.filter)) return { kind: 'filter', conditions };
  throw unstuckError(
    'REQUEST_INVALID',
    'Expected a filter that leaves some jobs out, got an empty one. To mean all jobs, name all states.',
  );
}

const KNOWN: readonly string[] = ['by', 'reason', 'dryRun', 'chunk', 'onProgress', 'signal'];

/** Checks options. Throws REQUEST_INVALID or OPTION_UNKNOWN. */
export function checkBulkOptions(action: BulkAction, options: BulkRetryOptions): void {
  const known = action === 'retry' ? [...KNOWN, 'input'] : KNOWN;
  refuseUnknown(options, known, `bulk ${action}`);
  const { dryRun, chunk, onProgress, signal } = options;
  checkActor(options);
  if (dryRun !== undefined && typeof dryRun !== 'boolean')
    throw invalid('dryRun', 'true or false', dryRun);
  if (chunk !== undefined && (!Number.isInteger(chunk) || chunk < 1 || chunk > 1_000))
    throw invalid('chunk', 'a whole number from 1 to 1000', chunk);
  if (onProgress !== undefined && typeof onProgress !== 'function')
    throw invalid('onProgress', 'a function', onProgress);
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw invalid('signal', 'an AbortSignal', signal);
}

/** Checks who does something and why, and returns the same. Throws REQUEST_INVALID. */
export function checkActor<A extends { readonly by?: unknown; readonly reason?: unknown }>(
  actor: A,
): A {
  for (const [name, value] of [
    ['by', actor.by],
    ['reason', actor.reason],
  ] as const) {
    const good = typeof value === 'string' && value.length <= 1_000 && isStorableText(value);
    if (value !== undefined && !good)
      throw invalid(name, 'a text of at most 1,000 characters without NUL', value);
  }
  return actor;
}

function invalid(what: string, expected: string, got: unknown): Error {
  return unstuckError('REQUEST_INVALID', `Expected ${what} to be ${expected}, got ${shown(got)}.`);
}
