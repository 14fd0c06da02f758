/** Known options: one whose name is wrong would otherwise do nothing, and nobody would know. */
import { shown } from '../std/shown.ts';
import { unstuckError } from './errors.ts';

/** Refuses options of other names than these; `prefix` stands before them in the message. Throws OPTION_INVALID when they are no object, or OPTION_UNKNOWN. */
export function refuseUnknown(
  options: object | undefined,
  known: Iterable<string>,
  where: string,
  prefix = '',
): void {
  if (options === undefined) return;
  if (typeof options !== 'object' || options === null)
    throw unstuckError(
      'OPTION_INVALID',
      `Expected the options of ${where} to be an object, got ${shown(options)}.`,
    );
  const names: ReadonlySet<string> = known instanceof Set ? known : new Set(known);
  const unknown = Object.keys(options).find((name) => !names.has(name));
  if (unknown === undefined) return;
  throw unstuckError(
    'OPTION_UNKNOWN',
    `There is no option ${shown(prefix + unknown)} of ${where}. Known options: ${[...names].map((name) => prefix + name).join(', ')}.`,
  );
}
