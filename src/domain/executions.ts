/** Executions: the cells of a fan-out, and when enough of them have succeeded. */
import { shown } from '../std/shown.ts';
import { unstuckError } from './errors.ts';
import { encodePayload } from './payload.ts';

/** Lists whose combinations are the cells: `{ region: ['eu', 'us'], model: [...] }`. */
export type Axes = Readonly<Record<string, readonly unknown[]>>;

/** What a fan-out plans: one execution for each combination of axes, or for each item of a list. */
export type Plan = Axes | readonly unknown[];

/** How many executions must complete for the parent to complete: all of them (default), any one, or this share (0 < share ≤ 1). */
export type Success = 'all' | 'any' | number;

/** How an execution stands. `missing`: planned, but neither live nor ended; it is created again. */
export type ExecutionState =
  | 'missing'
  | 'pending'
  | 'queued'
  | 'running'
  | 'completed'
  | 'failed'
  | 'cancelled';

/** The most executions of one parent. */
export const EXECUTIONS_MAX = 100_000;

/** The axis of a plan that is a list. */
const ITEM = 'item';

/** Checks a plan and returns its axes as they are stored. Throws EXECUTIONS_INVALID. */
export function axesOf(plan: unknown, where: string): Axes {
  const axes = Array.isArray(plan) ? { [ITEM]: plan } : plan;
  if (typeof axes !== 'object' || axes === null || Object.keys(axes).length === 0)
    throw invalid(`the plan of ${where} to be lists by name, or a list`, plan);
  for (const [name, values] of Object.entries(axes as Axes))
    if (!Array.isArray(values))
      throw invalid(`"${name}" in the plan of ${where} to be a list`, values);
  const count = countOf(axes as Axes);
  if (count > EXECUTIONS_MAX)
    throw invalid(`the plan of ${where} to have at most ${EXECUTIONS_MAX} executions`, count);
  const encoded = encodePayload(axes, { bytesMax: 10_000_000, depthMax: 50 });
  if ('problem' in encoded)
    throw invalid(`the plan of ${where} to be storable: ${encoded.path} ${encoded.problem}`, plan);
  return axes as Axes;
}

/** How many cells axes have. */
export function countOf(axes: Axes): number {
  return Object.values(axes).reduce((product, values) => product * values.length, 1);
}

/** The cell of an ordinal: the last axis turns fastest. A plan that was a list gives its item. */
export function cellOf(axes: Axes, ordinal: number): unknown {
  const cell: Record<string, unknown> = {};
  let rest = ordinal;
  for (const [name, values] of Object.entries(axes).toReversed()) {
    cell[name] = values[rest % values.length];
    rest = Math.floor(rest / values.length);
  }
  const names = Object.keys(axes);
  if (names.length === 1 && names[0] === ITEM) return cell[ITEM];
  return Object.fromEntries(names.map((name) => [name, cell[name]]));
}

/** Where an axis of a plan stands in its ordinals: the place of an ordinal on it is `floor(ordinal / stride) % length`. Undefined when there is no such axis. */
export function axisOf(
  axes: Axes,
  name: string,
): { readonly stride: number; readonly length: number } | undefined {
  let stride = 1;
  for (const [axis, { length }] of Object.entries(axes).toReversed()) {
    if (axis === name) return { stride, length };
    stride *= length;
  }
  return undefined;
}

/** Returns the share that must complete; 0 means any one. Throws EXECUTIONS_INVALID. */
export function successShare(success: unknown, where: string): number {
  if (success === undefined || success === 'all') return 1;
  if (success === 'any') return 0;
  if (typeof success === 'number' && success > 0 && success <= 1) return success;
  throw invalid(`success of ${where} to be 'all', 'any' or a share above 0 and up to 1`, success);
}

/** Tells whether enough executions have completed. An empty plan has succeeded. */
export function isSuccess(share: number, expected: number, completed: number): boolean {
  // Without the small number 0.9 × 10 would ask for 10 of 10 where rounding went up.
  const needed = expected === 0 ? 0 : Math.max(1, Math.ceil(share * expected - 1e-9));
  return completed >= needed;
}

function invalid(wanted: string, got: unknown): Error {
  return unstuckError('EXECUTIONS_INVALID', `Expected ${wanted}, got ${shown(got)}.`);
}
