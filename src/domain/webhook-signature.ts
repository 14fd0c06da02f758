/** Signatures of what is sent out, by Standard Webhooks 1.0.0: who gets it can tell that it is ours, whole, and not an old one again. */
import { Webhook } from 'standardwebhooks';
import { unstuckError } from './errors.ts';

/** The headers that a signed request bears. */
export interface WebhookHeaders {
  readonly 'webhook-id': string;
  /** Seconds since 1970. */
  readonly 'webhook-timestamp': string;
  /** One `v1,…` for each secret, with spaces between. */
  readonly 'webhook-signature': string;
}

const PREFIX = 'whsec_';
const BYTES_MIN = 24;
const BYTES_MAX = 64;

/**
 * Signs one sending of a body. `id` stays the same when it is sent again, `at` is when it is sent. Several secrets (at least one, checked before) sign all,
 * so that a receiver who knows the old or the new one accepts it while they are changed.
 */
export function signWebhook(
  secrets: readonly string[],
  id: string,
  at: Date,
  body: string,
): WebhookHeaders {
  if (secrets.length === 0) throw new RangeError('Expected a secret to sign with, got none.');
  return {
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
    'webhook-signature': secrets.map((secret) => new Webhook(secret).sign(id, at, body)).join(' '),
  };
}

/** Returns the secret, without blanks around it. Throws OPTION_INVALID, which names where it was given and never what. */
export function checkWebhookSecret(value: unknown, where: string): string {
  const secret = typeof value === 'string' ? value.trim() : '';
  const bytes = secret.startsWith(PREFIX) ? bytesOf(secret.slice(PREFIX.length)) : undefined;
  if (bytes !== undefined && bytes >= BYTES_MIN && bytes <= BYTES_MAX) return secret;
  throw unstuckError(
    'OPTION_INVALID',
    `Expected ${where} to be ${PREFIX} and ${BYTES_MIN} to ${BYTES_MAX} bytes in base64, got ${described(secret, bytes)}; make one with: echo ${PREFIX}$(openssl rand -base64 32)`,
    { detail: { option: where } },
  );
}

/** Writes 24 to 64 random bytes as a secret. */
export function makeWebhookSecret(bytes: Uint8Array): string {
  return checkWebhookSecret(`${PREFIX}${Buffer.from(bytes).toString('base64')}`, 'the new secret');
}

/** How many bytes a text in base64 stands for; undefined when it is none. Node's own reading skips what it does not know, so the way back must lead to the same text. */
function bytesOf(text: string): number | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes.length : undefined;
}

function described(secret: string, bytes: number | undefined): string {
  if (secret === '') return 'no text';
  if (!secret.startsWith(PREFIX)) return `a text without ${PREFIX}`;
  return bytes === undefined ? 'something that is not base64' : `${bytes} bytes`;
}
