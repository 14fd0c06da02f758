/** Crossing: the one place where what the API answers becomes our own values, and our own values what it takes. */
import { snakeJson } from '../../domain/json.ts';

/** Fields whose values belong to users: their names are left alone. */
const OWN: ReadonlySet<string> = new Set(['input', 'result', 'detail', 'cell', 'axes', 'payload']);

/** Fields that hold an instant, beside those that end in `_at`. */
const INSTANTS: ReadonlySet<string> = new Set([
  'anchor',
  'at',
  'deadline',
  'down_since',
  'finish_by',
  'first_seen',
  'hold_until',
  'next_look',
  'now',
  'oldest',
  'since',
  'until',
]);

/** Reads an answer: names become camelCase and instants dates. What a value means is said by its name, never by how it looks. */
export function fromJson<T>(answer: unknown): T {
  return converted(answer) as T;
}

/** Writes what a request takes: names become snake_case. Users' payloads are given beside it. */
export function toJson<T>(value: object): T {
  return snakeJson(value) as T;
}

function converted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(converted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]: [string, unknown]) => [
      camelCase(name),
      OWN.has(name) ? inner : isInstant(name, inner) ? new Date(inner) : converted(inner),
    ]),
  );
}

function isInstant(name: string, value: unknown): value is string {
  return typeof value === 'string' && (INSTANTS.has(name) || name.endsWith('_at'));
}

function camelCase(name: string): string {
  return name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
