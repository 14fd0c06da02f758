// A directory of its own for every test of the embedded server, and the certainty that nothing outlives the test.
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, type QueryResultRow } from 'pg';
import { afterAll, beforeAll, expect, onTestFinished } from 'vitest';
import type {
  EmbeddedOptions,
  EmbeddedPostgres,
} from '../../src/storage/embedded/embedded-postgres.ts';
import { startEmbedded } from '../../src/storage/embedded/start-embedded.ts';
import { Owner } from './embedded-owner.ts';

/** What one test uses; all of it is ended and removed after the test. */
export interface Setup {
  readonly directory: string;
  /** Starts or joins the server in this process, without fsync: no test cuts the power. */
  readonly start: (options?: Partial<EmbeddedOptions>) => Promise<EmbeddedPostgres>;
  /** Starts or joins the server in a process of its own. */
  readonly owner: () => Owner;
}

let seed: string | undefined;

/** Spares the tests of a file an initdb each: their directories begin as copies of one that was started and stopped. */
export function seedDirectories(): void {
  beforeAll(async () => {
    const made = mkdtempSync(join(tmpdir(), 'unstuck-embedded-'));
    seed = made;
    chmodSync(made, 0o755);
    const server = await startEmbedded({ directory: made, durable: false });
    await server.stop();
  });
  afterAll(() => {
    if (seed !== undefined) rmSync(seed, { recursive: true, force: true });
  });
}

/** Makes the directory, with data unless told otherwise; fails the test when a server or keeper is left on it. */
export function setup({ empty = false }: { readonly empty?: boolean } = {}): Setup {
  const directory = temporaryDirectory();
  if (!empty && seed !== undefined) spawnSync('cp', ['-a', join(seed, 'data'), directory]);
  const servers: EmbeddedPostgres[] = [];
  const owners: Owner[] = [];
  onTestFinished(async () => {
    await Promise.all(owners.map((owner) => owner.kill9()));
    await Promise.all(servers.map((server) => server.stop('immediate')));
    await expect.poll(() => runningOn(directory), { timeout: 15_000 }).toEqual([]);
  });
  return {
    directory,
    async start(options = {}) {
      const server = await startEmbedded({ directory, durable: false, ...options });
      servers.push(server);
      return server;
    },
    owner() {
      const owner = new Owner(directory);
      owners.push(owner);
      return owner;
    },
  };
}

/** A directory that every user can enter, removed after the test. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'unstuck-embedded-'));
  chmodSync(directory, 0o755);
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Command lines of the postmasters and keepers that run on a directory. */
export function runningOn(directory: string): string[] {
  const { stdout } = spawnSync('ps', ['-ww', '-eo', 'pid=,args='], { encoding: 'utf8' });
  const lines = stdout.split('\n').filter((line) => line.includes(directory));
  return lines.filter((line) => /bin\/postgres |unstuck-keeper|bin\/initdb /.test(line));
}

/** Runs one statement over a connection of its own. */
export async function query(url: string, statement: string): Promise<QueryResultRow[]> {
  const client = new Client({ connectionString: url });
  client.on('error', () => {});
  try {
    await client.connect();
    return (await client.query(statement)).rows;
  } finally {
    await client.end();
  }
}
