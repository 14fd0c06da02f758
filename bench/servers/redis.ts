/** Starts a fresh Redis for each cell: with every write on disk before its reply, or without persistence. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createConnection } from 'node:net';
import { atEnd } from '../core/cleanup.ts';
import { nowMs, pause } from '../core/monotonic.ts';
import { freePort } from './free-port.ts';
import type { Sync } from './postgres.ts';
import { treeCpuMs } from './process-usage.ts';
import { makeDirectory, removeDirectory } from './temporary-directory.ts';

const START_MS_MAX = 10_000;

/** Returns the version of the redis-server on the PATH; undefined when there is none. */
export function redisVersion(): string | undefined {
  const { status, stdout } = spawnSync('redis-server', ['--version'], { encoding: 'utf8' });
  return status === 0 ? /v=(\S+)/.exec(stdout)?.[1] : undefined;
}

/** A running Redis. */
export interface Redis {
  readonly url: string;
  readonly cpuMs: number | undefined;
  stop(): Promise<void>;
}

/** Starts one on a free port. */
export async function startRedis(sync: Sync): Promise<Redis> {
  const directory = await makeDirectory();
  const forget = atEnd(() => removeDirectory(directory));
  const port = await freePort();
  const where = ['--port', String(port), '--bind', '127.0.0.1', '--dir', directory, '--save', ''];
  const durable = ['--appendonly', 'yes', '--appendfsync', 'always'];
  const child = spawn(
    'redis-server',
    [...where, ...(sync === 'on' ? durable : ['--appendonly', 'no'])],
    { stdio: 'ignore', detached: true },
  );
  const stop = atEnd(() => stopRedis(child));
  await accepting(port, child);
  return {
    url: `redis://127.0.0.1:${port}`,
    get cpuMs() {
      return child.pid === undefined ? undefined : treeCpuMs(child.pid);
    },
    stop: async () => {
      await stop();
      await forget();
    },
  };
}

async function stopRedis(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

async function accepting(port: number, child: ChildProcess): Promise<void> {
  const until = nowMs() + START_MS_MAX;
  while (child.exitCode === null && nowMs() < until) {
    const socket = createConnection({ port, host: '127.0.0.1' });
    const connected = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'error').then(() => false),
    ]).catch(() => false);
    socket.destroy();
    if (connected) return;
    await pause(50);
  }
  throw new Error('redis-server did not start.');
}
