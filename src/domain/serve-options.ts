/** The options of serving HTTP: where, and who may use it. */
import { unstuckError } from './errors.ts';
import { parseOption } from './options.ts';

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
    about: 'The bearer token that /v1 demands, of 16 characters or more; none on loopback only.',
  },
} as const;

/** Where to serve, and who may use it. */
export interface ServeOptions {
  /** Default UNSTUCK_HOST, then 127.0.0.1. */
  readonly host?: string | undefined;
  /** Default UNSTUCK_PORT, then 8790. */
  readonly port?: number | undefined;
  /** Default UNSTUCK_TOKEN, then none. */
  readonly token?: string | undefined;
}

/** The parsed form. */
export interface ServeConfig {
  readonly host: string;
  readonly port: number;
  /** Whether somebody chose the port: then another one will not do. */
  readonly portChosen: boolean;
  readonly token: string | undefined;
}

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|::1|\[::1\])$/i;

/** Whether a host name or address means this machine only. */
export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host);
}

/** Parses options over environment over defaults. Throws OPTION_INVALID, also for an open address without a token. */
export function parseServeOptions(
  given: ServeOptions,
  environment: Readonly<Record<string, string | undefined>>,
): ServeConfig {
  const host = parseOption('host', SERVE_OPTIONS.host, given.host, environment) as string;
  const port = parseOption('port', SERVE_OPTIONS.port, given.port, environment) as number;
  const token = parseOption('token', SERVE_OPTIONS.token, given.token, environment) as string;
  if (!isLoopback(host) && token === '') {
    throw unstuckError(
      'OPTION_INVALID',
      `Expected a token before ${host} is served: anybody who reaches it could run jobs. Set UNSTUCK_TOKEN to 16 characters or more, or serve 127.0.0.1.`,
      { detail: { option: 'token' } },
    );
  }
  const portChosen = given.port !== undefined || (environment['UNSTUCK_PORT'] ?? '') !== '';
  return { host, port, portChosen, token: token === '' ? undefined : token };
}
