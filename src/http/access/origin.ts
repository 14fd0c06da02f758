/** Origin: whether a web page elsewhere makes a browser send a request (CSRF), told from the headers that browsers alone set. */

import { unstuckError } from '../../domain/errors.ts';
import { hostIn } from './connection.ts';

const SAFE: readonly string[] = ['GET', 'HEAD', 'OPTIONS'];

/** What is compared. */
export interface OriginRule {
  /** The host that the client asked for, as a URL has it. */
  readonly host: () => string;
  /** Other origins whose pages may send requests. */
  readonly origins: readonly string[];
}

/**
 * Throws ORIGIN_REFUSED for a request that changes something and that a page of another origin makes. Answers whether the headers prove that it is no
 * such request; false when a client sent neither, as programs do, and browsers of today do not.
 */
export function checkOrigin(request: Request, { host, origins }: OriginRule): boolean {
  if (SAFE.includes(request.method)) return true;
  const origin = request.headers.get('origin');
  if (origin !== null && origins.includes(origin)) return true;
  const site = request.headers.get('sec-fetch-site');
  if (site !== null) {
    if (site === 'same-origin' || site === 'none') return true;
    throw originRefused(origin ?? site);
  }
  // Over plain HTTP on another machine browsers send only Origin.
  if (origin === null) return false;
  if (isSame(origin, host())) return true;
  throw originRefused(origin);
}

function isSame(origin: string, host: string): boolean {
  return host !== '' && hostIn(origin) === host;
}

/** The error of a request that a page of another origin makes, or may have made. */
export function originRefused(origin: string | undefined): Error {
  return unstuckError(
    'ORIGIN_REFUSED',
    origin === undefined
      ? 'Expected the header origin or sec-fetch-site from whoever is known by a cookie, got neither. Nothing was changed.'
      : `Expected a request of a page of this server, got one of ${JSON.stringify(origin.slice(0, 80))}. Nothing was changed.`,
  );
}
