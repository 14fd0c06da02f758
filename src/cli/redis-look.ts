/** `unstuck redis list` and `show`: how bridges stand. */
import type { Bridge, BridgeList } from '../domain/bridge.ts';
import { unstuckError } from '../domain/errors.ts';
import { snakeJson } from '../domain/json.ts';
import type { BridgeFilter } from '../features/redis/bridges.ts';
import { formatDuration } from '../std/duration.ts';
import { EXIT } from './exit-codes.ts';
import { openScreen, type Screen } from './screen.ts';
import { type Globals, withUnstuck } from './session.ts';
import { showFacts } from './show-facts.ts';
import type { Cell, Column } from './table.ts';

/** Which bridges. */
export interface RedisListOptions extends Globals {
  readonly limit?: number;
  readonly after?: string;
}

const COLUMNS: readonly Column[] = [
  { title: 'BRIDGE' },
  { title: 'LIST', cut: true },
  { title: 'STATE' },
  { title: 'WAITING', right: true },
  { title: 'OLDEST' },
  { title: 'PER MINUTE', right: true },
  { title: 'PROCESSING', right: true },
  { title: 'DEAD', right: true },
  { title: 'LOST', right: true },
  { title: 'LOOKED AT' },
];

/** Lists bridges. */
export async function redisList({ limit, after, ...options }: RedisListOptions): Promise<number> {
  const screen = openScreen(options.output);
  const filter: BridgeFilter = {
    ...(limit === undefined ? {} : { limit }),
    ...(after === undefined ? {} : { after }),
  };
  const bridges = await withUnstuck(options, (unstuck) => unstuck.redis.list(filter));
  if (screen.json) screen.value({ bridges: snakeJson(bridges) });
  else if (screen.tty && bridges.length === 0) screen.line('There are no bridges.');
  else
    screen.table(
      COLUMNS,
      bridges.map((bridge) => rowOf(bridge, screen, new Date())),
    );
  return EXIT.ok;
}

/** Shows one bridge: exit code 3 when there is none. */
export async function redisShow(options: Globals, name: string): Promise<number> {
  const screen = openScreen(options.output);
  const bridge = await withUnstuck(options, (unstuck) => unstuck.redis.get(name));
  if (bridge === undefined)
    throw unstuckError('BRIDGE_UNKNOWN', `There is no bridge ${JSON.stringify(name)}.`, {
      detail: { name },
    });
  if (screen.json) screen.value(snakeJson(bridge));
  else showBridge(screen, bridge, new Date());
  return EXIT.ok;
}

function showBridge(screen: Screen, bridge: Bridge, now: Date): void {
  const { waiting, processing, dead, lostTimes, lostIds } = bridge;
  const named = lostIds.length === 0 ? '' : `, the latest: ${lostIds.join(', ')}`;
  showFacts(screen, [
    ['bridge', bridge.name],
    ['redis', bridge.address],
    ['list', `${bridge.list}, taken from the ${bridge.takeFrom}`],
    ['dead list', bridge.deadList],
    ['state', stateOf(bridge)],
    ['error', bridge.lastError],
    ['away since', bridge.awayAt && screen.time(bridge.awayAt, now)],
    ['waiting', listInWords(waiting, screen, now)],
    ['late after', formatDuration(bridge.lateAfter)],
    ['processing', listInWords(processing, screen, now)],
    ['dead', listInWords(dead, screen, now)],
    ['taken', String(bridge.takenTimes)],
    ['lost', lostTimes === 0 ? '0' : `${lostTimes} found and sent${named}`],
    ['looked at', screen.time(bridge.lookedAt, now)],
    ['next look', screen.time(bridge.nextLook, now)],
  ]);
}

function listInWords(
  { length, oldestAt, growthPerMinute }: BridgeList,
  screen: Screen,
  now: Date,
): string {
  const oldest = oldestAt === null ? '' : `, the oldest ${screen.time(oldestAt, now)}`;
  return `${length}${oldest}${growthPerMinute === null ? '' : `, ${perMinute(growthPerMinute)} a minute`}`;
}

function rowOf(bridge: Bridge, screen: Screen, now: Date): Cell[] {
  const { waiting, processing, dead } = bridge;
  const state = stateOf(bridge);
  return [
    bridge.name,
    bridge.list,
    bridge.state === 'away' ? { text: state, paint: 'red' } : state,
    String(waiting.length),
    screen.time(waiting.oldestAt, now),
    waiting.growthPerMinute === null ? '-' : perMinute(waiting.growthPerMinute),
    String(processing.length),
    dead.length === 0 ? '0' : { text: String(dead.length), paint: 'yellow' },
    String(bridge.lostTimes),
    screen.time(bridge.lookedAt, now),
  ];
}

function stateOf({ state }: Bridge): string {
  return state === 'new' ? 'not looked at yet' : state;
}

function perMinute(growth: number): string {
  const rounded = Math.round(growth * 10) / 10;
  return rounded > 0 ? `+${rounded}` : String(rounded);
}
