/** JSON: the one crossing from our own values to what HTTP and the command write, and the strict reading of what they are given. */

import type { Alert } from './alert.ts';
import type { Delivery } from './delivery.ts';
import { unstuckError } from './errors.ts';
import type { Job } from './job.ts';
import type { Schedule } from './schedule.ts';

/** A job as JSON: snake_case names, RFC 3339 times in milliseconds, ids as strings; payloads exactly as they are stored. */
export function jobJson(job: Job): Record<string, unknown> {
  const { input, result, error, ...rest } = job;
  return { ...(snakeJson(rest) as object), input, result, error };
}

/** A delivery as JSON, as a job is; what it tells is left as it is. */
export function deliveryJson({ payload, ...rest }: Delivery): Record<string, unknown> {
  return { ...(snakeJson(rest) as object), payload };
}

/** A schedule as JSON, as a job is. */
export function scheduleJson({ input, ...rest }: Schedule): Record<string, unknown> {
  return { ...(snakeJson(rest) as object), input };
}

/** An alert as JSON: what a rule saw is left as it is, and so are the names of channels. */
export function alertJson({ detail, told, ...rest }: Alert): Record<string, unknown> {
  const channels = Object.entries(told).map(([channel, { state, at }]) => ({ channel, state, at }));
  return { ...(snakeJson(rest) as object), told: snakeJson(channels), detail };
}

/** Any value without users' payloads as JSON: names become snake_case, dates RFC 3339. */
export function snakeJson(value: unknown): unknown {
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map(snakeJson);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [snakeCase(name), snakeJson(inner)]),
  );
}

/** Reads an object that somebody else wrote as JSON; undefined when the text is none. */
export function readObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Reads JSON text. Throws REQUEST_INVALID when it is none, and INPUT_UNSTORABLE for a number that would silently become
 * another one (a whole number past 2^53, 1e999): who sends it shall send a text instead.
 */
export function parseJson(text: string, what: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw unstuckError(
      'REQUEST_INVALID',
      `Expected ${what} to be JSON, got something else: ${(cause as Error).message}.`,
      { cause },
    );
  }
  if (!MAYBE_CHANGED.test(text)) return value;
  const changed = [...text.matchAll(TOKENS)].map(([token]) => token).find(isChanged);
  if (changed === undefined) return value;
  throw unstuckError(
    'INPUT_UNSTORABLE',
    `The number ${changed.slice(0, 60)} in ${what} cannot be kept exactly. Send it as a text; nothing was stored.`,
  );
}

const BACKSLASH = 0x5c;
const QUOTE = 0x22;
/** The bit in which `{` and `}` differ from `[` and `]`. */
const BRACE = 0x20;
const OPENING = 0x7b;
const CLOSING = 0x7d;

/** Tells whether JSON text is nested deeper than so many levels: whatever goes down into such a value may run out of stack. */
export function isNestedDeeper(text: string, levels: number): boolean {
  if (text.length <= levels) return false;
  let depth = 0;
  let isString = false;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    if (isString) {
      if (unit === BACKSLASH) at += 1;
      else if (unit === QUOTE) isString = false;
    } else if (unit === QUOTE) isString = true;
    else if ((unit | BRACE) === OPENING) {
      depth += 1;
      if (depth > levels) return true;
    } else if ((unit | BRACE) === CLOSING) depth -= 1;
  }
  return false;
}

/** Strings are matched so that digits in them are not taken for numbers. */
const TOKENS = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/** Only numbers with so many digits, or with an exponent, can become others; most texts have neither, and are looked at once. */
const MAYBE_CHANGED = /\d{16}|\d[eE]/;

function isChanged(token: string): boolean {
  if (token.startsWith('"')) return false;
  const number = Number(token);
  if (!Number.isFinite(number)) return true;
  return /^-?\d{16,}$/.test(token) && BigInt(token) !== BigInt(number);
}

/** Our own names are few, and each answer has them again. */
const SNAKE_NAMES = new Map<string, string>();
const SNAKE_NAMES_MAX = 10_000;

function snakeCase(name: string): string {
  const known = SNAKE_NAMES.get(name);
  if (known !== undefined) return known;
  const snake = name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  if (SNAKE_NAMES.size < SNAKE_NAMES_MAX) SNAKE_NAMES.set(name, snake);
  return snake;
}
