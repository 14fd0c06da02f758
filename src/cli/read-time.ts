/** Reads a time that is given to a command. */
import { unstuckError } from '../domain/errors.ts';

/** A time without an offset would mean another instant on another machine. Throws TIME_INVALID. */
export function readTime(text: string | undefined, flag: string): Date | undefined {
  if (text === undefined) return undefined;
  const date = new Date(text);
  const exact = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:[Zz]|[+-]\d\d:?\d\d)$/;
  if (exact.test(text) && !Number.isNaN(date.getTime())) return date;
  throw unstuckError(
    'TIME_INVALID',
    `Expected ${flag} to be a time with its offset such as 2027-01-31T09:00:00Z, got ${JSON.stringify(text)}.`,
  );
}
