/** Access: who makes a request, and whether they may. Closed by default, except to this machine itself while developing. */
import { timingSafeEqual } from 'node:crypto';
import { unstuckError } from '../../domain/errors.ts';
import { allows, type Scope } from '../../domain/scopes.ts';
import { digestOf, readToken } from '../../domain/tokens.ts';
import type { Unstuck } from '../../unstuck.ts';
import { AddressBuckets, Buckets } from './buckets.ts';
import { addressOf, checkHere, hostOf, isHttps } from './connection.ts';
import { readCookie } from './cookie.ts';
import { checkOrigin, originRefused } from './origin.ts';
import type { Caller, Peer, Principal } from './principal.ts';
import { Remembered } from './remembered.ts';
import type { TickAuthenticator } from './tick.ts';

/** How access is decided. */
export interface AccessOptions {
  readonly token?: string | undefined;
  readonly open?: boolean | undefined;
  readonly authenticate?:
    | ((request: Request) => Caller | undefined | Promise<Caller | undefined>)
    | undefined;
  /** Knows the secrets that remote workers were given for single attempts: by the id of the job and the secret. */
  readonly callback?: Unstuck['targets']['verifyCallback'] | undefined;
  /** Knows the outside schedulers, which only routes of the scope `tick` let in. */
  readonly tick?: TickAuthenticator | undefined;
  readonly origins: readonly string[];
  readonly trustProxy: boolean;
  readonly requestsPerSecond: number;
  /** Whether it is known that this is no development: then this machine too needs a token. */
  readonly production: boolean;
}

/** A session that has been opened. */
export interface Login {
  /** What the cookie carries. */
  readonly secret: string;
  readonly principal: Principal;
}

/** Wrong tokens and cookies of one address: so many may come at once, as from a client that was not told of a new token. */
const FAILURES = { burst: 60, perSecond: 1 };
/** Wrong logins of one address. */
const LOGINS = { burst: 5, perSecond: 5 / 60 };
/** Requests of one address to the routes that ask nobody. */
const OPEN_REQUESTS = { burst: 100, perSecond: 50 };
const MISSING = 'Expected the header `authorization: Bearer …`, got none.';
/** How the secrets begin that remote workers are given. */
const CALLBACK = 'callback_';
const HTTP: Caller = { name: 'http', scopes: ['admin'] };

/** Knows who makes a request. */
export class Access {
  readonly #options: AccessOptions;
  readonly #tokens: Unstuck['tokens'];
  readonly #root: Buffer | undefined;
  readonly #known = new Remembered<Principal>();
  readonly #failures = new AddressBuckets(FAILURES);
  readonly #logins = new AddressBuckets(LOGINS);
  readonly #openRequests = new AddressBuckets(OPEN_REQUESTS);
  readonly #requests: Buckets;

  constructor(options: AccessOptions, tokens: Unstuck['tokens']) {
    const { token, requestsPerSecond: perSecond } = options;
    this.#options = options;
    this.#tokens = tokens;
    this.#root = token === undefined ? undefined : digestOf(token);
    this.#requests = new Buckets({ burst: 2 * perSecond, perSecond });
  }

  /**
   * Lets in whoever may do what asks for `scope`, and with `job` also who brings the secret of an attempt of this job. Throws what the checks below
   * throw, and RATE_LIMITED.
   */
  async admit(
    request: Request,
    peer: Peer,
    scope: Scope | 'any' | 'open',
    job?: string,
  ): Promise<Principal> {
    const proven = this.#checkOrigin(request);
    if (scope === 'open') {
      this.#openRequests.of(this.#addressOf(request, peer)).take();
      if (!proven && this.cookieOf(request) !== undefined) throw originRefused(undefined);
      return { name: 'nobody', scopes: [], via: 'open' };
    }
    const scheduler = scope === 'tick' ? await this.#options.tick?.(request) : undefined;
    const remote = job === undefined ? undefined : await this.#callback(request, peer, job);
    const principal = scheduler ?? remote ?? (await this.authenticate(request, peer));
    if (!proven && this.#byCookie(principal, request)) throw originRefused(undefined);
    this.#requests.take(`${principal.via}:${principal.name}`);
    if (scope !== 'any' && remote === undefined) this.authorize(principal, scope);
    return principal;
  }

  /** Resolves with the remote worker that brings the secret of an attempt of a job; undefined when it brings none. Throws UNAUTHENTICATED or RATE_LIMITED. */
  async #callback(request: Request, peer: Peer, job: string): Promise<Principal | undefined> {
    const secret = bearerOf(request);
    const { callback } = this.#options;
    if (callback === undefined || secret?.startsWith(CALLBACK) !== true) return undefined;
    const key = `c${digestOf(`${job}:${secret}`).toString('base64')}`;
    const found = await this.#remember(key, request, peer, async () => {
      const known = await callback(job, secret);
      if (known === undefined) return undefined;
      const { target, token: attempt } = known;
      return {
        value: { name: `target ${target}`, scopes: [], via: 'callback', attempt },
        leftMs: null,
      };
    });
    return good(found);
  }

  /** Resolves with who makes the request. Throws UNAUTHENTICATED, HOST_REFUSED, or RATE_LIMITED after too many wrong tokens of one address. */
  async authenticate(request: Request, peer: Peer): Promise<Principal> {
    const { authenticate, open = false, token, production } = this.#options;
    if (authenticate !== undefined) return recognised(await authenticate(request));
    if (open) return { ...HTTP, via: 'open' };
    const bearer = bearerOf(request);
    if (bearer !== undefined) return good(await this.verify(bearer, request, peer));
    const session = await this.#session(request, peer);
    if (session !== undefined) return session;
    if (token !== undefined) throw unauthenticated(MISSING);
    // A proxy on this machine may send every request of the world as if it were from here, and nginx does unless it is told otherwise.
    if (production)
      throw unauthenticated(
        `${MISSING} Where NODE_ENV is production, this machine needs a token too.`,
      );
    checkHere(request, peer);
    return { ...HTTP, via: 'host' };
  }

  /** Whether who made a request that is still being answered may still do what asks for `scope`. An application that knows its callers is not asked again. Throws what the database throws. */
  async stillAdmits(request: Request, peer: Peer, scope: Scope): Promise<boolean> {
    if (this.#options.authenticate !== undefined) return true;
    try {
      this.authorize(await this.authenticate(request, peer), scope);
      return true;
    } catch (error) {
      const { code } = error as { readonly code?: unknown };
      if (code === 'UNAUTHENTICATED' || code === 'SCOPE_MISSING') return false;
      throw error;
    }
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

  /** Whose token a text is; undefined when it is nobody's. Throws RATE_LIMITED for an address that sent too many wrong ones. */
  async verify(text: string, request: Request, peer: Peer): Promise<Principal | undefined> {
    const digest = digestOf(text);
    return this.#remember(`t${digest.toString('base64')}`, request, peer, async () => {
      if (this.#root !== undefined && timingSafeEqual(digest, this.#root))
        return { value: { name: 'root', scopes: ['admin'], via: 'root' }, leftMs: null };
      const found = await this.#tokens.verify(text);
      if (found === undefined) return undefined;
      const { name, scopes, leftMs } = found;
      return { value: { name, scopes, via: 'token' }, leftMs };
    });
  }

  /** Opens a session in place of the one whose cookie the request carries. Throws UNAUTHENTICATED, and RATE_LIMITED after five wrong tokens of one address in a minute. */
  async logIn(token: string, request: Request, peer: Peer): Promise<Login> {
    if (this.#options.open === true || this.#options.authenticate !== undefined)
      throw unstuckError(
        'ROUTE_NOT_FOUND',
        'The application in which this is mounted knows who asks; there is nothing to log in to.',
      );
    const logins = this.#logins.of(this.#addressOf(request, peer));
    logins.take();
    const principal = good(await this.verify(token, request, peer));
    logins.giveBack();
    await this.logOut(request);
    const tokenId = principal.via === 'root' ? undefined : readToken(token)?.id;
    const { sessions } = this.#tokens;
    const secret = await sessions.open(tokenId === undefined ? { root: token } : { tokenId });
    return { secret, principal: { ...principal, via: 'session' } };
  }

  /** Ends the session whose cookie the request carries. */
  async logOut(request: Request): Promise<void> {
    const secret = this.cookieOf(request);
    if (secret === undefined) return;
    await this.#tokens.sessions.end(secret);
    this.#known.forget(keyOf(secret));
  }

  async #session(request: Request, peer: Peer): Promise<Principal | undefined> {
    const secret = this.cookieOf(request);
    if (secret === undefined) return undefined;
    return this.#remember(keyOf(secret), request, peer, async () => {
      const found = await this.#tokens.sessions.verify(secret, this.#options.token);
      if (found === undefined) return undefined;
      const { name, scopes, leftMs } = found;
      return { value: { name: name ?? 'root', scopes, via: 'session' }, leftMs };
    });
  }

  /** Whoever was good a while ago does not guess, and is asked about however many wrong ones come from the same address. */
  async #remember(
    key: string,
    request: Request,
    peer: Peer,
    ask: Parameters<Remembered<Principal>['get']>[1],
  ): Promise<Principal | undefined> {
    if (!this.#known.knows(key)) this.#failures.of(this.#addressOf(request, peer)).check();
    const found = await this.#known.get(key, ask);
    if (found === undefined) this.#failures.of(this.#addressOf(request, peer)).take();
    return found;
  }

  #checkOrigin(request: Request): boolean {
    const { origins, trustProxy } = this.#options;
    return checkOrigin(request, { host: () => hostOf(request, trustProxy), origins });
  }

  /** An application may know its callers by cookies too. */
  #byCookie({ via }: Principal, request: Request): boolean {
    return via === 'session' || (via === 'open' && request.headers.has('cookie'));
  }

  /** The secret of the session whose cookie the request carries. */
  cookieOf(request: Request): string | undefined {
    return readCookie(request, this.isHttps(request));
  }

  /** Whether the client speaks TLS. */
  isHttps(request: Request): boolean {
    return isHttps(request, this.#options.trustProxy);
  }

  #addressOf(request: Request, peer: Peer): string | undefined {
    return addressOf(request, peer, this.#options.trustProxy);
  }

  /** Takes note that tokens have changed: this process asks about each anew. */
  tokensChanged(): void {
    this.#known.forgetAnswers();
  }
}

function bearerOf(request: Request): string | undefined {
  return /^Bearer +(\S{1,500}) *$/i.exec(request.headers.get('authorization') ?? '')?.[1];
}

function good(principal: Principal | undefined): Principal {
  if (principal !== undefined) return principal;
  throw unauthenticated(
    'The token of the request is not one of this server, or was revoked, or has expired.',
  );
}

/** What looks up sessions often answers null where there is none. */
function recognised(caller: Caller | null | undefined): Principal {
  if (caller !== undefined && caller !== null)
    return { name: caller.name, scopes: caller.scopes, via: 'open' };
  throw unauthenticated(
    'The application in which this is mounted does not know who makes the request.',
  );
}

function unauthenticated(message: string): Error {
  return unstuckError('UNAUTHENTICATED', message);
}

function keyOf(secret: string): string {
  return `s${digestOf(secret).toString('base64')}`;
}
