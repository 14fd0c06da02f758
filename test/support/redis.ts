// A Redis of a test's own: every write on disk before its reply, killed and started again as often as the test likes.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from 'redis';
import { onTestFinished } from 'vitest';
import { eventually } from './unstuck.ts';

/** A Redis under test. */
export interface RedisServer {
  readonly url: string;
  readonly port: number;
  /** Sends one command over a connection of its own. */
  readonly send: (...command: string[]) => Promise<unknown>;
  /** Ends it as a crash would. */
  readonly kill: () => Promise<void>;
  /** Starts it again on what it had written. */
  readonly start: () => Promise<void>;
}

/** Whether this machine has the server; says so loudly when not. */
export function hasRedis(): boolean {
  if (spawnSync('redis-server', ['--version']).status === 0) return true;
  process.stderr.write(
    '!!! SKIPPED: redis-server is not on the PATH, so no bridge is tested here.\n',
  );
  return false;
}

/** Starts one on a free port, in a directory of its own; both are gone after the test. */
export async function redisServer(password?: string): Promise<RedisServer> {
  const directory = await mkdtemp(join(tmpdir(), 'unstuck-redis-'));
  const port = await freePort();
  const url = `redis://${password === undefined ? '' : `:${encodeURIComponent(password)}@`}127.0.0.1:${port}`;
  let child: ChildProcess | undefined;
  const kill = async (): Promise<void> => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  };
  const send = async (...command: string[]): Promise<unknown> => {
    const client = createClient({ url, socket: { reconnectStrategy: false } });
    client.on('error', () => undefined);
    await client.connect();
    try {
      return await client.sendCommand(command);
    } finally {
      client.destroy();
    }
  };
  const start = async (): Promise<void> => {
    const durable = ['--appendonly', 'yes', '--appendfsync', 'always', '--save', ''];
    const where = ['--port', String(port), '--bind', '127.0.0.1', '--dir', directory];
    const guard = password === undefined ? [] : ['--requirepass', password];
    child = spawn('redis-server', [...where, ...durable, ...guard], { stdio: 'ignore' });
    await eventually(
      () =>
        send('PING').then(
          () => true,
          () => false,
        ),
      'Redis answers',
    );
  };
  onTestFinished(async () => {
    await kill();
    await rm(directory, { recursive: true, force: true });
  });
  await start();
  return { url, port, send, kill, start };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
