/** Starts the PostgreSQL 18 that all systems are measured on, with the same settings for each of them. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Pool } from 'pg';
import {
  type Binaries,
  embeddedBinaries,
  tryBinaries,
} from '../../src/storage/embedded/binaries.ts';
import { openPlace, type Place } from '../../src/storage/embedded/place.ts';
import { atEnd } from '../core/cleanup.ts';
import { nowMs, pause } from '../core/monotonic.ts';
import { freePort } from './free-port.ts';
import { treeCpuMs } from './process-usage.ts';
import { makeDirectory, removeDirectory } from './temporary-directory.ts';

const START_MS_MAX = 60_000;
const STOP_MS_MAX = 30_000;

/** The settings of the study, and the statement statistics that only the rows about claims switch on. */
export const POSTGRES_SETTINGS: Readonly<Record<string, string>> = {
  fsync: 'on',
  shared_buffers: '1GB',
  max_wal_size: '4GB',
  checkpoint_timeout: '15min',
  max_connections: '300',
  work_mem: '16MB',
  shared_preload_libraries: 'pg_stat_statements',
  'pg_stat_statements.track': 'none',
  compute_query_id: 'off',
};

/** Whether a commit waits for the disk; the two series of every table. */
export type Sync = 'on' | 'off';

/** The empty database of one cell. */
export interface FreshDatabase {
  readonly url: string;
  readonly drop: () => Promise<void>;
}

/** The running server. */
export class Postgres {
  /** One connection; cells that run together queue for it. */
  readonly admin: Pool;
  readonly version: string;
  #child: ChildProcess;
  #port: number;
  #databases = 0;

  private constructor(child: ChildProcess, port: number, admin: Pool, version: string) {
    this.#child = child;
    this.#port = port;
    this.admin = admin;
    this.version = version;
  }

  /** Makes a cluster in a temporary directory and starts it on a free port, by the `programs` in that directory or the embedded ones. */
  static async start(programs?: string): Promise<Postgres> {
    const directory = await makeDirectory();
    atEnd(() => removeDirectory(directory));
    const place = openPlace(directory, join(directory, 'shared'));
    const { initdb, postgres } = binaries(place, programs);
    const dataDirectory = place.dataDirectory;
    await mkdir(dataDirectory, { recursive: true });
    const as = place.user === undefined ? {} : place.user;
    // As root the server runs as somebody else, who must own its data.
    if (place.user !== undefined)
      run('chown', [`${place.user.uid}:${place.user.gid}`, dataDirectory]);
    run(
      initdb,
      ['-D', dataDirectory, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C'],
      as,
    );
    const port = await freePort();
    const log = openSync(place.logFile, 'a');
    const settings = Object.entries(POSTGRES_SETTINGS).flatMap(([name, value]) => [
      '-c',
      `${name}=${value}`,
    ]);
    const where = ['-D', dataDirectory, '-p', String(port), '-h', '127.0.0.1', '-k', ''];
    // A process group of its own, so that Ctrl-C reaches the harness first, which then stops the server in order.
    const child = spawn(postgres, [...where, ...settings], {
      ...as,
      cwd: '/',
      stdio: ['ignore', log, log],
      detached: true,
    });
    closeSync(log);
    atEnd(() => stop(child));
    const admin = await connect(port, child, place.logFile);
    atEnd(() => admin.end());
    await touchMemory(admin);
    return new Postgres(child, port, admin, await describeVersion(admin));
  }

  /** CPU milliseconds of all its processes so far; undefined without /proc. */
  get cpuMs(): number | undefined {
    return this.#child.pid === undefined ? undefined : treeCpuMs(this.#child.pid);
  }

  /** Makes an empty database for one cell and returns its address and what drops it. */
  async freshDatabase(sync: Sync): Promise<FreshDatabase> {
    this.#databases += 1;
    const name = `cell_${this.#databases}`;
    await this.admin.query(`create database ${name}`);
    await this.admin.query(`alter database ${name} set synchronous_commit = ${sync}`);
    return {
      url: `postgres://postgres@127.0.0.1:${this.#port}/${name}`,
      drop: async () => {
        await this.admin.query(`drop database ${name} with (force)`);
      },
    };
  }
}

/**
 * Writes as much as the buffers of the server hold, and as much log, and drops it again: memory that the machine gives out for the first time costs
 * up to a fifth of a drain's rate, and would be on the account of whoever is measured first.
 */
async function touchMemory(admin: Pool): Promise<void> {
  await admin.query('create table touched (pad text not null)');
  await admin.query(`insert into touched select repeat('x', 900) from generate_series(1, 1100000)`);
  await admin.query('drop table touched');
}

function binaries(place: Place, programs: string | undefined): Binaries {
  if (programs === undefined) return embeddedBinaries(place);
  const found = tryBinaries(programs, place.user);
  if (typeof found === 'string')
    throw new Error(`Expected PostgreSQL's programs in ${programs}: ${found}`);
  return found;
}

/** The version, and how far its compiler optimized it: builds of one version differ by a third. */
async function describeVersion(admin: Pool): Promise<string> {
  const { rows } = await admin.query<{ version: string; flags: string }>(
    "select current_setting('server_version') as version, setting as flags from pg_config where name = 'CFLAGS'",
  );
  const { version = 'unknown', flags = '' } = rows[0] ?? {};
  return `${version} (${flags.match(/-O\w*/g)?.at(-1) ?? 'compiled unknown how'})`;
}

function run(command: string, args: readonly string[], as: object = {}): void {
  const { status, stderr, error } = spawnSync(command, args, { ...as, cwd: '/', encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} failed: ${error?.message ?? stderr}`);
}

async function connect(port: number, child: ChildProcess, logFile: string): Promise<Pool> {
  const until = nowMs() + START_MS_MAX;
  while (child.exitCode === null && nowMs() < until) {
    const pool = new Pool({ host: '127.0.0.1', port, user: 'postgres', max: 1 });
    // The server ends this connection when it stops.
    pool.on('error', () => undefined);
    try {
      await pool.query('select');
      return pool;
    } catch {
      await pool.end();
      await pause(50);
    }
  }
  throw new Error(`PostgreSQL did not start:\n${readFileSync(logFile, 'utf8')}`);
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGINT');
  const timer = setTimeout(() => child.kill('SIGQUIT'), STOP_MS_MAX);
  await ended;
  clearTimeout(timer);
}
