/** Webhook: sends messages as signed HTTP requests, by Standard Webhooks. */
import type { Message, Sent } from '../../domain/delivery.ts';
import { VERSION } from '../../domain/version.ts';
import { signWebhook } from '../../domain/webhook-signature.ts';
import type { HttpAnswered, HttpCaller } from '../../std/http-call.ts';
import { readRetryAfter } from '../../std/retry-after.ts';
import type { Sender } from '../senders.ts';

/** How long one call may take, in all and to connect, and how large its answer may be. */
const LIMITS = { connectMs: 5_000, totalMs: 20_000, bytesMax: 1_048_576 };
const ASKED_MAX_MS = 30 * 86_400_000;

/** Sends to one URL. Without secrets nothing is signed, and the receiver has only the id to know a repeat by. */
export function webhookTo(
  caller: HttpCaller,
  url: string,
  secrets: readonly string[],
  limits: Partial<typeof LIMITS> = {},
): Sender {
  return {
    send: async (message, signal) => {
      const body = bodyOf(message);
      const answer = await caller.call({
        url,
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'user-agent': `unstuck/${VERSION}`,
          'idempotency-key': message.id,
          ...signed(secrets, message.id, body),
        },
        body,
        ...LIMITS,
        ...limits,
        signal,
      });
      if (answer.kind === 'answer') return judged(answer, new URL(url).host);
      const { phase, code, message: why } = answer;
      // An address that may not be called, or is none, will not become another one.
      return { kind: 'failed', again: phase !== 'refused', code, message: why };
    },
  };
}

function bodyOf({ event, at, data }: Message): string {
  return JSON.stringify({ type: event, timestamp: at.toISOString(), data });
}

/** The receiver compares the time with its own clock, and so this is the clock of the process. */
function signed(secrets: readonly string[], id: string, body: string): Record<string, string> {
  const now = new Date();
  if (secrets.length > 0) return { ...signWebhook(secrets, id, now, body) };
  return { 'webhook-id': id, 'webhook-timestamp': String(Math.floor(now.getTime() / 1_000)) };
}

/** By Standard Webhooks only 2xx is accepted, and 410 wants nothing any more; a redirect is not followed. */
function judged({ status, headers }: HttpAnswered, host: string): Sent {
  if (status >= 200 && status < 300)
    return { kind: 'accepted', note: `${host} answered ${status}` };
  const followed = status >= 300 && status < 400 ? ': redirects are not followed' : '';
  const message = `${host} answered ${status}${followed}.`;
  if (status === 410) return { kind: 'failed', again: false, code: 'RECEIVER_GONE', message };
  const askedMs = readRetryAfter(headers['retry-after'], Date.now());
  return {
    kind: 'failed',
    again: true,
    code: 'RECEIVER_REFUSED',
    message,
    ...(askedMs === undefined ? {} : { afterMs: Math.min(askedMs, ASKED_MAX_MS) }),
  };
}
