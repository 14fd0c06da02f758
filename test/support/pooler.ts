// PgBouncer in transaction mode in front of a test server, where its program is found.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Client } from 'pg';

/** A running pooler. */
export interface Pooler {
  /** Address of the database through it. */
  readonly url: string;
  stop(): Promise<void>;
}

/** The program; undefined, and said aloud, when it is not there. Set UNSTUCK_TEST_PGBOUNCER to choose one. */
export function poolerProgram(): string | undefined {
  const chosen = process.env['UNSTUCK_TEST_PGBOUNCER'];
  const path = (process.env['PATH'] ?? '').split(delimiter).concat('/usr/sbin', '/usr/local/sbin');
  const found = [
    ...(chosen === undefined ? [] : [chosen]),
    ...path.map((bin) => join(bin, 'pgbouncer')),
  ];
  const program = found.find((file) => existsSync(file));
  if (program === undefined)
    process.stderr.write(
      '\n!!! SKIPPED: pgbouncer was not found, so nothing is tested behind a transaction pooler.\n' +
        '!!! Install pgbouncer, or set UNSTUCK_TEST_PGBOUNCER to its program.\n\n',
    );
  return program;
}

/** Starts it in transaction mode in front of the database of this address. */
export async function startPooler(program: string, url: string): Promise<Pooler> {
  const directory = await mkdtemp(join(tmpdir(), 'unstuck-pooler-'));
  await chmod(directory, 0o755);
  const port = await freePort();
  const target = new URL(url);
  const file = join(directory, 'pgbouncer.ini');
  await writeFile(file, settings(target, port), { mode: 0o644 });
  // As root it refuses to run: it is told to become somebody else.
  const user = process.getuid?.() === 0 ? ['-u', 'nobody'] : [];
  const child = spawn(program, [...user, '-q', file], { stdio: ['ignore', 'inherit', 'inherit'] });
  const own = new URL(target);
  own.hostname = '127.0.0.1';
  own.port = `${port}`;
  const stop = async (): Promise<void> => {
    await end(child);
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await answers(own.href, child);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: own.href, stop };
}

function settings(target: URL, port: number): string {
  const database = target.pathname.slice(1);
  const login = `user=${decodeURIComponent(target.username)} password=${decodeURIComponent(target.password)}`;
  return `[databases]
${database} = host=${target.hostname} port=${target.port} dbname=${database} ${login}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 10
max_client_conn = 200
ignore_startup_parameters = extra_float_digits
`;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const address = server.address();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

async function answers(url: string, child: ChildProcess): Promise<void> {
  for (let tries = 0; tries < 200 && child.exitCode === null; tries += 1) {
    const client = new Client({ connectionString: url });
    client.on('error', () => {});
    try {
      await client.connect();
      await client.query('select');
      return;
    } catch {
      await pause(50);
    } finally {
      await client.end().catch(() => undefined);
    }
  }
  throw new Error('pgbouncer does not answer');
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}
