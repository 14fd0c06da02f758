/** The watchman of an isolated child: ends it and what it started when its worker is gone, however busy the handler is. */
import { workerData } from 'node:worker_threads';
import { killGroup } from './isolate-group.ts';

const LOOK_EVERY_MS = 200;

const { parent } = workerData as { readonly parent: number };

// An orphan gets another parent. A handler that blocks the event loop would never hear that the channel was closed.
setInterval(() => {
  if (process.ppid !== parent) killGroup(process.pid);
}, LOOK_EVERY_MS);
