/** Headers: what every answer carries so that a browser does no more with it than it should, and what no address may carry. */
import { unstuckError } from '../../domain/errors.ts';
import { readToken, withoutTokens } from '../../domain/tokens.ts';

/** An answer that says otherwise itself keeps what it says: pages of a dashboard have other needs than JSON. */
const DEFAULTS: readonly (readonly [name: string, value: string])[] = [
  ['content-security-policy', "default-src 'none'; frame-ancestors 'none'"],
  ['x-content-type-options', 'nosniff'],
  ['referrer-policy', 'no-referrer'],
  ['cross-origin-resource-policy', 'same-origin'],
  ['cache-control', 'no-store'],
];
const SECRET_NAMES: readonly string[] = [
  'token',
  'access_token',
  'authorization',
  'bearer',
  'api_key',
];
const URL_MAX = 8_192;

/** Adds to an answer what it does not say itself; whether a change is allowed depends on the Origin. */
export function guardAnswer({ headers }: Response, method: string): void {
  for (const [name, value] of DEFAULTS) if (!headers.has(name)) headers.set(name, value);
  if (method !== 'GET' && method !== 'HEAD') headers.append('vary', 'Origin');
}

/** Throws URL_TOO_LONG past 8 KiB, and TOKEN_IN_URL for an address that holds a token: addresses are kept in logs. */
export function checkAddress(url: string): void {
  if (url.length > URL_MAX)
    throw unstuckError(
      'URL_TOO_LONG',
      `Expected an address of at most ${URL_MAX} characters, got ${url.length}.`,
    );
  const start = url.indexOf('?');
  if (start < 0) return;
  for (const [name, value] of new URLSearchParams(url.slice(start)))
    if (SECRET_NAMES.includes(name.toLowerCase()) || readToken(value) !== undefined)
      throw unstuckError(
        'TOKEN_IN_URL',
        `Expected the token in the header authorization, got one in the query, as ${JSON.stringify(withoutTokens(name).slice(0, 40))}. Nothing was done.`,
      );
}
