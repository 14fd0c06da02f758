/** Redis addresses: what one is, and what of it people may see. */
import { unstuckError } from './errors.ts';

/** Checks an address. Throws REDIS_URL_INVALID, without the address (it may hold a password). */
export function checkRedisUrl(url: unknown, where: string): string {
  if (typeof url === 'string' && /^rediss?:\/\/\S+$/.test(url) && isDecodable(url)) return url;
  throw unstuckError(
    'REDIS_URL_INVALID',
    `Expected the Redis address of ${where} to be like redis://user:password@host:6379/0. Check UNSTUCK_REDIS_URL or its option redis; special characters of a password must be percent-encoded.`,
  );
}

/** Where a Redis is, without user, password and parameters. */
export function redisPlace(url: string): string {
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname === '/' ? '' : pathname}`;
}

/** Takes user name and password of an address out of a text, such as that of an error. */
export function withoutCredentials(text: string, url: string): string {
  const { username, password } = new URL(url);
  const secrets = [url, password, decodeURIComponent(password), username];
  return secrets.reduce((left, one) => (one.length < 3 ? left : left.replaceAll(one, '…')), text);
}

function isDecodable(url: string): boolean {
  try {
    const { username, password, pathname, host } = new URL(url);
    decodeURIComponent(username + password);
    return host !== '' && /^\/?\d*$/.test(pathname);
  } catch {
    return false;
  }
}
