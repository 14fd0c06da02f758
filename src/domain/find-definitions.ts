/** Finding the definitions that a module exports: of jobs, and of whatever else has a kind. */
import type { AnyJob } from './define-job.ts';
import { isTarget, type TargetDefinition } from './define-target.ts';

/** Returns every job definition among the exports of a module: by itself, or in an array. */
export function findDefinitions(exports: Readonly<Record<string, unknown>>): AnyJob[] {
  return findEach(exports, isDefinition);
}

/** Returns every target among the exports of a module: by itself, or in an array. */
export function findTargets(exports: Readonly<Record<string, unknown>>): TargetDefinition[] {
  return findEach(exports, isTarget);
}

/** Whether a value was made by `defineJob`, even by another copy of the package. */
export function isDefinition(value: unknown): value is AnyJob {
  return (value as { kind?: unknown } | null | undefined)?.kind === 'unstuck-job';
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
