/** Decide: from what a handler did to what is written; pure, the randomness is passed in. */
import type { AnyJob } from '../domain/define-job.ts';
import type { JobError } from '../domain/job.ts';
import { Cancel, Fail, RetryAfter, Snooze, toJobError } from '../domain/outcome.ts';
import { encodePayload, type PayloadLimits } from '../domain/payload.ts';
import { LONGEST_MS, retryDelayMs } from '../domain/retry-policy.ts';
import { parseDuration } from '../std/duration.ts';

/** The counts of an attempt that a decision depends on. */
export interface Counts {
  readonly attempt: number;
  readonly attemptsMax: number;
  readonly snoozes: number;
}

/** What of a type's definition a decision depends on. */
export type Policy = Pick<AnyJob, 'retry' | 'providers' | 'snoozesMax'>;

/** The job ends. */
export interface Finish {
  readonly kind: 'finish';
  readonly state: 'completed' | 'failed' | 'cancelled';
  /** JSON text. */
  readonly result?: string;
  readonly error?: JobError;
  readonly reason?: string;
  /** The outcome of the attempt, when it did not simply succeed. */
  readonly outcome: 'failed' | 'timed-out' | 'cancelled' | null;
}

/** The job goes on later (`gate`), or back into the queue (`gate` null). */
export interface Defer {
  readonly kind: 'defer';
  readonly gate: 'retry' | 'time' | 'target' | 'executions' | null;
  /** Null: as long as the job may wait for a worker. */
  readonly delayMs: number | null;
  /** Whether the attempt counts. */
  readonly charged: boolean;
  /** It keeps its place in the queue; else it goes behind those that are there. */
  readonly keepsPlace?: boolean;
  /** Null when nothing of it is told: the job waits for its executions. */
  readonly outcome: 'failed' | 'timed-out' | 'snoozed' | 'released' | null;
  readonly error?: JobError;
}

/** What is written about an attempt. */
export type Decision = Finish | Defer;

/** The decision when a handler returned. A result that cannot be stored fails the job without another run: its work was done. */
export function onReturn(result: unknown, limits: PayloadLimits): Finish {
  const encoded = encodePayload(result, limits);
  if ('json' in encoded)
    return { kind: 'finish', state: 'completed', result: encoded.json, outcome: null };
  const message = `The handler returned a value that cannot be stored: ${encoded.path} ${encoded.problem}.`;
  return {
    kind: 'finish',
    state: 'failed',
    error: { code: 'RESULT_UNSTORABLE', name: 'UnstuckError', message },
    outcome: 'failed',
  };
}

/** The decision when a handler threw. `random` is from [0, 1). */
export function onThrow(
  thrown: unknown,
  definition: Policy,
  counts: Counts,
  random: number,
): Decision {
  if (thrown instanceof Snooze) return onSnooze(thrown, definition, counts);
  if (thrown instanceof Cancel)
    return {
      kind: 'finish',
      state: 'cancelled',
      reason: toJobError(thrown).message,
      outcome: 'cancelled',
    };
  const error = toJobError(thrown);
  if (thrown instanceof Fail) return failed(error);
  return retried(thrown, error, 'failed', definition, counts, random);
}

/** The decision when an attempt ran past its timeout. */
export function onTimeout(
  timeoutMs: number,
  definition: Policy,
  counts: Counts,
  random: number,
): Decision {
  const error = timeoutError(timeoutMs);
  return retried(error, error, 'timed-out', definition, counts, random);
}

/** The stored error of an attempt that ran past its timeout. */
export function timeoutError(timeoutMs: number): JobError {
  return {
    code: 'JOB_TIMEOUT',
    name: 'Timeout',
    message: `The attempt ran longer than its timeout of ${timeoutMs} ms and was ended.`,
  };
}

/** The decision when a worker must stop: the attempt is given back uncharged. */
export const RELEASED: Defer = {
  kind: 'defer',
  gate: null,
  delayMs: 0,
  charged: false,
  outcome: 'released',
};

/** The decision when none of its targets takes a job now: it waits for them, uncharged, in its place. */
export const PARKED: Defer = {
  kind: 'defer',
  gate: 'target',
  delayMs: null,
  charged: false,
  keepsPlace: true,
  outcome: null,
};

/** The same for a job that its target may have got: behind the others, so that one at which every target fails is not the one with which it is tried again and again. */
export const PARKED_BEHIND: Defer = { ...PARKED, keepsPlace: false };

/** How long a parent waits before its executions are looked at, should their end not be told. */
const LOOK_AFTER_MS = 30_000;

/** What a fan-out returns while its executions are not over. */
export const AWAITS_EXECUTIONS: unique symbol = Symbol('awaits executions');

/** The decision when a fan-out has been planned: it goes on when its executions have ended. */
export const AWAITED: Defer = {
  kind: 'defer',
  gate: 'executions',
  delayMs: LOOK_AFTER_MS,
  charged: false,
  outcome: null,
};

function onSnooze(snooze: Snooze, definition: Policy, counts: Counts): Decision {
  const delayMs = parseDuration(snooze.delay);
  if (delayMs === undefined || delayMs > LONGEST_MS) {
    return failed({
      code: 'TIME_INVALID',
      name: 'UnstuckError',
      message: `Expected the delay of Snooze to be a duration from 0 to 10 years, got ${String(snooze.delay)}.`,
    });
  }
  if (counts.snoozes >= definition.snoozesMax) {
    return failed({
      code: 'SNOOZES_EXHAUSTED',
      name: 'UnstuckError',
      message: `The handler put the job off ${counts.snoozes} times, the most allowed is ${definition.snoozesMax}.`,
    });
  }
  return { kind: 'defer', gate: 'time', delayMs, charged: false, outcome: 'snoozed' };
}

function retried(
  thrown: unknown,
  error: JobError,
  outcome: 'failed' | 'timed-out',
  definition: Policy,
  counts: Counts,
  random: number,
): Decision {
  const delayMs = delayOf(thrown, definition, counts, random);
  if (typeof delayMs === 'number')
    return { kind: 'defer', gate: 'retry', delayMs, charged: true, outcome, error };
  return { kind: 'finish', state: 'failed', error: delayMs ?? error, outcome };
}

/** The delay before the next attempt; undefined for none; an error when the type's own backoff function threw. */
function delayOf(
  thrown: unknown,
  definition: Policy,
  counts: Counts,
  random: number,
): number | undefined | JobError {
  if (counts.attempt >= counts.attemptsMax) return undefined;
  const wished = thrown instanceof RetryAfter ? parseDuration(thrown.delay) : undefined;
  if (wished !== undefined) return Math.min(wished, LONGEST_MS);
  try {
    if (definition.providers !== undefined)
      return delayAtProvider(thrown, definition, counts, random);
    return retryDelayMs(
      definition.retry,
      { attempt: counts.attempt, attemptsMax: counts.attemptsMax, error: thrown },
      random,
    );
  } catch (broken) {
    return toJobError(broken);
  }
}

/** Each provider has its own attempts and its own backoff; the next one is tried at once (S4.6). */
function delayAtProvider(
  thrown: unknown,
  { retry }: Policy,
  counts: Counts,
  random: number,
): number | undefined {
  const attempt = ((counts.attempt - 1) % retry.attemptsMax) + 1;
  const failure = { attempt, attemptsMax: retry.attemptsMax, error: thrown };
  return retryDelayMs(retry, failure, random) ?? (attempt < retry.attemptsMax ? undefined : 0);
}

function failed(error: JobError): Finish {
  return { kind: 'finish', state: 'failed', error, outcome: 'failed' };
}
