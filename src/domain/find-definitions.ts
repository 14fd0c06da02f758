/** Finding the definitions that a module exports: of jobs, and of whatever else has a kind. */
import type { BridgeDefinition } from './define-bridge.ts';
import type { AnyJob } from './define-job.ts';
import { isOfKind } from './kinds.ts';

/** Returns every job definition among the exports of a module: by itself, or in an array. */
export function findDefinitions(exports: Readonly<Record<string, unknown>>): AnyJob[] {
  return findOfKind<AnyJob>(exports, 'unstuck-job');
}

/** Returns every bridge among the exports of a module: by itself, or in an array. */
export function findBridges(exports: Readonly<Record<string, unknown>>): BridgeDefinition[] {
  return findOfKind<BridgeDefinition>(exports, 'unstuck-bridge');
}

function findOfKind<T>(exports: Readonly<Record<string, unknown>>, kind: string): T[] {
  const items = Object.values(exports).flatMap((value) => (Array.isArray(value) ? value : [value]));
  return [...new Set(items.filter((item) => isOfKind(item, kind)))] as T[];
}
