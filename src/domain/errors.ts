/** Errors: every one that Unstuck throws or stores has a stable code of one catalogue. */
import { ALERT_ERRORS } from './alert-errors.ts';
import { DELIVERY_ERRORS } from './delivery-errors.ts';
import { JOB_ERRORS } from './job-errors.ts';
import { SYSTEM_ERRORS } from './system-errors.ts';

/** Every code with its meaning, what to do, and its HTTP status; `docs/generated/errors.md` is made from it. */
export const ERRORS: typeof JOB_ERRORS &
  typeof SYSTEM_ERRORS &
  typeof DELIVERY_ERRORS &
  typeof ALERT_ERRORS = {
  ...JOB_ERRORS,
  ...SYSTEM_ERRORS,
  ...DELIVERY_ERRORS,
  ...ALERT_ERRORS,
};

/** A stable code of the catalogue. */
export type ErrorCode = keyof typeof ERRORS;

/** Extra facts and the cause of an error. */
export interface ErrorParts {
  readonly cause?: unknown;
  /** Facts for programs: small, JSON-safe, without secrets. */
  readonly detail?: Readonly<Record<string, unknown>>;
}

/** Every error that Unstuck throws on purpose: `code` is stable, `message` says what was expected, what came, what to do. */
export class UnstuckError extends Error {
  override readonly name: string = 'UnstuckError';
  readonly code: ErrorCode;
  readonly detail: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, parts: ErrorParts = {}) {
    super(message, parts.cause === undefined ? undefined : { cause: parts.cause });
    this.code = code;
    this.detail = parts.detail ?? {};
  }
}

/** Thrown in `job.transaction` when the attempt has lost its lease, so that the caller's writes roll back. */
export class StaleAttemptError extends UnstuckError {
  override readonly name: string = 'StaleAttemptError';

  constructor(id: string, token: string) {
    super(
      'STALE_ATTEMPT',
      `Job ${id} is no longer held by attempt token ${token}: it was taken over, cancelled or timed out. Its writes were rolled back.`,
      { detail: { id, token } },
    );
  }
}

/** What a server told of an error beside its code and its message. */
export interface RemoteErrorParts extends ErrorParts {
  /** The HTTP status; 503 when no server answered. */
  readonly status: number;
  /** What to do. */
  readonly hint: string;
  /** Finds the line in the log of the server. */
  readonly requestId?: string | undefined;
}

/**
 * An error of a call over HTTP. Its `code` is the one that the server told, which a server that is newer than this process may know alone: compare
 * it, and do not look it up.
 */
export class RemoteError extends UnstuckError {
  override readonly name: string = 'RemoteError';
  readonly status: number;
  readonly hint: string;
  readonly requestId: string | undefined;

  constructor(code: ErrorCode, message: string, parts: RemoteErrorParts) {
    super(code, message, parts);
    this.status = parts.status;
    this.hint = parts.hint;
    this.requestId = parts.requestId;
  }
}

/** Makes an error of the catalogue. */
export function unstuckError(code: ErrorCode, message: string, parts?: ErrorParts): UnstuckError {
  return new UnstuckError(code, message, parts);
}
