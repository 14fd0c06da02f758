/** `unstuck bulk retry`, `cancel` and `delete`: changes many jobs, after a dry run that a person has confirmed. */

import { createInterface } from 'node:readline/promises';
import { isatty } from 'node:tty';
import type { BulkAction, BulkResult, BulkRetryOptions, BulkSelection } from '../domain/bulk.ts';
import { unstuckError } from '../domain/errors.ts';
import { snakeJson } from '../domain/json.ts';
import { EXIT } from './exit-codes.ts';
import { type FilterOptions, toFilter } from './filter-options.ts';
import type { Operable } from './operable.ts';
import { readInput } from './read-input.ts';
import { openScreen, type Screen } from './screen.ts';
import { type Globals, withUnstuck } from './session.ts';
import { whoAmI } from './who.ts';

/** Which jobs, and how. */
export interface BulkCommandOptions extends Globals, FilterOptions {
  readonly ids?: readonly string[];
  readonly reason: string;
  readonly input?: string;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

/** Runs finished jobs again. */
export function retry(options: BulkCommandOptions): Promise<number> {
  return change('retry', options);
}

/** Cancels live jobs. */
export function cancel(options: BulkCommandOptions): Promise<number> {
  return change('cancel', options);
}

/** Removes jobs that do not run. */
export function remove(options: BulkCommandOptions): Promise<number> {
  return change('delete', options);
}

/** Exit code 0 when all were changed, 5 when some were refused, 130 when it was interrupted or not confirmed. */
async function change(action: BulkAction, options: BulkCommandOptions): Promise<number> {
  const screen = openScreen(options.output);
  const selection = selectionOf(options);
  const asked: BulkRetryOptions = {
    by: whoAmI(),
    reason: options.reason,
    ...(options.input === undefined ? {} : { input: readInput(options.input) }),
  };
  const asks = options.dryRun !== true && options.yes !== true;
  if (asks && (screen.json || !screen.tty || !isatty(0)))
    throw unstuckError(
      'REQUEST_INVALID',
      `Expected --yes, because nobody can be asked here. Look at what it would do with --dry-run first.`,
    );
  return withUnstuck(options, async (unstuck) => {
    if (options.dryRun === true || asks) {
      const foreseen = await unstuck.bulk[action](selection, { ...asked, dryRun: true });
      show(screen, foreseen);
      if (options.dryRun === true) return EXIT.ok;
      if (foreseen.ids.length === 0) return foreseen.matched === 0 ? EXIT.ok : EXIT.conflict;
      if (!(await confirmed(action, foreseen))) return EXIT.interrupted;
    }
    const result = await run(unstuck, action, selection, asked, screen);
    show(screen, result);
    if (result.aborted) return EXIT.interrupted;
    return result.refusedCount > 0 ? EXIT.conflict : EXIT.ok;
  });
}

function selectionOf(options: BulkCommandOptions): BulkSelection {
  const filter = toFilter(options);
  if (options.ids === undefined) return { filter };
  if (Object.keys(filter).length === 0) return { ids: options.ids };
  throw unstuckError('REQUEST_INVALID', 'Expected --ids or a filter, got both. Leave one out.');
}

/** Ctrl-C ends it between two chunks. */
async function run(
  unstuck: Operable,
  action: BulkAction,
  selection: BulkSelection,
  asked: BulkRetryOptions,
  screen: Screen,
): Promise<BulkResult> {
  const stop = new AbortController();
  const onStop = (): void => stop.abort();
  process.once('SIGINT', onStop);
  process.once('SIGTERM', onStop);
  try {
    return await unstuck.bulk[action](selection, {
      ...asked,
      signal: stop.signal,
      onProgress: ({ matched, done, refused }) => {
        if (screen.tty) screen.hint(`… ${done + refused} of ${matched}`);
      },
    });
  } finally {
    process.off('SIGINT', onStop);
    process.off('SIGTERM', onStop);
  }
}

async function confirmed(
  action: BulkAction,
  { matched, refusedCount }: BulkResult,
): Promise<boolean> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await lines.question(`${action} ${matched - refusedCount} jobs? Type yes: `);
    return answer.trim().toLowerCase() === 'yes';
  } finally {
    lines.close();
  }
}

function show(screen: Screen, result: BulkResult): void {
  if (screen.json) {
    screen.value(snakeJson(result));
    return;
  }
  for (const id of result.ids) screen.line(screen.tty ? `  ${id}` : `would\t${id}`);
  for (const { id, code, message } of result.refused)
    screen.line(
      screen.tty ? `  ${screen.paint(message, 'yellow')}` : `refused\t${id}\t${code}\t${message}`,
    );
  screen.line(screen.tty ? inWords(result) : inCells(result));
}

function inWords({
  action,
  dryRun,
  matched,
  done,
  refusedCount,
  aborted,
  auditId,
}: BulkResult): string {
  const refused = refusedCount === 0 ? '' : `, ${refusedCount} refused`;
  if (dryRun)
    return `${action} would change ${matched - refusedCount} of ${matched} jobs${refused}.`;
  const how = aborted ? 'Interrupted: ' : '';
  return `${how}${action} changed ${done} of ${matched} jobs${refused}.${auditId === null ? '' : ` Recorded as ${auditId}.`}`;
}

function inCells({ action, dryRun, matched, done, refusedCount, auditId }: BulkResult): string {
  return [dryRun ? 'dry-run' : 'done', action, matched, done, refusedCount, auditId ?? '-'].join(
    '\t',
  );
}
