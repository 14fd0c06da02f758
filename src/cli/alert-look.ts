/** `unstuck alert list` and `show`: what people are told of. */
import type { Alert, AlertFilter, AlertState } from '../domain/alert.ts';
import { unstuckError } from '../domain/errors.ts';
import { alertJson } from '../domain/json.ts';
import { EXIT } from './exit-codes.ts';
import { openScreen, type Screen } from './screen.ts';
import { type Globals, withUnstuck } from './session.ts';
import { type Fact, showFacts } from './show-facts.ts';
import type { Cell, Column, Paint } from './table.ts';

/** Which alerts. */
export interface AlertListOptions extends Globals {
  readonly state?: readonly string[];
  readonly rule?: string;
  readonly limit?: number;
}

const COLUMNS: readonly Column[] = [
  { title: 'ID' },
  { title: 'STATE' },
  { title: 'SEVERITY' },
  { title: 'RULE' },
  { title: 'SUBJECT', cut: true },
  { title: 'SINCE' },
  { title: 'NOTE' },
  { title: 'WHAT', cut: true },
];
const PAINTS: Readonly<Record<string, Paint>> = { critical: 'red', warning: 'yellow' };

/** Lists them: exit code 8 when any fires. */
export async function alertList(options: AlertListOptions): Promise<number> {
  const screen = openScreen(options.output);
  const { state, rule, limit } = options;
  const filter: AlertFilter = {
    ...(state === undefined ? {} : { state: state as readonly AlertState[] }),
    ...(rule === undefined ? {} : { rule }),
    ...(limit === undefined ? {} : { limit }),
  };
  const alerts = await withUnstuck(options, (unstuck) => unstuck.alerts.list(filter));
  const now = new Date();
  if (screen.json) screen.value({ alerts: alerts.map(alertJson) });
  else if (screen.tty && alerts.length === 0) screen.line('No alerts.');
  else
    screen.table(
      COLUMNS,
      alerts.map((alert) => rowOf(alert, screen, now)),
    );
  return alerts.some((alert) => alert.state === 'firing') ? EXIT.findings : EXIT.ok;
}

/** Shows one: exit code 3 when there is none. */
export async function alertShow(options: Globals, id: string): Promise<number> {
  const alert = await withUnstuck(options, (unstuck) => unstuck.alerts.get(id));
  if (alert === undefined)
    throw unstuckError('ALERT_NOT_FOUND', `There is no alert ${JSON.stringify(id)}.`, {
      detail: { id },
    });
  showAlert(openScreen(options.output), alert);
  return EXIT.ok;
}

/** Writes an alert. */
export function showAlert(screen: Screen, alert: Alert): void {
  if (screen.json) screen.value(alertJson(alert));
  else showFacts(screen, factsOf(alert, screen, new Date()));
}

function rowOf(alert: Alert, screen: Screen, now: Date): Cell[] {
  const { id, state, severity, rule, subject, summary } = alert;
  const paint = state === 'firing' ? PAINTS[severity] : undefined;
  return [
    id,
    state,
    paint === undefined ? severity : { text: severity, paint },
    rule,
    subject,
    screen.time(alert.since, now),
    noteOf(alert, now),
    summary,
  ];
}

function noteOf({ acknowledged, silenced, current }: Alert, now: Date): string {
  if (!current) return 'nobody looks';
  if (silenced !== null && (silenced.until === null || silenced.until > now)) return 'silenced';
  return acknowledged === null ? '-' : 'acknowledged';
}

function factsOf(alert: Alert, screen: Screen, now: Date): readonly Fact[] {
  const { acknowledged, silenced } = alert;
  const marked = (mark: { at: Date; by: string | null; reason: string | null } | null) =>
    mark &&
    [screen.time(mark.at, now), mark.by && `by ${mark.by}`, mark.reason].filter(Boolean).join(' ');
  const until = silenced?.until ?? null;
  return [
    ['id', alert.id],
    ['rule', alert.rule],
    ['subject', alert.subject],
    ['severity', alert.severity],
    ['state', alert.current ? alert.state : `${alert.state}, but nobody looks`],
    ['what', alert.summary],
    ['since', screen.time(alert.since, now)],
    [
      'fired',
      alert.firedAt &&
        `${screen.time(alert.firedAt, now)}, ${alert.firedTimes === 1 ? 'once' : `${alert.firedTimes} times`}`,
    ],
    ['resolved', alert.state === 'resolved' ? screen.time(alert.resolvedAt, now) : null],
    ['acknowledged', marked(acknowledged)],
    ['silenced', marked(silenced)],
    ['silent until', until && screen.time(until, now)],
    ...Object.entries(alert.told).map(
      ([channel, { state, at }]): Fact => ['told', `${channel}: ${state} ${screen.time(at, now)}`],
    ),
  ];
}
