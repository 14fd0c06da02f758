/** Calls over HTTP to addresses that users give: checked, bounded in time and size, and told as values. */
import { X509Certificate } from 'node:crypto';
import type { Agent, AgentOptions, ClientRequest, IncomingMessage } from 'node:http';
import { isIP, type Socket } from 'node:net';
import { AddressGuard, type FindAddresses, type PrivateAddresses } from './address-guard.ts';
import { type Deferred, deferred } from './deferred.ts';
import {
  failureCode,
  failureMessage,
  type HttpFailure,
  type HttpFailureCode,
  nodeCode,
  type Reach,
} from './http-failure.ts';
import { hostAndPort, readUrl, unfitHeader } from './http-request.ts';
import { late } from './late.ts';
import { after, monotonicMs, type Timer } from './timer.ts';

/** One request, and how much may be spent on it. */
export interface HttpCall {
  /** `http:` or `https:`, without user and password; what stands behind `#` is not sent. */
  readonly url: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'HEAD';
  /** Not those that belong to the connection, to the length of the body or to the coding of the answer: these are the call's own, and refused. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as UTF-8. */
  readonly body?: string;
  /** For name, TCP and TLS together; nothing is spent of it on a connection that is still open. */
  readonly connectMs: number;
  /** From the start to the last byte of the answer, however it drips. */
  readonly totalMs: number;
  /** Of the body of the answer; more is a failure. */
  readonly bytesMax: number;
  /** Gives the call up, at any time. */
  readonly signal?: AbortSignal | undefined;
}

/** What came back; a redirect, or an error that the server tells, is an answer too. */
export interface HttpAnswered {
  readonly kind: 'answer';
  readonly status: number;
  /** By names in lower case; what came several times is joined by `, `. */
  readonly headers: Readonly<Record<string, string>>;
  /** Read as UTF-8, with U+FFFD for what is none. */
  readonly body: string;
  /** From the start of the call to the last byte, on the monotonic clock. */
  readonly ms: number;
}

/** What came back, or how far the call got. */
export type HttpAnswer = HttpAnswered | HttpFailure;

/** Whom a caller may call, and whose certificates it trusts. */
export interface HttpCallerRule {
  readonly privateAddresses: PrivateAddresses;
  /** PEM of authorities that are trusted beside those that Node ships; in its place `NODE_EXTRA_CA_CERTS` is not read. */
  readonly ca?: string | undefined;
}

/** Below the 5 s after which most servers close a connection, so that it is seldom theirs that is taken again (N6). */
const IDLE_MS = 4_000;
const IDLE_SOCKETS_MAX = 16;
/** How long one address of several is tried before the next one. Node's own 250 ms give up a distant host whose other address leads nowhere. */
const ADDRESS_MS = 1_000;

/**
 * Makes calls, and keeps connections open between them for 4 s. It follows no redirect, repeats nothing, asks for no compression, and heeds no proxy of the
 * environment, behind which no address could be checked.
 */
export class HttpCaller {
  readonly #guard: AddressGuard;
  readonly #authorities: readonly string[];
  /** Made by the first calls: a process that makes none loads neither HTTP nor TLS. */
  #plain: Agent | undefined;
  #secure: Agent | undefined;

  /** `find` stands in for the resolver of the system. Throws when the rule or the certificates cannot be read. */
  constructor(rule: HttpCallerRule, find?: FindAddresses) {
    this.#guard = new AddressGuard(rule.privateAddresses, find);
    this.#authorities = rule.ca === undefined ? [] : certificates(rule.ca);
  }

  /** Makes one call. Never rejects but for a mistake of the program; ends within `totalMs`. */
  async call(call: HttpCall): Promise<HttpAnswer> {
    const url = readUrl(call.url);
    if (url === undefined) return refused('URL_INVALID');
    const unfit = unfitHeader(call.headers);
    if (unfit !== undefined) return refused('HEADER_INVALID', url, unfit);
    // Of a name the lookup decides; an address is never looked up. Its odd forms (`0x7f.1`, `2130706433`) the parser of URLs has made plain.
    const address = url.hostname.replace(/^\[(.*)\]$/, '$1');
    if (isIP(address) !== 0 && !this.#guard.admits(address)) return refused('ADDRESS_REFUSED', url);
    return new Exchange(call, url).run(this.#agent(url.protocol === 'https:'));
  }

  /** Closes the idle connections; calls on their way go on, and theirs close 4 s after them. */
  close(): void {
    for (const agent of [this.#plain, this.#secure])
      for (const sockets of Object.values(agent?.freeSockets ?? {}))
        for (const socket of sockets ?? []) socket.destroy();
  }

  #agent(isSecure: boolean): Agent {
    if (isSecure) {
      this.#secure ??= secureAgent(optionsOf(this.#guard), this.#authorities);
      return this.#secure;
    }
    this.#plain ??= new late.http.Agent(optionsOf(this.#guard));
    return this.#plain;
  }
}

function optionsOf({ lookup }: AddressGuard): AgentOptions {
  return {
    keepAlive: true,
    timeout: IDLE_MS,
    maxFreeSockets: IDLE_SOCKETS_MAX,
    lookup,
    autoSelectFamilyAttemptTimeout: ADDRESS_MS,
  };
}

function secureAgent(options: AgentOptions, authorities: readonly string[]): Agent {
  const { tls, https } = late;
  const ca = authorities.length === 0 ? {} : { ca: [...tls.rootCertificates, ...authorities] };
  return new https.Agent({ ...options, secureContext: tls.createSecureContext(ca) });
}

/** Checked here, as TLS passes over what it cannot read and then trusts nobody. */
function certificates(pem: string): readonly string[] {
  const found = pem.match(/-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----/g) ?? [];
  if (found.length === 0)
    throw new RangeError('Expected certificates of authorities in PEM, got none.');
  return found.map((text) => new X509Certificate(text).toString());
}

function refused(code: HttpFailureCode, url?: URL, detail?: string): HttpFailure {
  const message = failureMessage(code, url && hostAndPort(url), detail);
  return { kind: 'failed', phase: 'refused', code, message, reused: false, ms: 0 };
}

/** One call on its way: it ends once, by its answer, an error, a timer or the signal, whichever is first. */
class Exchange {
  readonly #call: HttpCall;
  readonly #url: URL;
  readonly #startedMs = monotonicMs();
  readonly #end: Deferred<HttpAnswer> = deferred();
  #request: ClientRequest | undefined;
  #timers: readonly Timer[] = [];
  #reach: Reach = 'nothing';
  #ended = false;

  constructor(call: HttpCall, url: URL) {
    this.#call = call;
    this.#url = url;
  }

  run(agent: Agent): Promise<HttpAnswer> {
    const { connectMs, totalMs, signal } = this.#call;
    if (signal?.aborted === true) this.#fail('ABORTED');
    else {
      signal?.addEventListener('abort', this.#onAbort, { once: true });
      this.#timers = [after(connectMs, this.#onConnectTime), after(totalMs, this.#onTotalTime)];
      this.#send(agent);
    }
    return this.#end.promise;
  }

  readonly #onAbort = (): void => this.#fail('ABORTED');

  readonly #onConnectTime = (): void => {
    if (this.#reach !== 'ready') this.#fail('CONNECT_TIMEOUT');
  };

  readonly #onTotalTime = (): void =>
    this.#fail(this.#reach === 'ready' ? 'ANSWER_TIMEOUT' : 'CONNECT_TIMEOUT');

  #send(agent: Agent): void {
    const { method, headers, body } = this.#call;
    const isSecure = this.#url.protocol === 'https:';
    const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
    const request = (isSecure ? late.https : late.http).request(this.#url, {
      agent,
      method,
      headers: { ...headers, ...length, 'accept-encoding': 'identity' },
      insecureHTTPParser: false,
    });
    this.#request = request;
    request.on('socket', (socket) => this.#follow(socket, isSecure));
    request.on('response', (response) => this.#read(response));
    request.on('upgrade', () => this.#fail('ANSWER_INVALID'));
    // It stays after the end: what is destroyed may tell an error yet.
    request.on('error', (error) => this.#failBy(error));
    request.end(body);
  }

  /** A connection that is taken again was made before. */
  #follow(socket: Socket, isSecure: boolean): void {
    if (this.#request?.reusedSocket === true) {
      this.#reach = 'ready';
      return;
    }
    socket.once('connect', () => (this.#reach = isSecure ? 'tcp' : 'ready'));
    if (isSecure) socket.once('secureConnect', () => (this.#reach = 'ready'));
  }

  #read(response: IncomingMessage): void {
    const { method, bytesMax } = this.#call;
    const declared = Number(response.headers['content-length'] ?? 0);
    if (method !== 'HEAD' && declared > bytesMax) {
      this.#fail('ANSWER_TOO_LARGE');
      return;
    }
    const chunks: Buffer[] = [];
    let bytes = 0;
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > bytesMax) this.#fail('ANSWER_TOO_LARGE');
      else chunks.push(chunk);
    });
    // An answer that is cut off ends in an error and never in its end.
    response.on('error', (error) => this.#failBy(error));
    response.on('end', () => this.#answer(response, Buffer.concat(chunks)));
  }

  #answer(response: IncomingMessage, body: Buffer): void {
    this.#finish({
      kind: 'answer',
      status: response.statusCode ?? 0,
      headers: joined(response.headers),
      body: new TextDecoder().decode(body),
      ms: this.#ms(),
    });
    // It was answered before it was read to its end, and no timer watches over the rest any more.
    if (this.#request?.writableFinished === false) this.#request.destroy();
  }

  #failBy(error: unknown): void {
    this.#fail(failureCode(error, this.#reach), nodeCode(error));
  }

  #fail(code: HttpFailureCode, detail?: string): void {
    const connected = this.#reach === 'ready' ? 'answer' : 'connect';
    this.#finish({
      kind: 'failed',
      phase: code === 'ADDRESS_REFUSED' ? 'refused' : connected,
      code,
      message: failureMessage(code, hostAndPort(this.#url), detail === code ? undefined : detail),
      reused: this.#request?.reusedSocket ?? false,
      ms: this.#ms(),
    });
    this.#request?.destroy();
  }

  #finish(answer: HttpAnswer): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const timer of this.#timers) timer.clear();
    this.#call.signal?.removeEventListener('abort', this.#onAbort);
    this.#end.resolve(answer);
  }

  #ms(): number {
    return Math.round(monotonicMs() - this.#startedMs);
  }
}

function joined(headers: IncomingMessage['headers']): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, Array.isArray(value) ? value.join(', ') : value]],
    ),
  );
}
