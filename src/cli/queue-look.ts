/** `unstuck queue list`, `show` and `pauses`: what is in each queue, and what is paused. */
import { snakeJson } from '../domain/json.ts';
import type { Pause, Queue } from '../features/queues.ts';
import { EXIT } from './exit-codes.ts';
import { openScreen, type Screen } from './screen.ts';
import { type Globals, withUnstuck } from './session.ts';
import { showFacts } from './show-facts.ts';
import type { Cell, Column } from './table.ts';

const COLUMNS: readonly Column[] = [
  { title: 'QUEUE', cut: true },
  { title: 'PENDING', right: true },
  { title: 'QUEUED', right: true },
  { title: 'RUNNING', right: true },
  { title: 'OLDEST' },
  { title: 'TYPES', cut: true },
  { title: 'PAUSED', cut: true },
];

const PAUSE_COLUMNS: readonly Column[] = [
  { title: 'KIND' },
  { title: 'NAME', cut: true },
  { title: 'SINCE' },
  { title: 'BY', cut: true },
  { title: 'UNTIL' },
  { title: 'REASON', cut: true },
];

/** Lists every queue. */
export async function queueList(options: Globals): Promise<number> {
  const screen = openScreen(options.output);
  const queues = await withUnstuck(options, (unstuck) => unstuck.queues.list());
  if (screen.json) screen.value({ queues: snakeJson(queues) });
  else
    screen.table(
      COLUMNS,
      queues.map((queue) => rowOf(queue, screen, new Date())),
    );
  return EXIT.ok;
}

/** Shows one queue: exit code 3 when there is none. */
export async function queueShow(options: Globals, name: string): Promise<number> {
  const screen = openScreen(options.output);
  showQueue(screen, await withUnstuck(options, (unstuck) => unstuck.queues.get(name)));
  return EXIT.ok;
}

/** Lists what is paused, the oldest pause first. */
export async function queuePauses(options: Globals): Promise<number> {
  const screen = openScreen(options.output);
  const pauses = await withUnstuck(options, (unstuck) => unstuck.queues.pauses());
  const now = new Date();
  if (screen.json) screen.value({ pauses: snakeJson(pauses) });
  else if (screen.tty && pauses.length === 0) screen.line('Nothing is paused.');
  else
    screen.table(
      PAUSE_COLUMNS,
      pauses.map(({ kind, name, at, by, until, reason }) => [
        kind,
        name,
        screen.time(at, now),
        by ?? '-',
        screen.time(until, now),
        reason ?? '-',
      ]),
    );
  return EXIT.ok;
}

/** Writes a queue. */
export function showQueue(screen: Screen, queue: Queue): void {
  if (screen.json) {
    screen.value(snakeJson(queue));
    return;
  }
  const now = new Date();
  const gates = Object.entries(queue.waitsFor).map(([gate, count]) => `${gate} ${count}`);
  showFacts(screen, [
    ['queue', queue.name],
    ['types', queue.types.join(', ')],
    ['paused', queue.paused && pauseInWords(queue.paused, screen, now)],
    ['pending', `${queue.pending}${gates.length === 0 ? '' : ` (${gates.join(', ')})`}`],
    ['queued', String(queue.queued)],
    ['running', String(queue.running)],
    ['oldest', queue.oldest && screen.time(queue.oldest, now)],
  ]);
}

/** Says since when, by whom, until when and why something is paused. */
function pauseInWords({ at, by, until, reason }: Pause, screen: Screen, now: Date): string {
  const who = by === null ? '' : ` by ${by}`;
  const end = until === null ? '' : ` until ${screen.time(until, now)}`;
  return `since ${screen.time(at, now)}${who}${end}${reason === null ? '' : `: ${reason}`}`;
}

function rowOf(queue: Queue, screen: Screen, now: Date): Cell[] {
  const { name, types, pending, queued, running, oldest, paused } = queue;
  return [
    name,
    String(pending),
    String(queued),
    String(running),
    screen.time(oldest, now),
    types.join(', '),
    paused === null ? '-' : { text: pauseInWords(paused, screen, now), paint: 'yellow' },
  ];
}
