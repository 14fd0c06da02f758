/** Alert: something that holds now, or held, of which a person is told. */
import { shown } from '../std/shown.ts';
import type { Severity } from './delivery.ts';
import { unstuckError } from './errors.ts';

/** How serious an alert is, the least first. */
export const SEVERITIES: readonly Severity[] = ['info', 'warning', 'critical'];

/** What an alert can be: it has held for less than its rule's `for`, it holds, it is over. */
export const ALERT_STATES = ['pending', 'firing', 'resolved'] as const;

/** What an alert is. */
export type AlertState = (typeof ALERT_STATES)[number];

/** What a channel was told of an alert last, and when it was handed over. */
export interface Told {
  readonly state: 'firing' | 'acknowledged' | 'resolved';
  readonly at: Date;
}

/** Who did something about an alert, when and why. */
export interface AlertMark {
  readonly at: Date;
  readonly by: string | null;
  readonly reason: string | null;
}

/** An alert as it is now: one for each rule and subject. */
export interface Alert {
  readonly id: string;
  /** The name of the rule. */
  readonly rule: string;
  /** What it is about: a type, a queue, a target, a schedule, a worker, a channel, … */
  readonly subject: string;
  readonly severity: Severity;
  readonly state: AlertState;
  /** One line for a person. */
  readonly summary: string;
  /** How many there are of what the rule counts; 1 where it counts nothing. */
  readonly count: number;
  /** What the rule saw last. */
  readonly detail: Readonly<Record<string, unknown>>;
  /** Since when it has held, or had. */
  readonly since: Date;
  readonly firedAt: Date | null;
  /** How often it began to fire. */
  readonly firedTimes: number;
  /** Since when a firing one has not been seen; it resolves when that lasts. */
  readonly clearSince: Date | null;
  readonly resolvedAt: Date | null;
  /** What each channel was told last. */
  readonly told: Readonly<Record<string, Told>>;
  readonly acknowledged: AlertMark | null;
  /** Until when it tells nobody; null in `until`: until somebody ends it. */
  readonly silenced: (AlertMark & { readonly until: Date | null }) | null;
  /** When it is looked at again; null when it is over and everybody has been told. */
  readonly nextLook: Date | null;
  /** Whether that look is not overdue: a false one is looked at by nobody. */
  readonly current: boolean;
  readonly updatedAt: Date;
}

/** Which alerts are listed. */
export interface AlertFilter {
  /** Default: pending and firing ones. */
  readonly state?: AlertState | readonly AlertState[];
  readonly rule?: string;
  /** 1 to 1,000, default 100. */
  readonly limit?: number;
}

/** Who does something about an alert, and why. */
export interface AlertActor {
  readonly by?: string | undefined;
  readonly reason?: string | undefined;
}

/** Whether one severity is at least another. */
export function isAtLeast(severity: Severity, least: Severity): boolean {
  return SEVERITIES.indexOf(severity) >= SEVERITIES.indexOf(least);
}

/** Checks the states of a filter. Throws REQUEST_INVALID. */
export function checkAlertStates(given: AlertFilter['state']): readonly AlertState[] {
  if (given === undefined) return ['pending', 'firing'];
  const states = [given].flat() as readonly AlertState[];
  if (states.length > 0 && states.every((state) => ALERT_STATES.includes(state))) return states;
  throw unstuckError(
    'REQUEST_INVALID',
    `Expected state to be some of ${ALERT_STATES.join(', ')}, got ${shown(given)}.`,
  );
}
