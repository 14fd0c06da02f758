/** `unstuck pool list`, `show` and `check`: how many slots there are, who holds them, who waits. */
import { unstuckError } from '../domain/errors.ts';
import { snakeJson } from '../domain/json.ts';
import type { Pool, PoolProblem } from '../features/pools.ts';
import { EXIT } from './exit-codes.ts';
import { openScreen, type Screen } from './screen.ts';
import { type Globals, withUnstuck } from './session.ts';
import { showFacts } from './show-facts.ts';
import type { Cell, Column } from './table.ts';

/** Which pools. */
export interface PoolListOptions extends Globals {
  readonly limit?: number;
  readonly after?: string;
}

const LIMIT_DEFAULT = 100;

const COLUMNS: readonly Column[] = [
  { title: 'POOL', cut: true },
  { title: 'CAPACITY', right: true },
  { title: 'RESERVED', right: true },
  { title: 'WAITING', right: true },
  { title: 'PROCESSED', right: true },
  { title: 'OLDEST HOLDER' },
];

const PROBLEM_COLUMNS: readonly Column[] = [
  { title: 'POOL', cut: true },
  { title: 'PROBLEM' },
  { title: 'CAPACITY', right: true },
  { title: 'RESERVED', right: true },
  { title: 'WAITING', right: true },
  { title: 'REPAIRED', cut: true },
];

/** Lists pools: one page, by key. */
export async function poolList(options: PoolListOptions): Promise<number> {
  const screen = openScreen(options.output);
  const { limit = LIMIT_DEFAULT, after } = options;
  const page = { limit, ...(after === undefined ? {} : { after }) };
  const pools = await withUnstuck(options, (unstuck) => unstuck.pools.list(page));
  const next = pools.length === limit ? (pools.at(-1)?.key ?? null) : null;
  if (screen.json) screen.value({ pools: snakeJson(pools), next });
  else if (screen.tty && pools.length === 0) screen.line('No such pools.');
  else
    screen.table(
      COLUMNS,
      pools.map((pool) => rowOf(pool, screen, new Date())),
    );
  if (next !== null && !screen.json) screen.hint(`… more: --after ${next}`);
  return EXIT.ok;
}

/** Shows one pool: exit code 3 when there is none. */
export async function poolShow(options: Globals, key: string): Promise<number> {
  const screen = openScreen(options.output);
  const pool = await withUnstuck(options, (unstuck) => unstuck.pools.get(key));
  if (pool === undefined)
    throw unstuckError('POOL_UNKNOWN', `There is no pool ${JSON.stringify(key)}.`);
  showPool(screen, pool);
  return EXIT.ok;
}

/** Checks all pools: exit code 8 when the rows of one do not fit together. */
export async function poolCheck(options: Globals): Promise<number> {
  const screen = openScreen(options.output);
  const problems = await withUnstuck(options, (unstuck) => unstuck.pools.check());
  showProblems(screen, problems, 'Every slot is held by a live job, and none is wasted.');
  return problems.length > 0 ? EXIT.findings : EXIT.ok;
}

/** Writes a pool. */
export function showPool(screen: Screen, pool: Pool): void {
  if (screen.json) {
    screen.value(snakeJson(pool));
    return;
  }
  const now = new Date();
  const { oldest } = pool;
  showFacts(screen, [
    ['pool', pool.key],
    ['capacity', String(pool.capacity)],
    ['reserved', String(pool.reserved)],
    ['waiting', String(pool.waiting)],
    ['processed', String(pool.processed)],
    [
      'oldest',
      oldest && `${oldest.id} (${oldest.type}, ${oldest.state}), ${screen.time(oldest.since, now)}`,
    ],
    ['created', screen.time(pool.createdAt, now)],
    ['updated', screen.time(pool.updatedAt, now)],
  ]);
}

/** Writes what does not fit together; `none`: what a person reads when there is nothing. */
export function showProblems(screen: Screen, problems: readonly PoolProblem[], none: string): void {
  if (screen.json) screen.value({ problems: snakeJson(problems) });
  else if (screen.tty && problems.length === 0) screen.line(none);
  else screen.table(PROBLEM_COLUMNS, problems.map(problemRow));
}

function rowOf(pool: Pool, screen: Screen, now: Date): Cell[] {
  const { key, capacity, reserved, waiting, processed, oldest } = pool;
  const age = screen.time(oldest?.since ?? null, now);
  const full = reserved >= capacity && waiting > 0;
  return [
    key,
    String(capacity),
    full ? { text: String(reserved), paint: 'yellow' } : String(reserved),
    String(waiting),
    String(processed),
    oldest === null ? age : `${age} ${oldest.id}`,
  ];
}

function problemRow(found: PoolProblem): Cell[] {
  const { key, problem, capacity, reserved, waiting, repaired } = found;
  return [
    key,
    problem,
    capacity === null ? '-' : String(capacity),
    String(reserved),
    String(waiting),
    repaired ?? '-',
  ];
}
