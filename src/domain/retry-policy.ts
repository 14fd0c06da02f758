/** When a failed attempt is tried again: pure, the randomness is passed in. */
import type { Duration } from '../std/duration.ts';
import { parseDuration } from '../std/duration.ts';
import { shown } from '../std/shown.ts';
import { unstuckError } from './errors.ts';
import { refuseUnknown } from './known-options.ts';

/** What a custom policy may answer: a delay, or false for no further attempt. */
export type RetryDecision = Duration | false;

/** What a custom policy is asked with. */
export interface FailedAttempt {
  /** 1 for the first attempt. */
  readonly attempt: number;
  readonly attemptsMax: number;
  readonly error: unknown;
}

/** How a job type is retried. */
export interface RetryOptions {
  /** Attempts in all, 1 to 1000. Default 5. Crashes of the worker are not attempts. */
  readonly attempts?: number;
  /** `exponential` (default: full jitter up to base × 2^(attempt−1)), `fixed` (always `base`), or a function that decides. */
  readonly backoff?: 'exponential' | 'fixed' | ((failed: FailedAttempt) => RetryDecision);
  /** Base delay. Default 1 s; from 0 to 10 years. */
  readonly base?: Duration;
  /** Longest delay. Default 10 minutes; from 0 to 10 years. */
  readonly max?: Duration;
}

/** A retry policy with its defaults filled in. */
export interface RetryPolicy {
  readonly attemptsMax: number;
  readonly backoff: 'exponential' | 'fixed' | ((failed: FailedAttempt) => RetryDecision);
  readonly baseMs: number;
  readonly maxMs: number;
}

/** The attempts of a type that sets none. */
export const ATTEMPTS_DEFAULT = 5;

/** The longest time that Unstuck accepts anywhere: ten years, in milliseconds. */
export const LONGEST_MS: number = 10 * 365 * 86_400_000;

const KNOWN: ReadonlySet<string> = new Set(['attempts', 'backoff', 'base', 'max']);

/** Checks retry options and fills in the defaults. Throws OPTION_INVALID or OPTION_UNKNOWN. */
export function parseRetry(options: RetryOptions | undefined, where: string): RetryPolicy {
  refuseUnknown(options, KNOWN, where, 'retry.');
  const attemptsMax = options?.attempts ?? ATTEMPTS_DEFAULT;
  if (!Number.isInteger(attemptsMax) || attemptsMax < 1 || attemptsMax > 1_000) {
    throw unstuckError(
      'OPTION_INVALID',
      `Expected retry.attempts of ${where} to be a whole number from 1 to 1000, got ${shown(attemptsMax)}.`,
    );
  }
  const backoff = options?.backoff ?? 'exponential';
  if (typeof backoff !== 'function' && backoff !== 'exponential' && backoff !== 'fixed') {
    throw unstuckError(
      'OPTION_INVALID',
      `Expected retry.backoff of ${where} to be 'exponential', 'fixed' or a function, got ${shown(backoff)}.`,
    );
  }
  return {
    attemptsMax,
    backoff,
    baseMs: bounded(options?.base ?? 1_000, `retry.base of ${where}`),
    maxMs: bounded(options?.max ?? 600_000, `retry.max of ${where}`),
  };
}

/**
 * Returns the milliseconds before the next attempt, or undefined when there is none left. `random` is from [0, 1).
 * Exponential with full jitter: AWS Architecture Blog, "Exponential Backoff and Jitter" (2015). Finite for any attempt (E1).
 */
export function retryDelayMs(
  policy: RetryPolicy,
  failed: FailedAttempt,
  random: number,
): number | undefined {
  if (failed.attempt >= failed.attemptsMax) return undefined;
  if (typeof policy.backoff === 'function') return decided(policy.backoff(failed));
  if (policy.backoff === 'fixed') return Math.min(policy.baseMs, policy.maxMs);
  const ceiling = Math.min(policy.maxMs, policy.baseMs * 2 ** Math.min(failed.attempt - 1, 50));
  return Math.round(ceiling * random);
}

function decided(decision: RetryDecision): number | undefined {
  if (decision === false) return undefined;
  return bounded(decision, 'the delay that the backoff function returned');
}

function bounded(value: Duration, what: string): number {
  const ms = parseDuration(value);
  if (ms === undefined || ms > LONGEST_MS) {
    throw unstuckError(
      'OPTION_INVALID',
      `Expected ${what} to be a duration from 0 to 10 years such as '5s', got ${shown(value)}.`,
    );
  }
  return ms;
}
