/** Kinds: which define function made a value, even one of another copy of the package. */
import type { AnyJob } from './define-job.ts';

/** Whether a value was made by `defineJob`. */
export function isDefinition(value: unknown): value is AnyJob {
  return isOfKind(value, 'unstuck-job');
}

/** Whether a value says that it is of this kind. */
export function isOfKind(value: unknown, kind: string): boolean {
  return typeof value === 'object' && value !== null && (value as { kind?: unknown }).kind === kind;
}
