// Throw-away PostgreSQL servers for tests: the embedded 18, and the system's own version where its binaries are found.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { chmod, mkdtemp, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import {
  type Binaries,
  embeddedBinaries,
  tryBinaries,
} from '../../src/storage/embedded/binaries.ts';
import type { EmbeddedPostgres } from '../../src/storage/embedded/embedded-postgres.ts';
import { openPlace } from '../../src/storage/embedded/place.ts';
import { startServer } from '../../src/storage/embedded/start-server.ts';

/** Which binaries a test server runs: the embedded ones, or the system's. */
export type ServerName = '18' | 'system';

/** A server of its own for a test that ends or breaks servers; others use `freshDatabase`. */
export interface TestServer {
  readonly name: ServerName;
  /** Major version. */
  readonly version: number;
  /** Superuser's address of the database `unstuck`; the same after `startAgain`. */
  readonly url: string;
  /** Process id of the postmaster; undefined while it is down. */
  readonly pid: number | undefined;
  /** Stops the server cleanly and removes its files. */
  stop(): Promise<void>;
  /** As `pg_ctl stop -m immediate`: sessions are cut, the next start recovers. It stays down until `startAgain`. */
  stopImmediate(): Promise<void>;
  /** Starts it on the same port; when it runs, it is stopped cleanly first. */
  startAgain(): Promise<void>;
}

const OLDEST = 14;
const MEMORY = '/dev/shm';
const MEMORY_BYTES = 8 * 1024 ** 3;
const DEBIAN = '/usr/lib/postgresql';

/** The servers that can be started here; says so, aloud and once per process, when the system's is not among them. */
export function availableServers(): ServerName[] {
  if (systemBin() !== undefined) return ['18', 'system'];
  sayMissing();
  return ['18'];
}

/** Starts a server without fsync on a free port, in a temporary directory of its own. */
export async function startTestServer(name: ServerName = '18'): Promise<TestServer> {
  const directory = await mkdtemp(join(await roomyDirectory(), 'unstuck-test-'));
  // mkdtemp gives 0700, and as root the server runs as another user.
  await chmod(directory, 0o755);
  try {
    const place = openPlace(directory);
    const binaries = name === 'system' ? systemBinaries() : embeddedBinaries(place);
    const settings = { directory, durable: false, revive: false };
    return handle(name, binaries.major, await startServer(place, binaries, settings));
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
}

/**
 * Memory where there is plenty: a run makes and drops a thousand databases of hundreds of files, and ext4 walks through all inodes that were freed
 * lately for each new file, which was two thirds of the time of a test.
 */
async function roomyDirectory(): Promise<string> {
  const { bavail, bsize } = await statfs(MEMORY).catch(() => ({ bavail: 0, bsize: 0 }));
  return bavail * bsize >= MEMORY_BYTES ? MEMORY : tmpdir();
}

function handle(name: ServerName, version: number, server: EmbeddedPostgres): TestServer {
  return {
    name,
    version,
    url: server.url,
    get pid() {
      return server.postmasterPid;
    },
    async stop() {
      await server.stop();
      await rm(server.directory, { recursive: true, force: true });
    },
    stopImmediate: () => server.kill('immediate'),
    startAgain: () => server.restart(),
  };
}

function systemBinaries(): Binaries {
  const bin = systemBin();
  const found = bin === undefined ? 'none found' : tryBinaries(bin, undefined);
  if (typeof found === 'string') throw new Error(`No PostgreSQL of the system: ${found}`);
  return found;
}

let looked: { readonly bin: string | undefined } | undefined;
let said = false;

/** Set UNSTUCK_TEST_SYSTEM_POSTGRES to a directory of binaries to choose one, or to `off` to leave it out. */
function systemBin(): string | undefined {
  looked ??= { bin: candidates().find(usable) };
  return looked.bin;
}

function candidates(): string[] {
  const chosen = process.env['UNSTUCK_TEST_SYSTEM_POSTGRES'];
  if (chosen === 'off') return [];
  if (chosen !== undefined) return [chosen];
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).map(Number).filter(Boolean) : [];
  const debian = versions
    .toSorted((a, b) => b - a)
    .map((version) => join(DEBIAN, `${version}`, 'bin'));
  const config = spawnSync('pg_config', ['--bindir'], { encoding: 'utf8' });
  const path = (process.env['PATH'] ?? '').split(delimiter);
  return [...debian, ...(config.status === 0 ? [config.stdout.trim()] : []), ...path];
}

function usable(bin: string): boolean {
  if (!existsSync(join(bin, 'initdb')) || !existsSync(join(bin, 'postgres'))) return false;
  const found = tryBinaries(bin, undefined);
  return typeof found !== 'string' && found.major >= OLDEST;
}

function sayMissing(): void {
  if (said) return;
  said = true;
  process.stderr.write(
    '\n!!! SKIPPED: no PostgreSQL of the system was found (or it was switched off), so the tests run on the embedded 18 only.\n' +
      '!!! Install postgresql, or set UNSTUCK_TEST_SYSTEM_POSTGRES to the directory of its initdb and postgres.\n\n',
  );
}
