// A database of its own for every test, copied from a migrated template instead of migrated anew.
import { randomBytes } from 'node:crypto';
import { inject } from 'vitest';
import type { ServerName } from './postgres.ts';
import { keptOnServer, TEMPLATE, withDatabase } from './template.ts';

/** A database that only its test uses. */
export interface FreshDatabase {
  readonly url: string;
  /** Major version of its server. */
  readonly version: number;
  /** Removes it, whoever is still connected. */
  drop(): Promise<void>;
}

/** The server of tests that name none: `UNSTUCK_TEST_SERVER=system` runs them all on the system's version. */
const DEFAULT_SERVER: ServerName =
  process.env['UNSTUCK_TEST_SERVER'] === 'system' ? 'system' : '18';

/** Creates a migrated, empty database on a shared server. */
export async function freshDatabase(server: ServerName = DEFAULT_SERVER): Promise<FreshDatabase> {
  const shared = inject('servers').find(({ name }) => name === server);
  if (shared === undefined) throw new Error(`No server "${server}" runs; see availableServers().`);
  const name = `t_${randomBytes(6).toString('hex')}`;
  // The way of PostgreSQL 14: half the time of the other one, for a template that hardly anybody writes to.
  const how = shared.version < 15 ? '' : 'strategy file_copy';
  await keptOnServer(shared.url, `create database ${name} template ${TEMPLATE} ${how}`);
  return {
    url: withDatabase(shared.url, name),
    version: shared.version,
    drop: () => keptOnServer(shared.url, `drop database if exists ${name} with (force)`),
  };
}

/** The names of the servers that this run's tests share. */
export function sharedServers(): ServerName[] {
  return inject('servers').map(({ name }) => name);
}
