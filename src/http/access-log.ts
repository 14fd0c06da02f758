/** Access log: one line for each request but the probes. Never a body, a token, or what stands behind the question mark. */
import type { Log, LogLevel } from '../domain/log.ts';
import type { Principal } from './access/principal.ts';
import type { Route } from './route.ts';

/** What becomes known of a request while it is answered. */
export interface Trail {
  readonly requestId: string;
  readonly began: number;
  route?: Route;
  principal?: Principal;
}

/** Writes the line of an answered request. */
export function logRequest(
  log: Log,
  { requestId, route, principal }: Trail,
  { method, path, status, ms }: { method: string; path: string; status: number; ms: number },
): void {
  log[levelOf(route, method, status)]('request', {
    request: requestId,
    route: route?.id,
    method,
    path: path.slice(0, 200),
    status,
    ms: Math.round(ms * 10) / 10,
    by: principal?.name,
  });
}

/**
 * What people change, and who is turned away, is worth a line of every log; what programs do thousands of times a second (enqueue, claim, read)
 * only when somebody looks for it. Errors of the server have a line of their own.
 */
function levelOf(route: Route | undefined, method: string, status: number): LogLevel {
  if ([401, 403, 429].includes(status)) return 'info';
  const changes = method !== 'GET' && method !== 'HEAD' && status < 400;
  return changes && ['write', 'admin', 'tick'].includes(route?.scope ?? '') ? 'info' : 'debug';
}
