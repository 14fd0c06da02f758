/** The clock of all measurements: CLOCK_MONOTONIC, which every process of a machine shares. */
import { setTimeout as sleep } from 'node:timers/promises';

/** Returns milliseconds since an instant that is the same for all processes of this machine. */
export function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** Resolves after the given time, or at once when the signal is aborted. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  await sleep(ms, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
}
