/** Reads an input that is given to a command: JSON, `@file`, or `-` for standard input. */
import { readFileSync } from 'node:fs';
import { unstuckError } from '../domain/errors.ts';
import { parseJson } from '../domain/json.ts';

/** Returns the value. Throws REQUEST_INVALID or INPUT_UNSTORABLE. */
export function readInput(input: string): unknown {
  return parseJson(textOf(input), input === '-' ? 'standard input' : 'the input');
}

function textOf(input: string): string {
  if (input !== '-' && !input.startsWith('@')) return input;
  try {
    return readFileSync(input === '-' ? 0 : input.slice(1), 'utf8');
  } catch (cause) {
    throw unstuckError(
      'REQUEST_INVALID',
      `Expected to read the input from ${input === '-' ? 'standard input' : input.slice(1)}, got: ${(cause as Error).message}.`,
      { cause },
    );
  }
}
