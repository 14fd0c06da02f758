/** `unstuck job executions`: how the work of a fan-out stands, counted by state and cell by cell. */
import { unstuckError } from '../domain/errors.ts';
import type { ExecutionState } from '../domain/executions.ts';
import { snakeJson } from '../domain/json.ts';
import type { Cell as Execution, FanOut } from '../features/executions.ts';
import { EXIT } from './exit-codes.ts';
import type { Operable } from './operable.ts';
import { openScreen, type Screen } from './screen.ts';
import { type Globals, withUnstuck } from './session.ts';
import type { Cell, Column, Paint } from './table.ts';

/** Which executions. */
export interface JobExecutionsOptions extends Globals {
  readonly state?: ExecutionState;
  readonly limit?: number;
  readonly after?: number;
}

const LIMIT_DEFAULT = 100;

const STATES: readonly ExecutionState[] = [
  'pending',
  'queued',
  'running',
  'completed',
  'failed',
  'cancelled',
  'missing',
];

const PAINTS: Readonly<Partial<Record<ExecutionState, Paint>>> = {
  completed: 'green',
  failed: 'red',
  missing: 'yellow',
};

const COLUMNS: readonly Column[] = [
  { title: 'ORDINAL', right: true },
  { title: 'CELL', cut: true },
  { title: 'STATE' },
  { title: 'ATTEMPT', right: true },
  { title: 'JOB' },
  { title: 'NOTE', cut: true },
];

/** Runs the command: exit code 3 when there is no such job, 5 when it has planned no executions. */
export async function jobExecutions(options: JobExecutionsOptions, id: string): Promise<number> {
  const screen = openScreen(options.output);
  const { state, limit = LIMIT_DEFAULT, after } = options;
  const page = {
    limit,
    ...(state === undefined ? {} : { state }),
    ...(after === undefined ? {} : { after }),
  };
  const [fanOut, executions] = await withUnstuck(options, async (unstuck) => [
    (await unstuck.executions.get(id)) ?? (await refuse(unstuck, id)),
    await unstuck.executions.list(id, page),
  ]);
  const next = executions.length === limit ? (executions.at(-1)?.ordinal ?? null) : null;
  if (screen.json) {
    screen.value({ ...fanOutJson(fanOut), executions: executions.map(executionJson), next });
    return EXIT.ok;
  }
  showCounts(screen, fanOut);
  showExecutions(screen, executions);
  if (next !== null) screen.hint(`… more: --after ${next}`);
  return EXIT.ok;
}

async function refuse(unstuck: Operable, id: string): Promise<never> {
  if ((await unstuck.get(id)) === undefined)
    throw unstuckError('JOB_NOT_FOUND', `There is no job ${id}.`, { detail: { id } });
  throw unstuckError(
    'JOB_STATE_CONFLICT',
    `Expected job ${id} to have planned executions: it is no fan-out, or its first attempt has not begun.`,
    { detail: { id } },
  );
}

/** The names of axes and what is in a cell are the user's: they stay as they are. */
function fanOutJson({ axes, ...rest }: FanOut): Record<string, unknown> {
  return { ...(snakeJson(rest) as object), axes };
}

function executionJson({ cell, error, ...rest }: Execution): Record<string, unknown> {
  return { ...(snakeJson(rest) as object), cell, error };
}

function showCounts(screen: Screen, { counts, expected, success }: FanOut): void {
  if (!screen.tty) {
    screen.table(
      [],
      STATES.map((state) => ['count', state, String(counts[state])]),
    );
    return;
  }
  const share = success === 0 ? 'any' : `${Math.round(success * 1000) / 10} %`;
  const parts = STATES.map((state) => {
    const text = `${counts[state]} ${state}`;
    return counts[state] > 0 ? paint(screen, text, state) : screen.paint(text, 'gray');
  });
  screen.line(`${expected} executions, of which ${share} must complete: ${parts.join(', ')}`);
  screen.line();
}

function showExecutions(screen: Screen, executions: readonly Execution[]): void {
  const rows = executions.map(rowOf);
  if (screen.tty && rows.length === 0) screen.line('No such executions.');
  else if (screen.tty) screen.table(COLUMNS, rows);
  else
    screen.table(
      [],
      rows.map((row) => ['execution', ...row]),
    );
}

function rowOf(execution: Execution): Cell[] {
  const { ordinal, cell, state, attempt, jobId } = execution;
  const how = PAINTS[state];
  return [
    String(ordinal),
    JSON.stringify(cell),
    how === undefined ? state : { text: state, paint: how },
    String(attempt),
    jobId ?? '-',
    noteOf(execution),
  ];
}

function noteOf({ error, waitsFor, progress, state }: Execution): string {
  if (error !== null) return `${error.code}: ${error.message}`;
  if (waitsFor !== null) return `waits for ${waitsFor}`;
  if (progress === null || state !== 'running') return '';
  return `${Math.round(progress * 100)} %`;
}

function paint(screen: Screen, text: string, state: ExecutionState): string {
  const how = PAINTS[state];
  return how === undefined ? text : screen.paint(text, how);
}
