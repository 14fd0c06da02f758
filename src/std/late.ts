/** Late: modules of Node that few processes need, each loaded by the first one who uses it. */
import type * as ChildProcess from 'node:child_process';
import type * as Dns from 'node:dns/promises';
import type * as Http from 'node:http';
import type * as Https from 'node:https';
import { createRequire } from 'node:module';
import type * as Tls from 'node:tls';
import type * as WorkerThreads from 'node:worker_threads';

/** What is loaded late. */
export interface Late {
  readonly childProcess: typeof ChildProcess;
  readonly dns: typeof Dns;
  readonly http: typeof Http;
  readonly https: typeof Https;
  readonly tls: typeof Tls;
  readonly workerThreads: typeof WorkerThreads;
}

const load = createRequire(import.meta.url);

/**
 * A worker without jobs saves 8 MB by them. Most of that is the `import` of `node:http`: it reads every export, among them `WebSocket`, and so loads Node's `fetch`;
 * `require` does not.
 */
export const late: Late = {
  get childProcess() {
    return load('node:child_process') as typeof ChildProcess;
  },
  get dns() {
    return load('node:dns/promises') as typeof Dns;
  },
  get http() {
    return load('node:http') as typeof Http;
  },
  get https() {
    return load('node:https') as typeof Https;
  },
  get tls() {
    return load('node:tls') as typeof Tls;
  },
  get workerThreads() {
    return load('node:worker_threads') as typeof WorkerThreads;
  },
};
