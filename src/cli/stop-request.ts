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

/**
 * A signal that aborts when this process is to stop. By itself a second request ends the process at once with exit code 130; under a
 * supervisor that is the supervisor's to do, and its end is a request to stop.
 */
export function stopRequest(supervised: boolean): AbortSignal {
  const request = new AbortController();
  const stop = (): void => request.abort();
  if (!supervised) {
    onStopSignals(stop, () => process.exit(EXIT.interrupted));
    return request.signal;
  }
  onStopSignals(stop, () => undefined);
  process.on('disconnect', stop);
  process.on('message', (message: ToSupervised) => {
    if (message.kind === 'stop') stop();
  });
  return request.signal;
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
