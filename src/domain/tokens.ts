/** Tokens: the form in which they are shown once, what of them is kept, and what may be said of a new one. */
import { createHash } from 'node:crypto';
import { type Duration, parseDuration } from '../std/duration.ts';
import { shown } from '../std/shown.ts';
import { unstuckError } from './errors.ts';
import { refuseUnknown } from './known-options.ts';
import { SCOPES, type Scope } from './scopes.ts';

/** What a new token is called, what its holder may do, and how long it lasts. */
export interface TokenSettings {
  /** 1 to 100 characters: what people see it as, and what is written as `by` for whatever is done with it. */
  readonly name: string;
  /** At least one. */
  readonly scopes: readonly Scope[];
  /** From one minute to 3650 days; default: until it is revoked. */
  readonly expires?: Duration | undefined;
}

/** The parsed form. */
export interface ParsedTokenSettings {
  readonly name: string;
  readonly scopes: readonly Scope[];
  /** Null for a token without an end. */
  readonly expiresMs: number | null;
}

/** A token as its text says it: what to look it up by, and what to compare. */
export interface TokenParts {
  readonly id: string;
  /** SHA-256 of the whole text: all that is kept of it. Its secret has 256 random bits, so a slow hash would add nothing. */
  readonly digest: Buffer;
}

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const ID_LENGTH = 10;
const SECRET_LENGTH = 43;
const SUM_LENGTH = 6;
/** Finds tokens in any text, as scanners for secrets do. */
const ANYWHERE = /unstuck_[0-9A-Za-z]{10}_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}/g;
const FORM = new RegExp(`^${ANYWHERE.source}$`);
const NAME_MAX = 100;
const EXPIRES_MIN_MS = 60_000;
const EXPIRES_MAX_MS = 3_650 * 86_400_000;

/** Makes the text of a new token from 8 random bytes for its id and 32 for its secret. */
export function makeToken(idBytes: Uint8Array, secretBytes: Uint8Array): string {
  const head = `unstuck_${toBase62(idBytes, ID_LENGTH)}_${makeSecret(secretBytes)}`;
  return `${head}_${sumOf(head)}`;
}

/** Writes 32 random bytes as 43 letters and digits. */
export function makeSecret(bytes: Uint8Array): string {
  return toBase62(bytes, SECRET_LENGTH);
}

/** Reads the text of a token; undefined when it is none, or its checksum shows that a character was changed or lost. */
export function readToken(text: string): TokenParts | undefined {
  if (!FORM.test(text)) return undefined;
  const head = text.slice(0, -SUM_LENGTH - 1);
  if (sumOf(head) !== text.slice(-SUM_LENGTH)) return undefined;
  return { id: text.split('_')[1] as string, digest: digestOf(text) };
}

/** SHA-256 of a secret text. */
export function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** A text in which every token is replaced by dots: for paths and messages that go into answers and logs. */
export function withoutTokens(text: string): string {
  return text.replaceAll(ANYWHERE, 'unstuck_…');
}

/** Checks what is said of a new token. Throws TOKEN_OPTIONS_INVALID or OPTION_UNKNOWN. */
export function parseTokenSettings(given: TokenSettings): ParsedTokenSettings {
  refuseUnknown(given, ['name', 'scopes', 'expires'], 'a token');
  const { name, scopes, expires } = given ?? {};
  if (!isName(name))
    throw invalid('name', `a text of 1 to ${NAME_MAX} characters without control characters`, name);
  if (!areScopes(scopes))
    throw invalid('scopes', `a list of at least one of ${SCOPES.join(', ')}`, scopes);
  return { name, scopes: SCOPES.filter((one) => scopes.includes(one)), expiresMs: lasts(expires) };
}

function lasts(expires: Duration | undefined): number | null {
  if (expires === undefined) return null;
  const ms = parseDuration(expires);
  if (ms !== undefined && ms >= EXPIRES_MIN_MS && ms <= EXPIRES_MAX_MS) return ms;
  throw invalid('expires', "a duration from 1m to 3650d such as '90d'", expires);
}

function isName(name: unknown): name is string {
  return (
    typeof name === 'string' &&
    name.length >= 1 &&
    name.length <= NAME_MAX &&
    name.isWellFormed() &&
    !/\p{Cc}/u.test(name)
  );
}

function areScopes(scopes: unknown): scopes is Scope[] {
  return Array.isArray(scopes) && scopes.length > 0 && scopes.every((one) => SCOPES.includes(one));
}

function invalid(option: string, expected: string, got: unknown): Error {
  return unstuckError(
    'TOKEN_OPTIONS_INVALID',
    `Expected ${option} of a token to be ${expected}, got ${shown(got)}. No token was made.`,
    { detail: { option } },
  );
}

/** Six characters by which a mistyped token is known without asking the database; they say nothing that the token does not. */
function sumOf(head: string): string {
  return toBase62(digestOf(`checksum:${head}`).subarray(0, 8), SUM_LENGTH);
}

/** The last `length` digits of the number that the bytes are. */
function toBase62(bytes: Uint8Array, length: number): string {
  let rest = BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
  let text = '';
  for (let digit = 0; digit < length; digit += 1) {
    text = ALPHABET.charAt(Number(rest % 62n)) + text;
    rest /= 62n;
  }
  return text;
}
