/** Alert decisions: what becomes of an alert in one round, and which channels are to be told. Pure: the same row, sight and time give the same. */
import { type Alert, isAtLeast, type Told } from './alert.ts';
import type { ChannelDefinition } from './alert-channels.ts';
import type { Rule } from './alert-rules.ts';
import type { AlertsDefinition } from './define-alerts.ts';

/** One subject for which a rule holds now. */
export interface Sight {
  readonly subject: string;
  readonly count: number;
  /** One line for a person. */
  readonly summary: string;
  readonly detail: Readonly<Record<string, unknown>>;
}

/** An instant of an alert that is now; the database writes it by its own clock. */
export type Stamp = 'since' | 'fired_at' | 'clear_since' | 'resolved_at';

/** What becomes of one alert. */
export interface AlertStep {
  /** What it is afterwards. */
  readonly alert: Alert;
  readonly stamps: readonly Stamp[];
  /** It has never fired and holds no more: nobody needs to know of it. */
  readonly gone: boolean;
}

/** A channel that is to be told something of an alert. */
export interface Wish {
  readonly alert: Alert;
  readonly channel: string;
  readonly state: Told['state'];
}

/** The parts of a round that are the same for all of its alerts. */
export interface Moment {
  /** The database's time. */
  readonly now: Date;
  readonly newId: () => string;
}

/** A time that lies further ahead than this is that of a clock which has been put back since. */
const CLOCK_BACK_MS = 60_000;

/** Takes one alert of a rule a step on; without an alert or a sight there is none of it. */
export function stepOf(
  rule: Rule,
  before: Alert | undefined,
  sight: Sight | undefined,
  moment: Moment,
): AlertStep | undefined {
  if (sight !== undefined) return seen(rule, before, sight, moment);
  if (before === undefined || before.state === 'resolved')
    return before === undefined ? undefined : { alert: before, stamps: [], gone: false };
  return before.state === 'pending' ? forgotten(before) : clearing(rule, before, moment.now);
}

/** What the channels of a definition are to be told of an alert now. */
export function wishesOf(
  { channels }: AlertsDefinition,
  rule: Rule,
  alert: Alert,
  now: Date,
): readonly Wish[] {
  if (isSilenced(alert, now)) return [];
  return [...channels].flatMap(([name, channel]) => {
    const state = wishedState(rule, alert, { name, channel }, now);
    return state === undefined ? [] : [{ alert, channel: name, state }];
  });
}

/** Whether a resolved alert is over for everybody: no channel of the definition believes that it still holds. */
export function isClosed({ channels }: AlertsDefinition, { state, told }: Alert): boolean {
  return state === 'resolved' && ![...channels.keys()].some((name) => believes(told[name]));
}

/** Whether nobody is to be told of an alert now. */
export function isSilenced({ silenced }: Alert, now: Date): boolean {
  return silenced !== null && (silenced.until === null || silenced.until > now);
}

function seen(rule: Rule, before: Alert | undefined, sight: Sight, moment: Moment): AlertStep {
  const { now } = moment;
  const begins = before === undefined || before.state === 'resolved';
  const looked: Alert = {
    ...(before ?? newAlert(rule, sight, moment)),
    severity: rule.severity,
    summary: sight.summary,
    count: sight.count,
    detail: sight.detail,
    clearSince: null,
    ...(begins ? { state: 'pending' as const, since: now } : {}),
  };
  const stamps: readonly Stamp[] = begins ? ['since'] : [];
  const fires = looked.state === 'pending' && hasPassed(looked.since, rule.forMs, now);
  if (!fires) return { alert: looked, stamps, gone: false };
  const firedTimes = looked.firedTimes + 1;
  const fired = { state: 'firing' as const, firedAt: now, firedTimes, acknowledged: null };
  return { alert: { ...looked, ...fired }, stamps: [...stamps, 'fired_at'], gone: false };
}

/** A pending one that holds no more: what it was before, if it was anything. */
function forgotten(before: Alert): AlertStep {
  const alert = { ...before, state: 'resolved' as const };
  return { alert, stamps: [], gone: before.firedAt === null };
}

function clearing(rule: Rule, before: Alert, now: Date): AlertStep {
  const begins = before.clearSince === null;
  const clearSince = before.clearSince ?? now;
  const alert = { ...before, clearSince };
  const stamps: readonly Stamp[] = begins ? ['clear_since'] : [];
  if (!hasPassed(clearSince, rule.clearAfterMs, now)) return { alert, stamps, gone: false };
  const resolved = { ...alert, state: 'resolved' as const, resolvedAt: now };
  return { alert: resolved, stamps: [...stamps, 'resolved_at'], gone: false };
}

function wishedState(
  rule: Rule,
  alert: Alert,
  { name, channel }: { readonly name: string; readonly channel: ChannelDefinition },
  now: Date,
): Told['state'] | undefined {
  const told = alert.told[name];
  const knows = believes(told);
  const rested = told === undefined || hasPassed(told.at, rule.everyMs, now);
  if (alert.state === 'resolved') return knows && rested ? 'resolved' : undefined;
  if (alert.state === 'pending') return undefined;
  if (alert.acknowledged !== null)
    return told?.state === 'firing' && channel.protocol === 'pagerduty'
      ? 'acknowledged'
      : undefined;
  if (!rested || !takes(name, channel, rule, alert)) return undefined;
  const again =
    rule.repeatMs !== null && told !== undefined && hasPassed(told.at, rule.repeatMs, now);
  return !knows || again ? 'firing' : undefined;
}

/** A failing channel is no way to tell that it fails. */
function takes(name: string, channel: ChannelDefinition, rule: Rule, alert: Alert): boolean {
  if (rule.kind === 'channel-failing' && alert.subject === name) return false;
  if (rule.channels !== null && !rule.channels.includes(name)) return false;
  if (channel.rules !== null && !channel.rules.includes(rule.name)) return false;
  return isAtLeast(alert.severity, channel.minSeverity);
}

function believes(told: Told | undefined): boolean {
  return told !== undefined && told.state !== 'resolved';
}

function hasPassed(at: Date, ms: number, now: Date): boolean {
  const passedMs = now.getTime() - at.getTime();
  return passedMs >= ms || passedMs < -CLOCK_BACK_MS;
}

function newAlert(rule: Rule, sight: Sight, { now, newId }: Moment): Alert {
  return {
    id: newId(),
    rule: rule.name,
    subject: sight.subject,
    severity: rule.severity,
    state: 'pending',
    summary: sight.summary,
    count: sight.count,
    detail: sight.detail,
    since: now,
    firedAt: null,
    firedTimes: 0,
    clearSince: null,
    resolvedAt: null,
    told: {},
    acknowledged: null,
    silenced: null,
    nextLook: null,
    current: true,
    updatedAt: now,
  };
}
