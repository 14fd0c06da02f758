/** Stray errors: a rejection nobody awaited, or an exception in a timer, ends the attempt it came from and never the worker. */
import type { Log } from '../domain/log.ts';
import { type Attempt, currentAttempt } from './attempt.ts';

const logs = new Set<Log>();

/** Watches for stray errors while a worker runs; call the returned function when it stops. */
export function watchStrayErrors(log: Log): () => void {
  if (logs.size === 0) {
    process.on('unhandledRejection', onRejection);
    process.on('uncaughtException', onException);
  }
  logs.add(log);
  return () => {
    logs.delete(log);
    if (logs.size > 0) return;
    process.off('unhandledRejection', onRejection);
    process.off('uncaughtException', onException);
  };
}

function onRejection(reason: unknown): void {
  handle(reason, 'unhandledRejection', onRejection);
}

function onException(error: unknown): void {
  handle(error, 'uncaughtException', onException);
}

/** An error that belongs to no attempt is the application's: without another listener Node would have ended the process, and so do we. */
function handle(
  error: unknown,
  event: 'unhandledRejection' | 'uncaughtException',
  own: (error: unknown) => void,
): void {
  const attempt: Attempt | undefined = currentAttempt.getStore();
  for (const log of logs)
    log.error('stray_error', { event, error, job: attempt?.row.id, type: attempt?.row.type });
  if (attempt !== undefined) return attempt.abort('crashed', error);
  const others = process
    .listeners(event as 'uncaughtException')
    .filter((listener) => (listener as unknown) !== own);
  if (others.length === 0) throw error;
}
