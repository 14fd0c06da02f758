/** `unstuck work`: runs jobs in a process of its own until it is told to stop. */

import { hidePasswords } from '../domain/secrets.ts';
import { settlesWithin } from '../std/timer.ts';
import type { Unstuck } from '../unstuck.ts';
import { EXIT } from './exit-codes.ts';
import { type LoadedJobs, loadJobs } from './load-jobs.ts';
import { type LogFlags, openLog, sayer } from './open-log.ts';
import { connectOptions, patiently, refuseServer } from './session.ts';
import { aborted, stopRequests, stopWithinMs } from './stop-request.ts';
import { tellSupervisor } from './supervisor-messages.ts';

/** How the worker runs. */
export interface WorkCommandOptions extends LogFlags {
  readonly concurrency?: number;
  readonly name?: string;
  readonly supervise: boolean;
  /** Given by the supervisor to the process that it starts. */
  readonly supervised?: boolean;
}

/** Runs the command: exit code 0 after a graceful stop, 75 when this process should be started anew. */
export async function work(
  options: WorkCommandOptions,
  modules: readonly string[],
): Promise<number> {
  refuseServer(options, 'work');
  const supervised = options.supervised === true && process.connected;
  const log = await openLog(options, 'info');
  if (options.supervise && !supervised)
    return (await import('./supervisor.ts')).supervise({ overlap: true, log });
  const stop = new AbortController();
  const requests = stopRequests(supervised);
  requests.stop.addEventListener('abort', () => stop.abort(), { once: true });
  const loaded = await loadJobs(modules);
  let replace = false;
  const onReplace = (): void => {
    if (supervised) return tellSupervisor('replace');
    replace = true;
    stop.abort();
  };
  const unstuck = await patiently(
    { ...connectOptions(options, 'info'), log },
    (connected) => beginWork(connected, loaded, options, onReplace),
    (text) => sayer(options, log)('database_awaited', text),
    stop.signal,
  );
  if (unstuck === undefined) return EXIT.ok;
  const types = loaded.jobs.map((job) => job.type).join(',');
  unstuck.log.info('worker_ready', {
    types,
    database: hidePasswords(unstuck.address),
    schema: unstuck.config.schema,
    pid: process.pid,
  });
  tellSupervisor('ready');
  await aborted(stop.signal);
  unstuck.log.info('worker_stopping', { pid: process.pid });
  requests.halt.addEventListener('abort', () => void unstuck.halt(), { once: true });
  if (!(await settlesWithin(unstuck.close(), stopWithinMs(unstuck.config)))) return EXIT.failed;
  unstuck.log.info('worker_stopped', { pid: process.pid });
  if (requests.halt.aborted) return EXIT.interrupted;
  return replace ? EXIT.replace : EXIT.ok;
}

/** Runs what modules export: without jobs it only takes part in the sweep, alerts, and carries messages. */
export async function beginWork(
  unstuck: Unstuck,
  { jobs, targets, alerts, bridges }: Omit<LoadedJobs, 'tryIt' | 'demos'>,
  options: Pick<WorkCommandOptions, 'concurrency' | 'name'>,
  onReplace: () => void,
): Promise<void> {
  if (jobs.length === 0) {
    await unstuck.targets.define(targets);
    unstuck.sweep();
  } else await unstuck.work(jobs, { ...workOptions(options, onReplace), targets });
  if (alerts !== undefined) unstuck.alerts.start(alerts);
  for (const bridge of bridges) await unstuck.redis.start(bridge);
}

/** The options of a worker that the flags mean. */
function workOptions(
  { concurrency, name }: Pick<WorkCommandOptions, 'concurrency' | 'name'>,
  onReplace: () => void,
): { concurrency?: number; name?: string; onReplace: () => void } {
  return {
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(name === undefined ? {} : { name }),
    onReplace,
  };
}
