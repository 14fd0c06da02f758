/** Tick: how an outside scheduler proves who it is, by a shared secret or by the identity that its cloud gives it. */
import { timingSafeEqual } from 'node:crypto';
import type { JWTVerifyGetKey, JWTVerifyOptions } from 'jose';
import { unstuckError } from '../../domain/errors.ts';
import type { Log } from '../../domain/log.ts';
import { type OidcOptions, parseTickOptions, type TickOptions } from '../../domain/tick-options.ts';
import { digestOf } from '../../domain/tokens.ts';
import type { Principal } from './principal.ts';

/**
 * Resolves with the scheduler that makes a request, and with undefined when the request brings nothing that only a scheduler has. Throws
 * UNAUTHENTICATED for a wrong secret or identity, and OIDC_KEYS_UNREACHABLE.
 */
export type TickAuthenticator = (request: Request) => Promise<Principal | undefined>;

/** Only signatures by a private key: with a shared one (HS256) the public keys would be the secret. */
const ALGORITHMS = ['RS256', 'ES256'];
const CLOCK_TOLERANCE_S = 30;
const KEYS_TIMEOUT_MS = 3_000;
/** An unknown key makes the keys be read again at most this often, whoever sends how many. */
const KEYS_COOLDOWN_MS = 30_000;

/** Makes the authenticator of these options. Throws OPTION_INVALID. */
export function tickAuthenticator(options: TickOptions | undefined, log: Log): TickAuthenticator {
  const { secret, oidc } = parseTickOptions(options);
  const verify = oidc === undefined ? undefined : verifier(oidc, log);
  return async (request) => {
    const given = request.headers.get('x-unstuck-tick');
    if (given !== null) return checkSecret(given, secret);
    const token = /^Bearer +(\S+) *$/i.exec(request.headers.get('authorization') ?? '')?.[1];
    return token !== undefined && isIdentity(token) ? verify?.(token) : undefined;
  };
}

function checkSecret(given: string, secret: string | undefined): Principal {
  if (secret !== undefined && timingSafeEqual(digestOf(given), digestOf(secret)))
    return { name: 'tick', scopes: ['tick'], via: 'secret' };
  throw unstuckError(
    'UNAUTHENTICATED',
    secret === undefined
      ? 'Expected no header x-unstuck-tick, because this server has no UNSTUCK_TICK_SECRET.'
      : 'The header x-unstuck-tick is not the UNSTUCK_TICK_SECRET of this server.',
  );
}

/** Whether a bearer token is a JSON Web Token, rather than a token of ours. */
function isIdentity(token: string): boolean {
  const [header = '', ...rest] = token.split('.');
  if (rest.length !== 2) return false;
  try {
    const value: unknown = JSON.parse(Buffer.from(header, 'base64url').toString());
    return typeof value === 'object' && value !== null && 'alg' in value;
  } catch {
    return false;
  }
}

function verifier(oidc: OidcOptions, log: Log): (token: string) => Promise<Principal> {
  const { issuer, audience, serviceAccount } = oidc;
  const options: JWTVerifyOptions = {
    issuer,
    audience,
    algorithms: ALGORITHMS,
    clockTolerance: CLOCK_TOLERANCE_S,
    requiredClaims: ['exp'],
  };
  let keys: Promise<JWTVerifyGetKey> | undefined;
  return async (token) => {
    keys ??= keysOf(oidc);
    const [{ jwtVerify }, known] = await Promise.all([import('jose'), keys]);
    const { payload } = await jwtVerify(token, known, options).catch((error: unknown) => {
      throw refused(error, log);
    });
    if (payload['email'] === serviceAccount && payload['email_verified'] === true)
      return { name: serviceAccount, scopes: ['tick'], via: 'oidc' };
    throw unstuckError(
      'UNAUTHENTICATED',
      'The identity token is that of another account than the one of UNSTUCK_OIDC_SERVICE_ACCOUNT, or its address is not verified.',
    );
  };
}

async function keysOf({ jwksUrl }: OidcOptions): Promise<JWTVerifyGetKey> {
  const { createRemoteJWKSet } = await import('jose');
  return createRemoteJWKSet(new URL(jwksUrl), {
    timeoutDuration: KEYS_TIMEOUT_MS,
    cooldownDuration: KEYS_COOLDOWN_MS,
  });
}

/** What is wrong with the token is the fault of who sends it; that its keys cannot be read is not. */
function refused(error: unknown, log: Log): Error {
  const { code, message } = error as { readonly code?: unknown; readonly message?: unknown };
  const known = typeof code === 'string' && /^ERR_(?:JWT|JWS|JOSE_ALG|JWKS_NO)/.test(code);
  if (known || code === 'ERR_JWKS_MULTIPLE_MATCHING_KEYS' || code === 'ERR_JOSE_NOT_SUPPORTED')
    return unstuckError(
      'UNAUTHENTICATED',
      `The identity token of the request was refused: ${String(message).slice(0, 200)}.`,
      { cause: error },
    );
  log.warn('oidc_keys_unreachable', { error });
  return unstuckError(
    'OIDC_KEYS_UNREACHABLE',
    'The public keys of the identity provider could not be read. Nothing was done.',
    { cause: error },
  );
}
