/** Timers that outlive Node's limit of 24.8 days (C7: `setTimeout(2 ** 31)` fires at once). */

/** The longest that one timer of Node may wait. */
export const LONGEST_MS = 2_000_000_000;

/** A timer that is pending until it fires or is cleared. */
export interface Timer {
  clear(): void;
}

/** Calls `callback` once after `ms` milliseconds of monotonic time, however many; never keeps the process alive. */
export function after(ms: number, callback: () => void): Timer {
  let handle: NodeJS.Timeout;
  const arm = (rest: number): void => {
    const step = Math.min(rest, LONGEST_MS);
    handle = setTimeout(() => (rest > step ? arm(rest - step) : callback()), step);
    handle.unref();
  };
  arm(Math.max(0, ms));
  return { clear: () => clearTimeout(handle) };
}

/** Resolves after `ms` milliseconds, or at once when the signal aborts; never rejects. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) return resolve();
    const handle = setTimeout(done, Math.min(Math.max(0, ms), LONGEST_MS));
    signal?.addEventListener('abort', done, { once: true });
    function done(): void {
      clearTimeout(handle);
      signal?.removeEventListener('abort', done);
      resolve();
    }
  });
}

/** Resolves to true when the promise settles within `ms` milliseconds, else to false. */
export async function settlesWithin(promise: Promise<unknown>, ms: number): Promise<boolean> {
  const stop = new AbortController();
  const late = sleep(ms, stop.signal).then(() => false);
  const settled = promise.then(
    () => true,
    () => true,
  );
  const result = await Promise.race([settled, late]);
  stop.abort();
  return result;
}

/** Milliseconds of the monotonic clock: for lengths of time, never for instants. */
export function monotonicMs(): number {
  return performance.now();
}
