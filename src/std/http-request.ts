/** What of a request can be sent: its address and its headers, judged before anything of it leaves. */
import { late } from './late.ts';

/** What a call decides itself: with them, a header could cut the request in two for the next one on the connection. */
const OWN_HEADERS: ReadonlySet<string> = new Set([
  'accept-encoding',
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Reads an address; undefined when it is not an `http:` or `https:` URL, or has a user or a password in it, which would end up in logs. */
export function readUrl(text: string): URL | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  const isHttp = url.protocol === 'http:' || url.protocol === 'https:';
  return isHttp && url.username === '' && url.password === '' ? url : undefined;
}

/** Says what is wrong with the first header that cannot be sent, without what somebody wrote there, which may be a secret. */
export function unfitHeader(headers: Readonly<Record<string, string>> = {}): string | undefined {
  for (const [name, value] of Object.entries(headers)) {
    if (OWN_HEADERS.has(name.toLowerCase()))
      return `${name.toLowerCase()} is decided by the call itself`;
    if (!passes(() => late.http.validateHeaderName(name)))
      return 'its name has characters that HTTP does not allow';
    if (!passes(() => late.http.validateHeaderValue(name, value)))
      return 'its value has characters that HTTP does not allow';
  }
  return undefined;
}

function passes(check: () => void): boolean {
  try {
    check();
    return true;
  } catch {
    return false;
  }
}

/** Writes what a message may tell of an address. */
export function hostAndPort(url: URL): string {
  const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port;
  return `${url.hostname}:${port}`;
}
