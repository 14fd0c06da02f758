/** Kinds: which define function made a value, even one of another copy of the package. */

/** Whether a value says that it is of this kind. */
export function isOfKind(value: unknown, kind: string): boolean {
  return typeof value === 'object' && value !== null && (value as { kind?: unknown }).kind === kind;
}
