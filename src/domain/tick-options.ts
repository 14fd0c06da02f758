/** The options of ticks: how an outside scheduler proves who it is. */
import { unstuckError } from './errors.ts';
import { type Option, parseOption } from './parse-option.ts';
import { isLoopback } from './serve-options.ts';

/** The table of options of ticks, with the names that their environment variables have. */
export const TICK_OPTIONS = {
  secret: {
    kind: 'text',
    default: '',
    pattern: '^$|^[\\x21-\\x7e]{16,500}$',
    secret: true,
    variable: 'UNSTUCK_TICK_SECRET',
    about: 'The secret that a scheduler sends in the header `x-unstuck-tick`.',
  },
  'oidc.issuer': {
    kind: 'text',
    default: '',
    pattern: '^$|^[\\x21-\\x7e]{1,500}$',
    variable: 'UNSTUCK_OIDC_ISSUER',
    about: 'Who signs the identity tokens of the scheduler, such as `https://accounts.google.com`.',
  },
  'oidc.audience': {
    kind: 'text',
    default: '',
    pattern: '^$|^[\\x21-\\x7e]{1,500}$',
    variable: 'UNSTUCK_OIDC_AUDIENCE',
    about: 'For whom they must be, exactly: most clouds say the whole address that they call.',
  },
  'oidc.serviceAccount': {
    kind: 'text',
    default: '',
    pattern: '^$|^[\\x21-\\x7e]{1,500}$',
    variable: 'UNSTUCK_OIDC_SERVICE_ACCOUNT',
    about: 'The address of the only account that may tick; it must be verified.',
  },
  'oidc.jwksUrl': {
    kind: 'text',
    default: '',
    pattern: '^$|^[\\x21-\\x7e]{1,500}$',
    variable: 'UNSTUCK_OIDC_JWKS_URL',
    about: 'Where the public keys of the issuer are: https, or this machine.',
  },
} as const;
// Checked here and not in the declaration, whose literal types must be readable without inference.
TICK_OPTIONS satisfies Record<string, Option>;

/** Which identity tokens of a cloud are believed. All four are needed. */
export interface OidcOptions {
  /** Must be the `iss` of the token. */
  readonly issuer: string;
  /** Must be the `aud` of the token, exactly. */
  readonly audience: string;
  /** Must be the `email` of the token, and `email_verified` must be true. */
  readonly serviceAccount: string;
  /** Where the public keys are read, https or on this machine; what a token says about it is not followed. */
  readonly jwksUrl: string;
}

/** How an outside scheduler proves who it is, beside a token of the scope `tick`. */
export interface TickOptions {
  /** The value of the header `x-unstuck-tick`, of 16 to 500 visible characters. Default UNSTUCK_TICK_SECRET, then none. */
  readonly secret?: string | undefined;
  /** Default UNSTUCK_OIDC_ISSUER, …_AUDIENCE, …_SERVICE_ACCOUNT and …_JWKS_URL, then none. */
  readonly oidc?: OidcOptions | undefined;
}

/** Parses options over environment over none. Throws OPTION_INVALID. */
export function parseTickOptions(
  given: TickOptions = {},
  environment: Readonly<Record<string, string | undefined>> = {},
): TickOptions {
  const read = (name: keyof typeof TICK_OPTIONS, value: string | undefined): string =>
    parseOption(name, TICK_OPTIONS[name], value, environment) as string;
  const secret = read('secret', given.secret);
  const oidc = {
    issuer: read('oidc.issuer', given.oidc?.issuer),
    audience: read('oidc.audience', given.oidc?.audience),
    serviceAccount: read('oidc.serviceAccount', given.oidc?.serviceAccount),
    jwksUrl: read('oidc.jwksUrl', given.oidc?.jwksUrl),
  };
  const some = Object.values(oidc).some((value) => value !== '');
  if (some || given.oidc !== undefined) checkOidc(oidc);
  return {
    ...(secret === '' ? {} : { secret }),
    ...(some ? { oidc } : {}),
  };
}

function checkOidc(oidc: OidcOptions): void {
  for (const [name, value] of Object.entries(oidc))
    if (value === '')
      throw invalid(
        name,
        'to be given with the other three of oidc, got none: nobody could be recognised',
      );
  const url = URL.canParse(oidc.jwksUrl) ? new URL(oidc.jwksUrl) : undefined;
  const safe =
    url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(url.hostname));
  if (!safe) throw invalid('jwksUrl', 'to be an https address, or one of this machine');
}

function invalid(name: string, wanted: string): Error {
  return unstuckError('OPTION_INVALID', `Expected oidc.${name} ${wanted}.`, {
    detail: { option: `oidc.${name}` },
  });
}
