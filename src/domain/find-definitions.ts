/** Finding the job definitions that a module exports. */
import type { AnyJob } from './define-job.ts';

/** Returns every definition among the exports of a module: by itself, or in an array. */
export function findDefinitions(exports: Readonly<Record<string, unknown>>): AnyJob[] {
  const found = new Set<AnyJob>();
  for (const value of Object.values(exports)) {
    for (const item of Array.isArray(value) ? value : [value])
      if (isDefinition(item)) found.add(item);
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
