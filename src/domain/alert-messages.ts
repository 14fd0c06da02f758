/** Alert messages: what channels are told in one round, few messages whatever happens (O4). */

import { groupBy } from '../std/group-by.ts';
import { type Alert, SEVERITIES } from './alert.ts';
import type { Wish } from './alert-decisions.ts';
import type { Severity } from './delivery.ts';

/** A message to one channel, of one alert or of many. */
export interface AlertMessage {
  readonly channel: string;
  readonly event: 'alert.firing' | 'alert.acknowledged' | 'alert.resolved';
  readonly subject: string;
  readonly text: string;
  readonly severity: Severity;
  readonly data: {
    /** Of how many alerts it tells. */
    readonly total: number;
    /** The first 100 of them. */
    readonly items: readonly AlertItem[];
    /** How many alerts fire after this round. */
    readonly open: number;
  };
  /** What the channel is told with it. */
  readonly wishes: readonly Wish[];
}

/** One alert in a message. */
export interface AlertItem {
  readonly id: string;
  readonly rule: string;
  readonly subject: string;
  readonly severity: Severity;
  readonly state: Wish['state'];
  readonly summary: string;
  readonly count: number;
  /** RFC 3339. */
  readonly since: string;
}

/** The most messages that a channel gets in a minute: what is more goes into one of them, or waits for the next round that has room. */
export const MESSAGES_PER_MINUTE = 3;
const ITEMS_MAX = 100;
const LINES_MAX = 10;

/** Makes the messages of a round; `recent` says how many each channel got in the last minute. Wishes that no message tells wait. */
export function messagesOf(
  wishes: readonly Wish[],
  recent: ReadonlyMap<string, number>,
  open: number,
): readonly AlertMessage[] {
  const byChannel = groupBy(wishes, ({ channel }) => channel);
  return [...byChannel].flatMap(([channel, own]) => {
    const room = Math.max(0, MESSAGES_PER_MINUTE - (recent.get(channel) ?? 0));
    return partsOf(own, room).map((part) => messageOf(channel, part, open));
  });
}

/** One message each, else one for each rule, else one for all. */
function partsOf(wishes: readonly Wish[], room: number): readonly (readonly Wish[])[] {
  if (room === 0) return [];
  if (wishes.length <= room) return wishes.map((wish) => [wish]);
  const groups = groupBy(wishes, ({ alert, state }) => `${state} ${alert.rule}`);
  return groups.size <= room ? [...groups.values()] : [wishes];
}

function messageOf(channel: string, given: readonly Wish[], open: number): AlertMessage {
  const wishes = given.toSorted((a, b) => rankOf(b) - rankOf(a));
  const [first] = wishes;
  if (first === undefined) throw new RangeError('Expected a message to tell something.');
  return {
    channel,
    event: `alert.${first.state}`,
    subject: wishes.length === 1 ? titleOf(first) : digestTitleOf(wishes),
    text: wishes.length === 1 ? textOf(first) : digestOf(wishes),
    severity: first.alert.severity,
    data: { total: wishes.length, items: wishes.slice(0, ITEMS_MAX).map(itemOf), open },
    wishes,
  };
}

/** What fires stands before what is over, and the more serious before the less. */
function rankOf({ alert, state }: Wish): number {
  return (state === 'firing' ? 10 : 0) + SEVERITIES.indexOf(alert.severity);
}

function titleOf({ alert, state }: Wish): string {
  const word = state === 'firing' ? alert.severity : state;
  return `[${word}] ${alert.rule}: ${alert.subject}`;
}

function textOf({ alert, state }: Wish): string {
  const { acknowledged, resolvedAt } = alert;
  if (state === 'acknowledged')
    return `Acknowledged${by(acknowledged?.by)}${because(acknowledged?.reason)}. ${alert.summary}`;
  if (state === 'resolved') {
    const until = resolvedAt === null ? '' : ` to ${timeOf(resolvedAt)}`;
    return `Over. It held from ${timeOf(alert.since)}${until}: ${alert.summary}`;
  }
  return `${alert.summary}\nSince ${timeOf(alert.since)}. unstuck alert show ${alert.id}`;
}

function digestTitleOf(wishes: readonly Wish[]): string {
  const states = groupBy(wishes, ({ state }) => state);
  const counts = [...states].map(([state, some]) => `${some.length} ${state}`);
  const rules = [...new Set(wishes.map(({ alert }) => alert.rule))];
  const of = rules.length === 1 ? `of ${rules[0]}` : `of ${rules.length} rules`;
  return `[${wishes[0]?.alert.severity}] ${wishes.length} alerts ${of}: ${counts.join(', ')}`;
}

function digestOf(wishes: readonly Wish[]): string {
  const lines = wishes
    .slice(0, LINES_MAX)
    .map(({ alert, state }) => `${state}: ${alert.rule}: ${alert.subject}: ${alert.summary}`);
  const left = wishes.length - lines.length;
  const rest = left > 0 ? [`and ${left} more.`] : [];
  return [...lines, ...rest, 'unstuck alert list'].join('\n');
}

function itemOf({ alert, state }: Wish): AlertItem {
  const { id, rule, subject, severity, summary, count, since } = alert;
  return { id, rule, subject, severity, state, summary, count, since: since.toISOString() };
}

function timeOf(at: Date): string {
  return `${at.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

function by(name: string | null | undefined): string {
  return name === null || name === undefined ? '' : ` by ${name}`;
}

function because(reason: string | null | undefined): string {
  return reason === null || reason === undefined ? '' : ` (${reason})`;
}

/** How many alerts fire. */
export function firingAmong(alerts: Iterable<Alert>): number {
  let firing = 0;
  for (const { state } of alerts) if (state === 'firing') firing += 1;
  return firing;
}
