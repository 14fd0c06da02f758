/** Answers: what an answer over HTTP says about a message that an API was given. */

import type { Sent } from '../../domain/delivery.ts';
import { cutText } from '../../domain/payload.ts';
import type { HttpAnswer, HttpCall } from '../../std/http-call.ts';
import { readRetryAfter } from '../../std/retry-after.ts';

/** How long one call of an API may take, and how much of its answer is read. */
export const API_CALL: Pick<HttpCall, 'connectMs' | 'totalMs' | 'bytesMax'> = {
  connectMs: 5_000,
  totalMs: 15_000,
  bytesMax: 100_000,
};

/** An alert that is told later is no news: an API that wants to be left alone for longer is asked nevertheless. */
const AFTER_MAX_MS = 3_600_000;

/** What the API of a channel is called in messages. */
interface Asked {
  readonly api: string;
  /** What is kept of an answer that accepts; the status where none is given. */
  readonly note?: (body: string) => string | undefined;
}

/**
 * What became of a message by the answer of an API: accepted with 2xx; tried again when it could not be reached, was busy or broken; given up when it says
 * that the call itself is wrong, which a repeat would not mend.
 */
export function sentBy(answer: HttpAnswer, { api, note }: Asked): Sent {
  if (answer.kind === 'failed') {
    const again = answer.phase !== 'refused';
    return { kind: 'failed', again, code: answer.code, message: `${api}: ${answer.message}` };
  }
  const { status, headers, body } = answer;
  if (status >= 200 && status < 300)
    return { kind: 'accepted', note: note?.(body) ?? `${api} answered ${status}` };
  const again = status >= 500 || [408, 425, 429].includes(status);
  const message = `${api} answered ${status}: ${cutText(body.trim(), 300)}`;
  const failed = { kind: 'failed' as const, again, code: 'RECEIVER_REFUSED', message };
  const afterMs = readRetryAfter(headers['retry-after'], Date.now());
  return afterMs === undefined ? failed : { ...failed, afterMs: Math.min(AFTER_MAX_MS, afterMs) };
}
