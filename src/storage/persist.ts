/** Persist: tries again what a lost connection or a lock kept from being answered. */
import { monotonicMs, sleep } from '../std/timer.ts';
import { isTransient } from './postgres-errors.ts';

/** Calls `work` until it is answered, for at most `forMs`; then, and for an error that would come again, throws the error. Only for what may be done twice. */
export async function persist<T>(work: () => Promise<T>, forMs: number): Promise<T> {
  const until = monotonicMs() + forMs;
  for (let failures = 0; ; failures += 1) {
    try {
      return await work();
    } catch (error) {
      if (!isTransient(error) || monotonicMs() > until) throw error;
      await sleep(Math.min(1_000, 20 * 2 ** failures));
    }
  }
}
