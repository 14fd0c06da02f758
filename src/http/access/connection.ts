/** Connection: what the headers of a request say of the way it came, as far as they can be believed. */
import type { Socket } from 'node:net';
import { unstuckError } from '../../domain/errors.ts';
import { isLoopback } from '../../domain/serve-options.ts';
import type { Peer } from './principal.ts';

/**
 * What a socket says of its other end. One that was reset has forgotten its address, while what it sent is still read: then it is `unknown`, which is
 * no address of this machine. Only a Unix socket never has one.
 */
export function peerOf({
  remoteAddress,
  localAddress,
  destroyed,
}: Pick<Socket, 'remoteAddress' | 'localAddress' | 'destroyed'>): Peer {
  const gone = destroyed || localAddress !== undefined;
  return { address: remoteAddress ?? (gone ? 'unknown' : undefined) };
}

/** The host that the client asked for, in the form of a URL; empty when there is none. */
export function hostOf(request: Request, trustProxy: boolean): string {
  const own = request.headers.get('host') ?? new URL(request.url).host;
  const forwarded = trustProxy ? lastOf(request, 'x-forwarded-host') : undefined;
  const scheme = isHttps(request, trustProxy) ? 'https' : 'http';
  // In a URL the port of the scheme is left out, as it is in an Origin.
  return hostIn(`${scheme}://${forwarded ?? own}`) ?? '';
}

/** Whether the client speaks TLS: with this server, or with a proxy that is trusted. */
export function isHttps(request: Request, trustProxy: boolean): boolean {
  const forwarded = trustProxy ? lastOf(request, 'x-forwarded-proto') : undefined;
  return forwarded === undefined
    ? request.url.startsWith('https:')
    : forwarded.toLowerCase() === 'https';
}

/** By what a client is counted: its address, of IPv6 the network, which one customer has as a whole; undefined when it is not known. */
export function addressOf(request: Request, peer: Peer, trustProxy: boolean): string | undefined {
  const forwarded = trustProxy ? lastOf(request, 'x-forwarded-for') : undefined;
  const address = withoutPort(forwarded ?? peer.address)
    ?.replace(/^::ffff:/i, '')
    .slice(0, 60);
  return address?.includes(':') === true ? networkOf(address) : address;
}

/** Some proxies say the port too, which is another for each connection. */
function withoutPort(address: string | undefined): string | undefined {
  return address?.replace(/^\[(.*)\](?::\d+)?$/, '$1').replace(/^([^:]+):\d+$/, '$1');
}

/**
 * Throws HOST_REFUSED unless a request comes from this machine. The Host header must name it: a web page whose name was pointed at 127.0.0.1 (DNS
 * rebinding) sends its own name there. And no address that is known of the client may be another's: anybody can send a Host header.
 */
export function checkHere(request: Request, peer: Peer): void {
  const host = request.headers.get('host') ?? new URL(request.url).host;
  if (!isLoopback(host.replace(/:\d+$/, '')))
    throw refused(
      `the Host header to name this machine (localhost, 127.0.0.1), got ${JSON.stringify(host.slice(0, 80))}`,
    );
  if (request.headers.has('forwarded'))
    throw refused('a request from this machine, got one that a proxy has forwarded');
  const named = ['x-forwarded-for', 'x-forwarded-host', 'x-real-ip'].flatMap((name) =>
    listOf(request, name),
  );
  const foreign = [peer.address, ...named].find((one) => one !== undefined && !isHere(one));
  if (foreign !== undefined)
    throw refused(
      `a request from this machine, got one from or for ${JSON.stringify(foreign.slice(0, 80))}`,
    );
}

function isHere(name: string): boolean {
  return isLoopback(name.replace(/^::ffff:/i, '').replace(/^(\[.*\]|[^:]*):\d+$/, '$1'));
}

function refused(expected: string): Error {
  return unstuckError('HOST_REFUSED', `Expected ${expected}.`);
}

/** The nearest proxy adds at the end; what stands before it may be made up by the client. */
function lastOf(request: Request, header: string): string | undefined {
  return listOf(request, header).at(-1);
}

function listOf(request: Request, header: string): readonly string[] {
  const text = request.headers.get(header) ?? '';
  return text
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '');
}

/** The first four groups of an IPv6 address. */
function networkOf(address: string): string {
  const [head = '', tail] = address.split('::');
  const before = head.split(':').filter(Boolean);
  const after = (tail ?? '').split(':').filter(Boolean);
  const zeros =
    tail === undefined
      ? []
      : Array<string>(Math.max(0, 8 - before.length - after.length)).fill('0');
  return [...before, ...zeros, ...after].slice(0, 4).join(':');
}

/** The host of a URL, with its port where that is not the one of the scheme; undefined for what is no URL. */
export function hostIn(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).host : undefined;
}
