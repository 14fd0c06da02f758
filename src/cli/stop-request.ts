/** Stop requests: the signals of people and of the system, and the word or the end of a supervisor. */
import type { Config } from '../domain/options.ts';
import { monotonicMs } from '../std/timer.ts';
import { EXIT } from './exit-codes.ts';
import type { ToSupervised } from './supervisor-messages.ts';

/** A terminal's Ctrl-C reaches a process twice when npm runs it: from the terminal and from npm. */
const SAME_REQUEST_MS = 500;

/** Calls `stop` for the first SIGINT or SIGTERM and `hard` for one that comes more than half a second later. */
export function onStopSignals(stop: (signal: string) => void, hard: () => void): void {
  let first: number | undefined;
  const onSignal = (signal: string): void => {
    if (first === undefined) {
      first = monotonicMs();
      stop(signal);
    } else if (monotonicMs() - first > SAME_REQUEST_MS) hard();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
}

/** What people and supervisors ask of a process. */
export interface StopRequests {
  /** Aborts when the process is to stop. */
  readonly stop: AbortSignal;
  /** Aborts when it is not to wait for its handlers any longer: it gives their jobs back. It exits with 130 soon after in any case. */
  readonly halt: AbortSignal;
}

/** Giving jobs back may take this long after a second request; then the process exits. */
export const HALT_MS = 3_000;

/** Listens to signals, and under a supervisor to its words; the supervisor's end is a request to stop. */
export function stopRequests(supervised: boolean): StopRequests {
  const stop = new AbortController();
  const halt = new AbortController();
  const onStop = (): void => stop.abort();
  const onHalt = (): void => {
    halt.abort();
    setTimeout(() => process.exit(EXIT.interrupted), HALT_MS).unref();
  };
  onStopSignals(onStop, onHalt);
  if (!supervised) return { stop: stop.signal, halt: halt.signal };
  process.on('disconnect', onStop);
  process.on('message', ({ kind }: ToSupervised) => (kind === 'stop' ? onStop() : onHalt()));
  return { stop: stop.signal, halt: halt.signal };
}

/** Resolves when the signal is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

const MARGIN_MS = 45_000;

/** How long a process that works may take to stop: draining, aborting, writing, signing off, in milliseconds. */
export function stopWithinMs({
  drainTimeout,
  abortGrace,
}: Pick<Config, 'drainTimeout' | 'abortGrace'>): number {
  return drainTimeout + abortGrace + MARGIN_MS;
}
