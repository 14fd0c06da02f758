/** The lifeline's thread: keeps the lease of a worker that holds jobs, whatever its main thread is busy with. */
import { parentPort, workerData } from 'node:worker_threads';
import { LifelineKeeper } from './lifeline-keeper.ts';
import type { LifelineSetup, ToLifeline } from './lifeline-messages.ts';

const keeper = new LifelineKeeper(workerData as LifelineSetup, (message) =>
  parentPort?.postMessage(message),
);

parentPort?.on('message', (message: ToLifeline) => {
  if (message.kind === 'end') void keeper.end().finally(() => process.exit(0));
  else keeper.hear(message);
});
