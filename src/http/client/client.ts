/** Client: the API of an Unstuck server as methods. Uses nothing but `fetch`, so that a web page can bundle it. */
import { RemoteError, unstuckError } from '../../domain/errors.ts';
import { sleep } from '../../std/timer.ts';
import { readAnswer, unreachable } from './answer.ts';
import type { CallOptions, OperationPlace } from './call.ts';
import type { Operations } from './generated/operations.ts';
import { TABLE } from './generated/table.ts';
import { type Fields, toRequest } from './request.ts';

/** The operations of a server as methods, and where it is. */
export interface Client extends Operations {
  /** The address with its prefix, without a slash at its end. */
  readonly url: string;
}

/** A bearer token, or what gives it for each call; undefined for none, where the server asks for none or knows a cookie. */
export type ClientToken =
  | string
  | (() => string | undefined | Promise<string | undefined>)
  | undefined;

/** How a client calls; everything is optional. */
export interface ClientOptions {
  /** What sends requests. Default: the global `fetch`. A handler in the same process does as well. */
  readonly fetch?: ((url: string, init: RequestInit) => Promise<Response>) | undefined;
}

const TIMEOUT_MS = 30_000;
const LONG_TIMEOUT_MS = 60_000;
const TRIES = 4;
const PAUSE_MS = 100;
/** Statuses of a server, or of a proxy before it, that will answer in a moment. */
const BUSY: readonly number[] = [429, 502, 503, 504];
const PAUSE_MAX_MS = 10_000;

/**
 * Makes a client of the server at `url`, which may have a path before `/v1`. Calls that only read, PUTs and enqueues are tried up to 4 times
 * when the connection is lost or the server is busy (429, 502 to 504), at the pace of its `Retry-After`, at most 10 s each; an enqueue carries one
 * `Idempotency-Key` through all tries. Throws OPTION_INVALID for a url or a token that is none.
 */
export function createClient(
  url: string,
  token?: ClientToken,
  options: ClientOptions = {},
): Client {
  const base = checkUrl(url);
  if (typeof token === 'string') checkToken(token);
  const send = options.fetch ?? ((to, init) => fetch(to, init));
  const call = (name: string, place: OperationPlace) => (fields: Fields, how: CallOptions) =>
    callPatiently({ name, place, base, token, send }, fields, how);
  const operations = Object.fromEntries(
    Object.entries(TABLE).map(([name, place]) => [
      name,
      (fields: Fields = {}, how: CallOptions = {}) => call(name, place)(fields, how),
    ]),
  );
  return { ...(operations as unknown as Operations), url: base };
}

/** One operation of one client. */
interface Target {
  readonly name: string;
  readonly place: OperationPlace;
  readonly base: string;
  readonly token: ClientToken;
  readonly send: (url: string, init: RequestInit) => Promise<Response>;
}

async function callPatiently(target: Target, fields: Fields, how: CallOptions): Promise<unknown> {
  const { place } = target;
  const key = place.keyed === true ? (how.idempotencyKey ?? newKey()) : how.idempotencyKey;
  const { url, init } = toRequest(target, fields, key);
  const repeatable = place.method === 'GET' || place.method === 'PUT' || place.keyed === true;
  for (let tried = 1; ; tried += 1) {
    how.signal?.throwIfAborted();
    const last = !repeatable || tried === TRIES;
    const answer = await sendOnce(target, url, init, how).catch((error: unknown) => {
      if (last || !(error instanceof RemoteError)) throw error;
      return undefined;
    });
    if (answer !== undefined && (last || !mayPass(answer))) return readAnswer(answer, url);
    const pauseMs = PAUSE_MS * 3 ** (tried - 1) * (0.5 + Math.random());
    await sleep((answer && retryAfterMs(answer)) ?? pauseMs, how.signal);
  }
}

/** A server that is busy; or that serves the try before, whose connection was lost (409 with a `Retry-After`). */
function mayPass({ status, headers }: Response): boolean {
  return BUSY.includes(status) || (status === 409 && headers.has('retry-after'));
}

async function sendOnce(
  { place, token, send }: Target,
  url: string,
  init: RequestInit,
  { signal, timeoutMs = place.long === true ? LONG_TIMEOUT_MS : TIMEOUT_MS }: CallOptions,
): Promise<Response> {
  const bearer = typeof token === 'function' ? await token() : token;
  const headers = new Headers(init.headers);
  if (bearer !== undefined) headers.set('authorization', `Bearer ${checkToken(bearer)}`);
  const timeout = AbortSignal.timeout(timeoutMs);
  const ends = signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
  try {
    // A redirect could take the token elsewhere, and would turn a POST into a GET.
    const answer = await send(url, { ...init, headers, signal: ends, redirect: 'error' });
    // The whole body belongs to the try: a connection that is lost in it is lost too.
    const body = answer.status === 204 ? null : await answer.arrayBuffer();
    return new Response(body, { status: answer.status, headers: answer.headers });
  } catch (cause) {
    signal?.throwIfAborted();
    throw unreachable(url, timeout.aborted ? `no answer within ${timeoutMs} ms` : cause);
  }
}

function retryAfterMs(answer: Response): number | undefined {
  const seconds = Number(answer.headers.get('retry-after') ?? Number.NaN);
  return Number.isNaN(seconds) ? undefined : Math.min(PAUSE_MAX_MS, Math.max(0, seconds * 1_000));
}

/** `crypto.randomUUID` is missing in pages that came over plain HTTP. */
function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** A name and a password in the address would end up in messages. */
function checkUrl(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const good = parsed !== undefined && /^https?:$/.test(parsed.protocol) && parsed.host !== '';
  if (good && `${parsed.username}${parsed.password}${parsed.search}${parsed.hash}` === '')
    return `${parsed.origin}${parsed.pathname.replace(/\/+$/, '')}`;
  throw unstuckError(
    'OPTION_INVALID',
    'Expected the url of a server such as https://jobs.example.com/admin/queue, without a password or a query, got something else.',
    { detail: { option: 'url' } },
  );
}

/** What is not allowed in a header would come back in the message of the platform. */
function checkToken(token: string): string {
  if (typeof token === 'string' && /^[\x21-\x7e]{1,500}$/.test(token)) return token;
  throw unstuckError(
    'OPTION_INVALID',
    'Expected the token to be 1 to 500 visible ASCII characters, got something else.',
    { detail: { option: 'token' } },
  );
}
