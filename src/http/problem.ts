/** Problems: how an error is told over HTTP (RFC 9457), with the stable code of the catalogue. */
import { ERRORS, type ErrorCode, UnstuckError } from '../domain/errors.ts';
import { readIssue } from '../domain/issues.ts';
import { snakeJson } from '../domain/json.ts';
import type { Log } from '../domain/log.ts';
import { withoutTokens } from '../domain/tokens.ts';
import { codeOf, isConnectionLost } from '../storage/postgres-errors.ts';

const RETRY_AFTER_S = '2';

/** Makes the answer for an error; what is not in the catalogue is logged under the `request_id` and told as INTERNAL_ERROR. */
export function toProblem(error: unknown, path: string, log: Log, requestId: string): Response {
  const { code, detail } = known(error);
  const { status } = ERRORS[code];
  if (status >= 500) log.error('request_failed', { request: requestId, path, code, error });
  const body = { ...toProblemBody(error), instance: path, request_id: requestId };
  return new Response(JSON.stringify(body), {
    status,
    headers: {
      'content-type': 'application/problem+json',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      ...headersFor(code, detail),
    },
  });
}

/** The part of a problem that tells of the error alone: for one item of many, where the request is answered for all. */
export function toProblemBody(error: unknown): Record<string, unknown> {
  const { code, message, detail } = known(error);
  const { status, meaning, fix } = ERRORS[code];
  const { issues, ...facts } = detail as { issues?: readonly string[] };
  return {
    type: `urn:unstuck:error:${code}`,
    title: meaning,
    status,
    detail: withoutTokens(message),
    code,
    hint: fix,
    ...(issues === undefined ? {} : { errors: issues.map(readIssue) }),
    ...(Object.keys(facts).length === 0 ? {} : { facts: snakeJson(facts) }),
  };
}

function known(error: unknown): Pick<UnstuckError, 'code' | 'message' | 'detail'> {
  if (isCatalogued(error)) return error;
  const code = codeOfForeign(error);
  // The text of a foreign error may hold anything: it goes into the log only.
  return { code, message: ERRORS[code].meaning, detail: {} };
}

/** PostgreSQL stops what takes too long with 57014, and what waits too long for a lock with 55P03. */
function codeOfForeign(error: unknown): ErrorCode {
  if (isConnectionLost(error)) return 'DATABASE_UNREACHABLE';
  return ['57014', '55P03'].includes(codeOf(error)) ? 'QUERY_TIMEOUT' : 'INTERNAL_ERROR';
}

/** Recognised by its code too, because two copies of the package may meet here. */
function isCatalogued(error: unknown): error is UnstuckError {
  // The error of a call to another, newer server may have a code that this one does not know.
  if (error instanceof UnstuckError) return Object.hasOwn(ERRORS, error.code);
  const { name, code, detail } = (error ?? {}) as Partial<UnstuckError>;
  return (
    name === 'UnstuckError' && Object.hasOwn(ERRORS, String(code)) && typeof detail === 'object'
  );
}

function headersFor(
  code: ErrorCode,
  detail: Readonly<Record<string, unknown>>,
): Record<string, string> {
  if (code === 'RATE_LIMITED') return rateHeaders(detail);
  if (code === 'REQUEST_TIMEOUT') return { connection: 'close' };
  if ([429, 503].includes(ERRORS[code].status) || code === 'IDEMPOTENCY_IN_FLIGHT')
    return { 'retry-after': RETRY_AFTER_S };
  if (code === 'UNAUTHENTICATED') return { 'www-authenticate': 'Bearer' };
  if (code === 'METHOD_NOT_ALLOWED') return { allow: String(detail['allow']) };
  return {};
}

/** In the words of the draft for RateLimit headers; long requests have no window. */
function rateHeaders(detail: Readonly<Record<string, unknown>>): Record<string, string> {
  const {
    retryAfterS = 1,
    burst,
    windowS,
  } = detail as Readonly<Record<string, number | undefined>>;
  const retry = { 'retry-after': String(retryAfterS) };
  if (burst === undefined || windowS === undefined) return retry;
  return {
    ...retry,
    'ratelimit-policy': `"requests";q=${burst};w=${windowS}`,
    ratelimit: `"requests";r=0;t=${retryAfterS}`,
  };
}
