/** `unstuck queue drain`: waits until nothing of a queue runs or waits; Ctrl-C stops the waiting, never the jobs. */
import { EXIT } from './exit-codes.ts';
import { showQueue } from './queue-look.ts';
import { openScreen } from './screen.ts';
import { type Globals, withUnstuck } from './session.ts';

/** How long to wait. */
export interface QueueDrainOptions extends Globals {
  readonly timeout?: string;
}

/** Runs the command: exit code 3 when there is no such queue, 8 when something was left at --timeout. */
export async function queueDrain(options: QueueDrainOptions, name: string): Promise<number> {
  const screen = openScreen(options.output);
  const { timeout } = options;
  const interrupt = new AbortController();
  const onSignal = (): void => interrupt.abort();
  process.once('SIGINT', onSignal);
  process.once('SIGTERM', onSignal);
  return withUnstuck(options, async (unstuck) => {
    const { signal } = interrupt;
    try {
      await unstuck.queues.drain(name, { signal, ...(timeout === undefined ? {} : { timeout }) });
    } catch (error) {
      if (!signal.aborted) throw error;
      screen.hint('The jobs go on.');
      return EXIT.interrupted;
    }
    showQueue(screen, await unstuck.queues.get(name));
    return EXIT.ok;
  }).finally(() => {
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  });
}
