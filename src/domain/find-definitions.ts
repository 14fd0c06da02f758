/** Finding what a module exports: definitions of jobs and of alerts. */
import { type AlertsDefinition, isAlertsDefinition } from './define-alerts.ts';
import type { AnyJob } from './define-job.ts';

/** Returns every definition among the exports of a module: by itself, or in an array. */
export function findDefinitions(exports: Readonly<Record<string, unknown>>): AnyJob[] {
  return amongExports(exports, isDefinition);
}

/** Returns every definition of alerts among the exports of a module. */
export function findAlerts(exports: Readonly<Record<string, unknown>>): AlertsDefinition[] {
  return amongExports(exports, isAlertsDefinition);
}

function amongExports<T>(
  exports: Readonly<Record<string, unknown>>,
  fits: (value: unknown) => value is T,
): T[] {
  const found = new Set<T>();
  for (const value of Object.values(exports)) {
    for (const item of Array.isArray(value) ? value : [value]) if (fits(item)) found.add(item);
  }
  return [...found];
}

/** Whether a value was made by `defineJob`, even by another copy of the package. */
export function isDefinition(value: unknown): value is AnyJob {
  return (
    typeof value === 'object' &&
    value !== null &&
    (value as { kind?: unknown }).kind === 'unstuck-job'
  );
}
