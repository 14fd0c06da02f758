/** `unstuck status`: the whole installation on one screen. */
import { snakeJson } from '../domain/json.ts';
import type { StateCount, Status, TroubledTarget, WorkerStatus } from '../engine/status.ts';
import { formatDuration } from '../std/duration.ts';
import { commandName } from './command-name.ts';
import { EXIT } from './exit-codes.ts';
import { openScreen, type Screen } from './screen.ts';
import { type Globals, withUnstuck } from './session.ts';
import { findingRow, showFindings } from './show-findings.ts';
import type { Cell } from './table.ts';

const PARKED_MAX = 10_000;

/** Runs the command: exit code 8 when a job is stuck. */
export async function status(options: Globals): Promise<number> {
  const screen = openScreen(options.output);
  const found = await withUnstuck(options, (unstuck) => unstuck.status());
  if (screen.json) screen.value(snakeJson(found));
  else if (screen.tty) showToPerson(screen, found);
  else showToProgram(screen, found);
  return found.stuck > 0 ? EXIT.findings : EXIT.ok;
}

function showToPerson(screen: Screen, found: Status): void {
  const counts = [...found.live, ...found.finished];
  if (counts.length === 0) screen.line('No jobs yet.');
  else
    screen.table(
      [
        { title: 'TYPE', cut: true },
        { title: 'STATE' },
        { title: 'WAITS FOR' },
        { title: 'JOBS', right: true },
        { title: 'LATE', right: true },
        { title: 'OLDEST (ended: NEWEST)' },
      ],
      counts.map((group) => countRow(group, screen, found.now)),
    );
  screen.line();
  showWorkers(screen, found.workers);
  if (found.targets.length > 0) {
    screen.line();
    screen.table(
      [
        { title: 'TARGET' },
        { title: 'STATE' },
        { title: 'SINCE' },
        { title: 'PARKED', right: true },
        { title: 'STANDS', cut: true },
      ],
      found.targets.map((target) => targetRow(target, screen, found.now)),
    );
  }
  if (found.findings.length > 0) {
    screen.line();
    showFindings(screen, found.findings, found.now);
  }
  screen.line();
  screen.line(summary(screen, found));
}

/** The same rows, each with its kind in front, tab-separated. */
function showToProgram(screen: Screen, found: Status): void {
  const row = (cells: readonly Cell[]): void => screen.table([], [cells]);
  for (const group of [...found.live, ...found.finished])
    row(['jobs', ...countRow(group, screen, found.now)]);
  for (const worker of found.workers) row(['worker', ...workerRow(worker)]);
  for (const target of found.targets) row(['target', ...targetRow(target, screen, found.now)]);
  for (const finding of found.findings) row(['finding', ...findingRow(screen, finding, found.now)]);
  row(['late', String(found.late)]);
  row(['stuck', String(found.stuck)]);
}

function countRow(group: StateCount, screen: Screen, now: Date): Cell[] {
  const { type, state, waitsFor, count, late, at } = group;
  const lateCell: Cell = late > 0 ? { text: String(late), paint: 'yellow' } : String(late);
  return [type, state, waitsFor ?? '-', String(count), lateCell, screen.time(at, now)];
}

function showWorkers(screen: Screen, workers: readonly WorkerStatus[]): void {
  if (workers.length === 0) {
    screen.line('No worker runs. Start one: unstuck work <module>');
    return;
  }
  screen.table(
    [
      { title: 'WORKER' },
      { title: 'STATE' },
      { title: 'RUNNING', right: true },
      { title: 'GHOSTS', right: true },
      { title: 'LAST BEAT', right: true },
      { title: 'TYPES', cut: true },
    ],
    workers.map(workerRow),
  );
}

function workerRow(worker: WorkerStatus): Cell[] {
  const { name, state, running, concurrency, ghosts, beatMsAgo, types } = worker;
  return [
    name,
    state,
    `${running}/${concurrency}`,
    String(ghosts),
    `${formatDuration(beatMsAgo)} ago`,
    types.join(', '),
  ];
}

function targetRow(target: TroubledTarget, screen: Screen, now: Date): Cell[] {
  const { name, state, words, since, parked } = target;
  const stateCell: Cell = { text: state, paint: state === 'down' ? 'red' : 'yellow' };
  const count = parked > PARKED_MAX ? `>${PARKED_MAX}` : String(parked);
  return [name, stateCell, screen.time(since, now), count, words];
}

function summary(screen: Screen, found: Status): string {
  const swept =
    found.sweptMsAgo === null
      ? 'the sweep has never run: no process takes part in it'
      : `last sweep ${formatDuration(found.sweptMsAgo)} ago`;
  if (found.stuck > 0)
    return `${screen.paint(`${found.stuck} stuck`, 'red')}, ${found.late} late in all; ${swept}. Look closer: ${commandName()} stuck`;
  const late = found.late === 0 ? '' : `, ${found.late} late and explained`;
  return `${screen.paint('Nothing is stuck', 'green')}${late}; ${swept}.`;
}
