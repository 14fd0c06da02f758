/** `unstuck target list` and `show`: how each remote worker stands, and what waits for it. */
import { snakeJson } from '../domain/json.ts';
import type { Target } from '../features/targets.ts';
import { EXIT } from './exit-codes.ts';
import { openScreen, type Screen } from './screen.ts';
import { type Globals, withUnstuck } from './session.ts';
import { showFacts } from './show-facts.ts';
import type { Cell, Column } from './table.ts';

const COUNT_MAX = 10_000;

const COLUMNS: readonly Column[] = [
  { title: 'TARGET', cut: true },
  { title: 'STATE' },
  { title: 'SINCE' },
  { title: 'PARKED', right: true },
  { title: 'SENDING', right: true },
  { title: 'ACCEPTED', right: true },
  { title: 'NEXT PROBE' },
  { title: 'URL', cut: true },
  { title: 'TYPES', cut: true },
];

/** Lists every target. */
export async function targetList(options: Globals): Promise<number> {
  const screen = openScreen(options.output);
  const targets = await withUnstuck(options, (unstuck) => unstuck.targets.list());
  if (screen.json) screen.value({ targets: snakeJson(targets) });
  else if (screen.tty && targets.length === 0)
    screen.line('No targets: every job type runs in workers of this installation.');
  else
    screen.table(
      COLUMNS,
      targets.map((target) => rowOf(target, screen, new Date())),
    );
  return EXIT.ok;
}

/** Shows one target: exit code 3 when there is none. */
export async function targetShow(options: Globals, name: string): Promise<number> {
  const screen = openScreen(options.output);
  showTarget(screen, await withUnstuck(options, (unstuck) => unstuck.targets.get(name)));
  return EXIT.ok;
}

/** Writes a target. */
export function showTarget(screen: Screen, target: Target): void {
  if (screen.json) {
    screen.value(snakeJson(target));
    return;
  }
  const now = new Date();
  const at = (time: Date | null): string | null => time && screen.time(time, now);
  const { paused, lastError } = target;
  showFacts(screen, [
    ['target', target.name],
    ['state', target.usable ? target.state : stateOf(target)],
    ['stands', target.words],
    ['since', screen.time(target.since, now)],
    ['down since', at(target.downSince)],
    [
      'paused',
      paused && `by ${paused.by ?? 'somebody'}: ${paused.reason ?? 'no reason was given'}`,
    ],
    ['paused until', at(paused?.until ?? null)],
    ['busy until', at(target.holdUntil)],
    ['url', target.url],
    ['health', target.healthUrl],
    ['status', target.statusUrl],
    ['types', target.types.join(', ')],
    ['parked', counted(target.parked)],
    ['sending', counted(target.sending)],
    ['accepted', counted(target.accepted)],
    ['failures', target.failures === 0 ? null : `${target.failures} in a row`],
    ['probes', target.probes === 0 ? null : String(target.probes)],
    ['last probe', at(target.lastProbeAt)],
    ['next probe', paused === null ? at(target.nextProbeAt) : null],
    ['last good', at(target.lastOkAt)],
    ['last failure', at(target.lastFailedAt)],
    ['error', lastError && `${lastError.code}: ${lastError.message}`],
    ['ramp', `${target.ramp} of ${target.rampMax} waiting jobs in the next second`],
  ]);
}

/** What keeps a target from being sent jobs comes before its state. */
function stateOf({ state, paused, holdUntil }: Target): string {
  if (paused !== null) return 'paused';
  return state === 'up' && holdUntil !== null ? 'busy' : state;
}

function counted(count: number): string {
  return count > COUNT_MAX ? `>${COUNT_MAX}` : String(count);
}

function rowOf(target: Target, screen: Screen, now: Date): Cell[] {
  const state = stateOf(target);
  return [
    target.name,
    state === 'up' ? state : { text: state, paint: state === 'down' ? 'red' : 'yellow' },
    screen.time(target.downSince ?? target.since, now),
    counted(target.parked),
    counted(target.sending),
    counted(target.accepted),
    screen.time(target.nextProbeAt, now),
    target.url,
    target.types.join(', '),
  ];
}
