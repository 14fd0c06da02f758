/** Exit codes: what a script can tell from the end of a command. */
import { ERRORS, type ErrorCode, RemoteError, UnstuckError } from '../domain/errors.ts';
import { codeOf, isConnectionLost } from '../storage/postgres-errors.ts';

/** Every exit code that the command itself gives. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  notFound: 3,
  refused: 4,
  conflict: 5,
  unreachable: 6,
  jobFailed: 7,
  findings: 8,
  /** `work --no-supervise`: the process carries too many ghosts and wants to be started anew (EX_TEMPFAIL). */
  replace: 75,
  interrupted: 130,
} as const;

/** The lines of `unstuck help exit-codes`. */
export const EXIT_HELP: string = `Exit codes:
  0    done
  1    failed
  2    wrong usage or value
  3    not found
  4    the database refused the user, or the server the token
  5    the job's state does not allow it; bulk: some jobs were refused; redis dead: some messages stand there no more
  6    the database, or the server of --url, cannot be reached
  7    the job that was waited for failed or was cancelled
  8    findings: something is late (stuck), stuck (status), alerting (alert list), broken (pool check) or away (target probe), or still unfinished at --timeout
  75   work --no-supervise: start this process again
  130  interrupted; bulk: not confirmed`;

/** Returns the exit code that tells an error. */
export function exitCodeOf(error: unknown): number {
  if (isRefusal(error) || isRefusal((error as Error | null)?.cause)) return EXIT.refused;
  if (!(error instanceof UnstuckError))
    return isConnectionLost(error) ? EXIT.unreachable : EXIT.failed;
  const status = error instanceof RemoteError ? error.status : ERRORS[error.code].status;
  if (error.code === 'SERVER_UNREACHABLE' && status !== 401 && status !== 403)
    return EXIT.unreachable;
  return SPECIAL[error.code] ?? BY_STATUS[status] ?? EXIT.failed;
}

const SPECIAL: Readonly<Partial<Record<ErrorCode, number>>> = {
  DATABASE_URL_INVALID: EXIT.usage,
  REDIS_URL_INVALID: EXIT.usage,
  MODULE_INVALID: EXIT.usage,
  WAIT_TIMEOUT: EXIT.findings,
  EMBEDDED_POSTGRES_MISSING: EXIT.unreachable,
  EMBEDDED_POSTGRES_FAILED: EXIT.unreachable,
  WORKER_STOPPED: EXIT.interrupted,
  ROUTE_NOT_FOUND: EXIT.failed,
};

const BY_STATUS: Readonly<Record<number, number>> = {
  401: EXIT.refused,
  403: EXIT.refused,
  404: EXIT.notFound,
  409: EXIT.conflict,
  413: EXIT.usage,
  422: EXIT.usage,
  429: EXIT.unreachable,
  502: EXIT.unreachable,
  503: EXIT.unreachable,
  504: EXIT.unreachable,
};

/** PostgreSQL knows the user and says no: wrong password, no such role, no permission. */
function isRefusal(error: unknown): boolean {
  return /^(28000|28P01|42501)$/.test(codeOf(error));
}
