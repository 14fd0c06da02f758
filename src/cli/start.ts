/** `unstuck start`: database, worker and HTTP server in one process, with words for a person. */
import { parseWorkOptions } from '../domain/work-options.ts';
import type { HttpServer } from '../http/index.ts';
import { formatDuration } from '../std/duration.ts';
import { settlesWithin } from '../std/timer.ts';
import type { Unstuck } from '../unstuck.ts';
import { EXIT } from './exit-codes.ts';
import { greet } from './greeting.ts';
import { type LoadedJobs, loadJobs } from './load-jobs.ts';
import { openLog, sayer } from './open-log.ts';
import { openScreen, type Screen } from './screen.ts';
import { connectOptions, isEmbedded, patiently, refuseServer } from './session.ts';
import { aborted, stopRequests, stopWithinMs } from './stop-request.ts';
import { tellSupervisor } from './supervisor-messages.ts';
import { watchCounts } from './watch-counts.ts';
import { beginWork, type WorkCommandOptions } from './work.ts';

/** How it runs. */
export interface StartOptions extends WorkCommandOptions {
  readonly host?: string;
  readonly port?: number;
  /** Runs no jobs: the definitions only check the inputs that come in. */
  readonly serveOnly?: boolean;
}

const LOOPBACK = /^https?:\/\/(?:127\.|localhost|\[::1\])/;

/** `unstuck serve`: the same without a worker. */
export function serve(options: StartOptions, modules: readonly string[]): Promise<number> {
  return start({ ...options, serveOnly: true }, modules);
}

/** Runs the command: exit code 0 after a graceful stop. */
export async function start(options: StartOptions, modules: readonly string[]): Promise<number> {
  refuseServer(options, options.serveOnly === true ? 'serve' : 'start');
  const supervised = options.supervised === true && process.connected;
  const log = await openLog(options, 'warn');
  if (options.supervise && !supervised)
    return (await import('./supervisor.ts')).supervise({ overlap: false, log });
  const say = sayer(options, log);
  const screen = {
    ...openScreen(options.output),
    hint: (text: string): void => say('notice', text),
  };
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
  if (isEmbedded(options)) screen.hint('Starting the embedded PostgreSQL …');
  const unstuck = await patiently(
    { ...connectOptions(options, 'warn'), log },
    (connected) =>
      beginWork(
        connected,
        options.serveOnly === true ? { ...loaded, jobs: [] } : loaded,
        options,
        onReplace,
      ),
    (text) => say('database_awaited', text),
    stop.signal,
  );
  if (unstuck === undefined) return EXIT.ok;
  const stopped = await run(unstuck, loaded, options, {
    screen,
    signal: stop.signal,
    halt: requests.halt,
  });
  if (!stopped) return EXIT.failed;
  if (requests.halt.aborted) return EXIT.interrupted;
  return replace ? EXIT.replace : EXIT.ok;
}

/** Serves until the signal; answers whether everything stopped in time. */
async function run(
  unstuck: Unstuck,
  loaded: LoadedJobs,
  options: StartOptions,
  { screen, signal, halt }: { screen: Screen; signal: AbortSignal; halt: AbortSignal },
): Promise<boolean> {
  const server = await serveOrClose(unstuck, loaded, options);
  // Of another address nobody knows under which name it is reached from outside.
  if (LOOPBACK.test(server.url)) unstuck.targets.callbackAt(server.url);
  const works = options.serveOnly !== true;
  const demo = works ? await enqueueDemo(unstuck, loaded) : 0;
  const { concurrency } = parseWorkOptions(options, process.env);
  greet(screen, { unstuck, server, ...loaded, works, demo, concurrency });
  tellSupervisor('ready');
  const watching = watchCounts(unstuck, screen, signal);
  await aborted(signal);
  const { drainTimeout } = unstuck.config;
  screen.hint(
    `Stopping: running jobs may end, for up to ${formatDuration(drainTimeout)}; what waits stays stored. Ctrl-C again gives them back at once.`,
  );
  halt.addEventListener('abort', () => void unstuck.halt(), { once: true });
  const closing = Promise.all([watching, server.close().then(() => unstuck.close())]);
  const stopped = await settlesWithin(closing, stopWithinMs(unstuck.config));
  screen.hint(stopped ? 'Stopped.' : 'Stopped, though not everything ended in time.');
  return stopped;
}

/** Something to look at, where there is nothing yet; answers how many jobs that were. */
async function enqueueDemo(unstuck: Unstuck, { demos }: LoadedJobs): Promise<number> {
  if (demos.length === 0 || (await unstuck.list({ limit: 1 })).jobs.length > 0) return 0;
  const enqueued = await Promise.all(demos.map((demo) => demo(unstuck)));
  return enqueued.flat().length;
}

async function serveOrClose(
  unstuck: Unstuck,
  { jobs }: LoadedJobs,
  { host, port }: StartOptions,
): Promise<HttpServer> {
  try {
    const http = await import('../http/index.ts');
    return await http.serve(unstuck, { host, port, jobs });
  } catch (error) {
    await settlesWithin(unstuck.close(), stopWithinMs(unstuck.config));
    throw error;
  }
}
