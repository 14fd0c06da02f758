/** Finding the definitions that a module exports: of jobs, and of whatever else has a kind. */
import { type AlertsDefinition, isAlertsDefinition } from './define-alerts.ts';
import type { BridgeDefinition } from './define-bridge.ts';
import { type AnyJob, isDefinition } from './define-job.ts';
import { isTarget, type TargetDefinition } from './define-target.ts';
import { isOfKind } from './kinds.ts';

/** Returns every job definition among the exports of a module: by itself, or in an array. */
export function findDefinitions(exports: Readonly<Record<string, unknown>>): AnyJob[] {
  return findEach(exports, isDefinition);
}

/** Returns every target among the exports of a module: by itself, or in an array. */
export function findTargets(exports: Readonly<Record<string, unknown>>): TargetDefinition[] {
  return findEach(exports, isTarget);
}

/** Returns every definition of alerts among the exports of a module: by itself, or in an array. */
export function findAlerts(exports: Readonly<Record<string, unknown>>): AlertsDefinition[] {
  return findEach(exports, isAlertsDefinition);
}

/** Returns every bridge among the exports of a module: by itself, or in an array. */
export function findBridges(exports: Readonly<Record<string, unknown>>): BridgeDefinition[] {
  return findEach(exports, (value): value is BridgeDefinition => isOfKind(value, 'unstuck-bridge'));
}

function findEach<T>(
  exports: Readonly<Record<string, unknown>>,
  is: (value: unknown) => value is T,
): T[] {
  const items = Object.values(exports).flatMap((value): unknown[] =>
    Array.isArray(value) ? value : [value],
  );
  return [...new Set(items.filter(is))];
}
