/** Access: who makes a request, and whether they may. Closed by default, except to this machine itself. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { unstuckError } from '../../domain/errors.ts';
import { allows, type Scope } from '../../domain/scopes.ts';
import { isLoopback } from '../../domain/serve-options.ts';
import type { Peer, Principal } from './principal.ts';
import type { TickAuthenticator } from './tick.ts';

/** How access is decided. */
export interface AccessOptions {
  readonly token?: string | undefined;
  readonly open?: boolean | undefined;
  /** Knows the outside schedulers, which only routes of the scope `tick` let in. */
  readonly tick?: TickAuthenticator | undefined;
}

/** Knows who makes a request. */
export class Access {
  #options: AccessOptions;

  constructor(options: AccessOptions) {
    this.#options = options;
  }

  /**
   * Resolves with who makes the request, or throws UNAUTHENTICATED or HOST_REFUSED. Without a token the Host header must name this machine: a
   * web page whose name was pointed at 127.0.0.1 (DNS rebinding) sends its own name there.
   */
  async authenticate(request: Request, _peer: Peer): Promise<Principal> {
    const { token, open = false } = this.#options;
    if (token !== undefined) {
      checkToken(request, token);
      return { name: 'root', scopes: ['admin'], via: 'root' };
    }
    if (open) return { name: 'http', scopes: ['admin'], via: 'open' };
    checkHost(request);
    return { name: 'http', scopes: ['admin'], via: 'host' };
  }

  /** As `authenticate`, for a route of the scope `tick`: an outside scheduler may also bring its secret, or the identity of its cloud. */
  async authenticateTick(request: Request, peer: Peer): Promise<Principal> {
    return (await this.#options.tick?.(request)) ?? this.authenticate(request, peer);
  }

  /** Throws SCOPE_MISSING unless the principal may do what asks for `scope`. */
  authorize({ name, scopes }: Principal, scope: Scope): void {
    if (allows(scopes, scope)) return;
    throw unstuckError(
      'SCOPE_MISSING',
      `Expected the scope ${scope}, got ${scopes.join(', ') || 'none'} for ${JSON.stringify(name)}. Nothing was changed.`,
      { detail: { missing_scope: scope } },
    );
  }
}

function checkHost(request: Request): void {
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
