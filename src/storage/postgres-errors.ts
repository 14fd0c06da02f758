/** What an error of PostgreSQL or of its connection means: worth trying again, outcome unknown, or final. */

interface ErrorLike {
  readonly code?: unknown;
  readonly message?: unknown;
  readonly constraint?: unknown;
  readonly routine?: unknown;
}

const CONNECTION_CODES: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ECONNABORTED',
  'ENOENT',
  'EADDRNOTAVAIL',
]);
const CONNECTION_STATES = /^(08(?!P01)...|57P0[1-4]|25006|53...)$/;
const CONNECTION_TEXT =
  /connection terminated|connection ended|client has encountered|query read timeout|timeout exceeded when trying to connect|connection timeout|client was closed|socket/i;
const RETRY_STATES: ReadonlySet<string> = new Set([
  '40001',
  '40P01',
  '55P03',
  '57014',
  '55006',
  '26000',
]);

/** The SQLSTATE or Node error code of an error; empty when it has none. */
export function codeOf(error: unknown): string {
  const code = (error as ErrorLike | null)?.code;
  return typeof code === 'string' ? code : '';
}

/** Whether the connection is lost or useless, so that nobody knows whether the statement took effect. */
export function isConnectionLost(error: unknown): boolean {
  const code = codeOf(error);
  if (CONNECTION_CODES.has(code) || CONNECTION_STATES.test(code)) return true;
  const message = (error as ErrorLike | null)?.message;
  return code === '' && typeof message === 'string' && CONNECTION_TEXT.test(message);
}

/** Whether a connection gave no answer in time: it may be half-open. */
export function isReadTimeout(error: unknown): boolean {
  const message = (error as ErrorLike | null)?.message;
  return codeOf(error) === '' && typeof message === 'string' && /query read timeout/i.test(message);
}

/** Whether the same statement may well succeed later. */
export function isTransient(error: unknown): boolean {
  return isConnectionLost(error) || RETRY_STATES.has(codeOf(error));
}

/** Whether a lock could not be had in time. */
export function isLockTimeout(error: unknown): boolean {
  return codeOf(error) === '55P03';
}

/** Whether the statement ran out of time in the server, most likely because somebody has locked one of its rows. */
export function isHeldUp(error: unknown): boolean {
  return isLockTimeout(error) || codeOf(error) === '57014';
}

/** Whether `finished`, `attempts` or `events` has no partition for the row. */
export function isPartitionMissing(error: unknown): boolean {
  const { message, routine } = (error ?? {}) as ErrorLike;
  if (codeOf(error) !== '23514') return false;
  // The message is in the language of the server; the name of the C function is not.
  if (routine === 'ExecFindPartition') return true;
  return typeof message === 'string' && message.includes('no partition of relation');
}

/** Whether the user of the connection may not do that. */
export function isForbidden(error: unknown): boolean {
  return codeOf(error) === '42501';
}

/** Whether a unique constraint of this name was violated. */
export function violates(error: unknown, constraint: string): boolean {
  return codeOf(error) === '23505' && (error as ErrorLike).constraint === constraint;
}
