/** Alerts: their rows as domain values, and back. */
import type { Alert, AlertMark, AlertState, Told } from '../domain/alert.ts';
import type { AlertStep } from '../domain/alert-decisions.ts';
import type { Severity } from '../domain/delivery.ts';
import type { AlertRow } from '../sql/alerts.ts';

/** What a row says. */
export function toAlert(row: AlertRow): Alert {
  const silenced = markOf(row.silenced_at, row.silenced_by, row.silence_reason);
  return {
    id: row.id,
    rule: row.rule,
    subject: row.subject,
    severity: row.severity as Severity,
    state: row.state as AlertState,
    summary: row.summary,
    count: Number(row.count),
    detail: row.detail as Alert['detail'],
    since: row.since,
    firedAt: row.fired_at,
    firedTimes: row.fired_times,
    clearSince: row.clear_since,
    resolvedAt: row.resolved_at,
    told: toTold(row.told),
    acknowledged: markOf(row.acknowledged_at, row.acknowledged_by, row.acknowledge_reason),
    silenced: silenced && { ...silenced, until: row.silenced_until },
    nextLook: row.next_look,
    current: row.current,
    updatedAt: row.updated_at,
  };
}

/** A step as the statement that stores it takes it; `tell` is what channels are told with it. */
export function toStored(
  { alert, stamps }: AlertStep,
  tell: Readonly<Record<string, Told['state']>>,
  closed: boolean,
): Readonly<Record<string, unknown>> {
  const { id, rule, subject, severity, state, summary, count, detail, firedTimes } = alert;
  return {
    id,
    rule,
    subject,
    severity,
    state,
    summary,
    count,
    detail,
    stamps,
    tell,
    closed,
    fired_times: firedTimes,
    is_clear: alert.clearSince !== null,
  };
}

function markOf(at: Date | null, by: string | null, reason: string | null): AlertMark | null {
  return at === null ? null : { at, by, reason };
}

function toTold(stored: unknown): Readonly<Record<string, Told>> {
  const entries = Object.entries(stored as Record<string, { state: Told['state']; at: string }>);
  return Object.fromEntries(
    entries.map(([channel, { state, at }]) => [channel, { state, at: new Date(at) }]),
  );
}
