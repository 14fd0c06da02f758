/** What a handler may say instead of returning: fail for good, put off, cancel; and how any thrown value is stored. */
import type { Duration } from '../std/duration.ts';
import type { JobError } from './job.ts';
import { toStorableText } from './payload.ts';

/** Thrown by a handler: the job fails at once, whatever attempts remain. */
export class Fail extends Error {
  override readonly name: string = 'Fail';
  readonly unstuckOutcome = 'Fail' as const;
  /** A code of your own, kept on the job. Default `HANDLER_FAILED`. */
  readonly code: string;

  static override [Symbol.hasInstance](value: unknown): boolean {
    return isOutcome(this, Fail, value, 'Fail');
  }

  constructor(message: string, options: { readonly code?: string; readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = options.code ?? 'HANDLER_FAILED';
  }
}

/** Thrown by a handler: the job runs again after `delay`, and the attempt is not charged. Counted and capped by `snoozesMax`. */
export class Snooze extends Error {
  override readonly name: string = 'Snooze';
  readonly unstuckOutcome = 'Snooze' as const;
  readonly delay: Duration;

  static override [Symbol.hasInstance](value: unknown): boolean {
    return isOutcome(this, Snooze, value, 'Snooze');
  }

  constructor(delay: Duration, note = 'put off by its handler') {
    super(note);
    this.delay = delay;
  }
}

/** Thrown by a handler: the job ends as cancelled. */
export class Cancel extends Error {
  override readonly name: string = 'Cancel';
  readonly unstuckOutcome = 'Cancel' as const;

  static override [Symbol.hasInstance](value: unknown): boolean {
    return isOutcome(this, Cancel, value, 'Cancel');
  }

  constructor(reason = 'cancelled by its handler') {
    super(reason);
  }
}

/** Thrown by a handler that wants a certain delay before the next attempt; the attempt is charged. */
export class RetryAfter extends Error {
  override readonly name: string = 'RetryAfter';
  readonly unstuckOutcome = 'RetryAfter' as const;
  readonly delay: Duration;

  static override [Symbol.hasInstance](value: unknown): boolean {
    return isOutcome(this, RetryAfter, value, 'RetryAfter');
  }

  constructor(delay: Duration, message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.delay = delay;
  }
}

/**
 * Whether a value is an outcome of this name, made by this copy of the package or by another one (a worker from source that runs a module
 * built against `dist`, say). Subclasses of users keep the ordinary meaning of `instanceof`.
 */
function isOutcome(asked: unknown, own: unknown, value: unknown, name: string): boolean {
  if (asked !== own) return Function.prototype[Symbol.hasInstance].call(asked, value);
  return (value as { unstuckOutcome?: unknown } | null | undefined)?.unstuckOutcome === name;
}

/** The longest error message and stack kept, in characters. */
export const ERROR_TEXT_MAX = 8_000;

/** The longest name or code kept, in characters. */
const NAME_MAX = 100;

/** Turns any thrown value into an error that can always be stored (A6: no NUL, no lone surrogate, bounded). */
export function toJobError(thrown: unknown, code?: string): JobError {
  try {
    return describe(thrown, code);
  } catch {
    return {
      code: code ?? 'HANDLER_FAILED',
      name: 'Error',
      message: 'The handler threw a value that cannot be read.',
    };
  }
}

function describe(thrown: unknown, code: string | undefined): JobError {
  if (!(thrown instanceof Error)) {
    return { code: code ?? 'HANDLER_FAILED', name: typeof thrown, message: cut(printed(thrown)) };
  }
  const own = (thrown as { code?: unknown }).code;
  const stack = typeof thrown.stack === 'string' ? { stack: cut(thrown.stack) } : {};
  return {
    code: code ?? (typeof own === 'string' && own !== '' ? cut(own, NAME_MAX) : 'HANDLER_FAILED'),
    name: cut(thrown.name, NAME_MAX),
    message: cut(withCauses(thrown)),
    ...stack,
  };
}

function withCauses(error: Error): string {
  let text = error.message;
  let cause: unknown = error.cause;
  for (let depth = 0; depth < 3 && cause !== undefined; depth += 1) {
    text += ` — caused by: ${cause instanceof Error ? `${cause.name}: ${cause.message}` : printed(cause)}`;
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  return text;
}

function printed(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'bigint') return String(value);
  const json = JSON.stringify(value);
  return json ?? String(value);
}

/** Cut before it is made storable: a cut between the halves of a pair leaves a lone surrogate. */
function cut(text: string, most: number = ERROR_TEXT_MAX): string {
  const mark = most === ERROR_TEXT_MAX ? '… (cut)' : '';
  return toStorableText(text.length > most ? `${text.slice(0, most)}${mark}` : text);
}
