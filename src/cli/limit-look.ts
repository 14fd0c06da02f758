/** `unstuck limit list` and `show`: how much is allowed, and how much of it is used. */
import { unstuckError } from '../domain/errors.ts';
import { snakeJson } from '../domain/json.ts';
import type { LimitKeyStatus, LimitStatus } from '../features/limits.ts';
import { formatDuration } from '../std/duration.ts';
import { EXIT } from './exit-codes.ts';
import { openScreen, type Screen } from './screen.ts';
import { type Globals, withUnstuck } from './session.ts';
import { showFacts } from './show-facts.ts';
import type { Cell, Column } from './table.ts';

const COLUMNS: readonly Column[] = [
  { title: 'LIMIT', cut: true },
  { title: 'RUNNING', right: true },
  { title: 'RATE' },
  { title: 'SET BY', cut: true },
  { title: 'UPDATED' },
];

const KEY_COLUMNS: readonly Column[] = [
  { title: 'KEY', cut: true },
  { title: 'RUNNING', right: true },
  { title: 'QUEUED', right: true },
  { title: 'WAITING', right: true },
];

/** Lists every limit. */
export async function limitList(options: Globals): Promise<number> {
  const screen = openScreen(options.output);
  const limits = await withUnstuck(options, (unstuck) => unstuck.limits.list());
  if (screen.json) screen.value({ limits: snakeJson(limits) });
  else if (screen.tty && limits.length === 0) screen.line('No limits yet.');
  else
    screen.table(
      COLUMNS,
      limits.map((limit) => rowOf(limit, screen, new Date())),
    );
  return EXIT.ok;
}

/** Shows one limit with its keys: exit code 3 when there is none. */
export async function limitShow(options: Globals, name: string): Promise<number> {
  const screen = openScreen(options.output);
  const [limit, keys] = await withUnstuck(options, (unstuck) =>
    Promise.all([unstuck.limits.get(name), unstuck.limits.keys(name)]),
  );
  if (limit === undefined)
    throw unstuckError('LIMIT_UNKNOWN', `There is no limit ${JSON.stringify(name)}.`);
  if (screen.json) {
    screen.value({ ...(snakeJson(limit) as object), keys });
    return EXIT.ok;
  }
  showLimit(screen, limit);
  showKeys(screen, keys);
  return EXIT.ok;
}

/** Writes a limit as lines. */
export function showLimit(screen: Screen, limit: LimitStatus): void {
  showFacts(screen, [
    ['limit', limit.name],
    ['running', limit.running === null ? null : String(limit.running)],
    ['rate', limit.rate && rateInWords(limit.rate, screen)],
    ['set by', limit.setBy ?? 'the code'],
    ['updated', screen.time(limit.updatedAt, new Date())],
  ]);
}

/** A program reads each key behind the word `key`, since the facts of the limit come before. */
function showKeys(screen: Screen, keys: readonly LimitKeyStatus[]): void {
  const rows = keys.map(({ key, running, queued, waiting }) => [
    key,
    String(running),
    String(queued),
    String(waiting),
  ]);
  if (!screen.tty)
    screen.table(
      [],
      rows.map((row) => ['key', ...row]),
    );
  else if (rows.length > 0) {
    screen.line();
    screen.table(KEY_COLUMNS, rows);
  }
}

function rowOf(
  { name, running, rate, setBy, updatedAt }: LimitStatus,
  screen: Screen,
  now: Date,
): Cell[] {
  return [
    name,
    running === null ? '-' : String(running),
    rate === null ? '-' : rateInWords(rate, screen),
    setBy ?? 'the code',
    screen.time(updatedAt, now),
  ];
}

/** A program reads what `--rate` takes. */
function rateInWords({ count, perMs }: { count: number; perMs: number }, screen: Screen): string {
  return screen.tty ? `${count} in ${formatDuration(perMs)}` : `${count}/${perMs}ms`;
}
