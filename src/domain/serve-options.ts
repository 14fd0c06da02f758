/** The options of serving HTTP: where, and who may use it. */

import type { Duration } from '../std/duration.ts';
import { unstuckError } from './errors.ts';
import { parseOption } from './parse-option.ts';

/** The table of options of `serve` and `unstuck start`; the environment variable of `host` is `UNSTUCK_HOST`, and so on. */
export const SERVE_OPTIONS = {
  host: {
    kind: 'text',
    default: '127.0.0.1',
    pattern: '^[0-9A-Za-z.:-]{1,253}$',
    about: 'The address that is served; any other than loopback needs a token.',
  },
  port: {
    kind: 'number',
    default: 8790,
    min: 0,
    max: 65_535,
    unit: 'TCP port, 0 for any free one',
    about: 'The port that is served; when the default is taken, a free one.',
  },
  token: {
    kind: 'text',
    default: '',
    pattern: '^$|^[\\x21-\\x7e]{16,500}$',
    secret: true,
    about:
      'The bearer token that /v1 demands, of 16 characters or more; none on loopback only, and not in production (NODE_ENV).',
  },
  origins: {
    kind: 'text',
    default: '',
    pattern: '^$|^https?://[^\\s,/]+(?:,https?://[^\\s,/]+)*$',
    about:
      'Other origins whose pages may send requests, such as `https://ops.example`, separated by commas; in code a list.',
  },
  trustProxy: {
    kind: 'switch',
    default: false,
    about:
      'Whether a proxy stands in front whose X-Forwarded-For, -Proto and -Host are believed: their last values, which it has set.',
  },
  requestsPerSecond: {
    kind: 'number',
    default: 20_000,
    min: 1,
    max: 1_000_000,
    unit: 'requests of one name',
    about:
      'How many requests a second one token, or whoever else is known, may make; twice as many at once.',
  },
  longRequests: {
    kind: 'number',
    default: 500,
    min: 2,
    max: 100_000,
    unit: 'requests',
    about: 'How many long polls and streams may be open at once; one name may have half of them.',
  },
  headerTimeout: {
    kind: 'duration',
    default: '10s',
    min: '100ms',
    max: '10m',
    about: 'How long the headers of a request may take to arrive.',
  },
  requestTimeout: {
    kind: 'duration',
    default: '30s',
    min: '100ms',
    max: '10m',
    about:
      'How long a whole request may take to arrive, and its answer to be made, but for long polls and streams.',
  },
} as const;

/** What guards a handler, whoever may use it. */
export interface GuardOptions {
  /** Other origins whose pages may send requests, such as `https://ops.example`. Default: none. */
  readonly origins?: readonly string[] | undefined;
  /** Whether the last values of X-Forwarded-For, -Proto and -Host are believed. Default false. */
  readonly trustProxy?: boolean | undefined;
  /** Requests a second of one name, 1 to 1,000,000; twice as many at once. Default 20,000. */
  readonly requestsPerSecond?: number | undefined;
  /** Long polls and streams at once, 2 to 100,000. Default 500. */
  readonly longRequests?: number | undefined;
  /** How long a body may take to arrive, and then an answer to be made. Default `'30s'`. */
  readonly requestTimeout?: Duration | undefined;
}

/** The parsed form. */
export interface Guards {
  readonly origins: readonly string[];
  readonly trustProxy: boolean;
  readonly requestsPerSecond: number;
  readonly longRequests: number;
  /** Milliseconds. */
  readonly requestTimeout: number;
}

/** Where to serve, and who may use it. */
export interface ServeOptions extends GuardOptions {
  /** Default UNSTUCK_HOST, then 127.0.0.1. */
  readonly host?: string | undefined;
  /** Default UNSTUCK_PORT, then 8790. */
  readonly port?: number | undefined;
  /** Default UNSTUCK_TOKEN, then none. */
  readonly token?: string | undefined;
  /** How long the headers of a request may take to arrive. Default UNSTUCK_HEADER_TIMEOUT, then `'10s'`. */
  readonly headerTimeout?: Duration | undefined;
}

/** The parsed form. */
export interface ServeConfig extends Guards {
  readonly host: string;
  readonly port: number;
  /** Whether somebody chose the port: then another one will not do. */
  readonly portChosen: boolean;
  readonly token: string | undefined;
  /** Milliseconds. */
  readonly headerTimeout: number;
}

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|::1|\[::1\])$/i;

/** Whether a host name or address means this machine only. */
export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host);
}

/** Parses options over environment over defaults; `recognises`: the application knows its callers itself. Throws OPTION_INVALID, also for an open address without a token. */
export function parseServeOptions(
  given: ServeOptions,
  environment: Readonly<Record<string, string | undefined>>,
  recognises = false,
): ServeConfig {
  const host = parseOption('host', SERVE_OPTIONS.host, given.host, environment) as string;
  const port = parseOption('port', SERVE_OPTIONS.port, given.port, environment) as number;
  const token = parseOption('token', SERVE_OPTIONS.token, given.token, environment) as string;
  if (!isLoopback(host) && token === '' && !recognises) {
    throw unstuckError(
      'OPTION_INVALID',
      `Expected a token before ${host} is served: anybody who reaches it could run jobs. Set UNSTUCK_TOKEN to 16 characters or more, or serve 127.0.0.1.`,
      { detail: { option: 'token' } },
    );
  }
  const portChosen = given.port !== undefined || (environment['UNSTUCK_PORT'] ?? '') !== '';
  const headerTimeout = parseOption(
    'headerTimeout',
    SERVE_OPTIONS.headerTimeout,
    given.headerTimeout,
    environment,
  ) as number;
  return {
    host,
    port,
    portChosen,
    token: token === '' ? undefined : token,
    headerTimeout,
    ...parseGuards(given, environment),
  };
}

/** Parses what guards a handler. Throws OPTION_INVALID. */
export function parseGuards(
  given: GuardOptions,
  environment: Readonly<Record<string, string | undefined>>,
): Guards {
  const parse = (name: Exclude<keyof GuardOptions, 'origins'>): unknown =>
    parseOption(name, SERVE_OPTIONS[name], given[name], environment);
  const text = given.origins?.join(',');
  const origins = parseOption('origins', SERVE_OPTIONS.origins, text, environment) as string;
  return {
    origins: origins === '' ? [] : origins.toLowerCase().split(','),
    trustProxy: parse('trustProxy') as boolean,
    requestsPerSecond: parse('requestsPerSecond') as number,
    longRequests: parse('longRequests') as number,
    requestTimeout: parse('requestTimeout') as number,
  };
}
