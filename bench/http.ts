// Measures enqueues over HTTP: `npm run http -- [--seconds N] [--connections N] [--profile FILE]`, a server of ours in this process and autocannon in another.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { Session } from 'node:inspector/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Unstuck } from 'unstuck';
import { serve } from 'unstuck/http';
import { cleanUp, cleanUpOnSignals } from './core/cleanup.ts';
import { requireBuild } from './runner/require-build.ts';
import { Postgres } from './servers/postgres.ts';

const { values: options } = parseArgs({
  options: {
    seconds: { type: 'string', default: '10' },
    connections: { type: 'string', default: '100' },
    profile: { type: 'string' },
  },
});

/** What autocannon prints with `--json`, as far as it is shown. */
interface Load {
  readonly requests: { readonly average: number; readonly total: number };
  readonly latency: Readonly<Record<'p50' | 'p99' | 'max', number>>;
  readonly non2xx: number;
  readonly errors: number;
}

requireBuild();
cleanUpOnSignals();
try {
  const postgres = await Postgres.start();
  const { url } = await postgres.freshDatabase('on');
  const unstuck = await Unstuck.connect({ database: url, logLevel: 'warn' });
  const server = await serve(unstuck, { port: 0 });
  await load(server.url, 2);
  const cpu = process.cpuUsage();
  const stopProfile = options.profile === undefined ? undefined : await profile(options.profile);
  const { requests, latency, non2xx, errors } = await load(server.url, Number(options.seconds));
  const { user, system } = process.cpuUsage(cpu);
  await stopProfile?.();
  const { count, capped } = await unstuck.count();
  console.log(
    `${Math.round(requests.average)} enqueues/s over ${options.connections} connections, p50 ${latency.p50} ms, p99 ${latency.p99} ms, max ${latency.max} ms; ` +
      `${requests.total} answered, ${non2xx} of them refused, ${errors} errors; ${capped ? 'more than ' : ''}${count} jobs stored with those of the warm-up; ${Math.round((user + system) / requests.total)} µs of CPU per request in the server`,
  );
  await server.close();
  await unstuck.close();
} finally {
  await cleanUp();
}

/** Sends as fast as answers come, from another process. */
async function load(url: string, seconds: number): Promise<Load> {
  const program = fileURLToPath(import.meta.resolve('autocannon'));
  const body = JSON.stringify({ type: 'mail', input: { to: 'somebody@example.org', n: 12_345 } });
  const rate = ['-c', options.connections, '-d', String(seconds), '-m', 'POST', '--json'];
  const request = ['-H', 'content-type: application/json', '-b', body, `${url}/v1/jobs`];
  const child = spawn(process.execPath, [program, ...rate, ...request], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (piece: string) => {
    text += piece;
  });
  await once(child, 'exit');
  return JSON.parse(text) as Load;
}

/** Samples this process; answers how to stop and write a profile that Chrome's developer tools open. */
async function profile(file: string): Promise<() => Promise<void>> {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.start');
  return async () => {
    const { profile: made } = await session.post('Profiler.stop');
    await writeFile(file, JSON.stringify(made));
    session.disconnect();
  };
}
