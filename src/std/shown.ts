/** Shown: any value in a few characters, for messages. */
import { inspect } from 'node:util';

const LONGEST = 80;

/** Writes a value for a message: at most 80 characters, on one line, whatever it is; never throws. */
export function shown(value: unknown): string {
  const text = written(value).replaceAll(/\s+/g, ' ');
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}

function written(value: unknown): string {
  try {
    if (typeof value === 'string') return JSON.stringify(value.slice(0, LONGEST + 1));
    return inspect(value, { depth: 1, maxArrayLength: 5, maxStringLength: LONGEST });
  } catch {
    return `a ${typeof value} that cannot be read`;
  }
}
