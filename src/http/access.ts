/** Access: who may use /v1. Closed by default, except to this machine itself. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { unstuckError } from '../domain/errors.ts';
import { isLoopback } from '../domain/serve-options.ts';

/** How access is decided. */
export interface AccessOptions {
  readonly token?: string | undefined;
  readonly open?: boolean | undefined;
}

/**
 * Lets a request pass, or throws UNAUTHENTICATED or HOST_REFUSED. Without a token the Host header must name this machine: a web
 * page whose name was pointed at 127.0.0.1 (DNS rebinding) sends its own name there.
 */
export function checkAccess(request: Request, { token, open = false }: AccessOptions): void {
  if (token !== undefined) return checkToken(request, token);
  if (open) return;
  const host = request.headers.get('host') ?? new URL(request.url).host;
  if (isLoopback(host.replace(/:\d+$/, ''))) return;
  throw unstuckError(
    'HOST_REFUSED',
    `Expected the Host header to name this machine (localhost, 127.0.0.1), got ${JSON.stringify(host.slice(0, 80))}.`,
  );
}

function checkToken(request: Request, token: string): void {
  const given = /^Bearer +(\S+) *$/i.exec(request.headers.get('authorization') ?? '')?.[1];
  if (given !== undefined && timingSafeEqual(digest(given), digest(token))) return;
  throw unstuckError(
    'UNAUTHENTICATED',
    given === undefined
      ? 'Expected the header `authorization: Bearer …`, got none.'
      : 'The bearer token of the request is not the one of this server.',
  );
}

/** Equal lengths, so that the comparison tells nothing of the token. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
