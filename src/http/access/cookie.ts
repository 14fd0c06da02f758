/** Cookie: in which the secret of a session travels. */

const PLAIN = 'unstuck';
/** Browsers keep a cookie of this prefix only over TLS, from this very host, and for all of its paths. */
const SECURE = '__Host-unstuck';

/** Reads the secret of a session; over TLS only from the cookie that nobody else can have set. */
export function readCookie(request: Request, https: boolean): string | undefined {
  const name = https ? SECURE : PLAIN;
  const pairs = (request.headers.get('cookie') ?? '').split(';').map((pair) => pair.trim());
  return pairs.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1);
}

/** Writes the cookie for as many seconds; 0 removes it. */
export function writeCookie(secret: string, https: boolean, seconds: number): string {
  const name = https ? SECURE : PLAIN;
  const secure = https ? '; Secure' : '';
  return `${name}=${secret}; Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Lax${secure}`;
}
