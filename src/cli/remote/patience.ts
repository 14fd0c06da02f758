/** Patience: looks again and again until something is so, through times in which no server answers. */
import { RemoteError, unstuckError } from '../../domain/errors.ts';
import type { WaitOptions } from '../../engine/waiter.ts';
import { parseDuration } from '../../std/duration.ts';
import { monotonicMs, sleep } from '../../std/timer.ts';

const PAUSE_FIRST_MS = 100;
const PAUSE_MAX_MS = 1_000;

/**
 * Resolves with what `look` finds. Throws WAIT_TIMEOUT with the text of `late` when it has found nothing in time, TIME_INVALID, the signal's reason,
 * and what `look` throws unless it is that no server answers.
 */
export async function lookUntil<T>(
  look: () => Promise<T | undefined>,
  late: () => string,
  { timeout, signal }: WaitOptions,
): Promise<T> {
  const timeoutMs = timeout === undefined ? Number.POSITIVE_INFINITY : parseDuration(timeout);
  if (timeoutMs === undefined)
    throw unstuckError(
      'TIME_INVALID',
      `Expected timeout to be a duration such as '30s', got ${String(timeout)}.`,
    );
  const until = monotonicMs() + timeoutMs;
  for (let pauseMs = PAUSE_FIRST_MS; ; pauseMs = Math.min(PAUSE_MAX_MS, pauseMs * 1.5)) {
    signal?.throwIfAborted();
    const found = await look().catch((error: unknown) => {
      if (!mayPass(error)) throw error;
      return undefined;
    });
    if (found !== undefined) return found;
    const leftMs = until - monotonicMs();
    if (leftMs <= 0) throw unstuckError('WAIT_TIMEOUT', late());
    await sleep(Math.min(pauseMs, leftMs), signal);
  }
}

function mayPass(error: unknown): boolean {
  return error instanceof RemoteError && [429, 502, 503, 504].includes(error.status);
}
