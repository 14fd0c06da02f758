/** Patience: tries again what a moment without the database, or a clash with another session, has ended. */
import { unstuckError } from '../domain/errors.ts';
import { monotonicMs, sleep } from '../std/timer.ts';
import { isTransient } from './postgres-errors.ts';

const RETRY_FOR_MS = 15_000;

/** Tries `work`, which must bear repeating, for 15 s. Throws DATABASE_UNREACHABLE, saying `what` was not answered, and what does not pass. */
export async function patiently<T>(what: string, work: () => Promise<T>): Promise<T> {
  const until = monotonicMs() + RETRY_FOR_MS;
  for (let failures = 0; ; failures += 1) {
    try {
      return await work();
    } catch (error) {
      if (!isTransient(error)) throw error;
      if (monotonicMs() > until)
        throw unstuckError(
          'DATABASE_UNREACHABLE',
          `${what} was not answered within ${RETRY_FOR_MS / 1_000} s: ${(error as Error).message}. What was done until then stays done.`,
          { cause: error },
        );
      await sleep(Math.min(1_000, 20 * 2 ** failures));
    }
  }
}
