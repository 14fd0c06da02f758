// The migrated database that every test database is copied from, made once per server and run.
import { Client } from 'pg';
import { migrateTemplate } from './migrate-template.ts';

/** Name of the template on every test server. */
export const TEMPLATE = 'unstuck_template';

/**
 * Creates and migrates the template on a server; nobody can connect to it afterwards. The password is kept with one round of hashing instead of 4,096
 * where that can be chosen: a run opens ten thousand connections.
 */
export async function makeTemplate(url: string, version: number): Promise<void> {
  const { username, password } = new URL(url);
  if (version >= 16)
    await onServer(
      url,
      `set scram_iterations = 1; alter role "${username}" password '${password}'`,
    );
  await onServer(url, `create database ${TEMPLATE}`);
  await migrateTemplate(withDatabase(url, TEMPLATE));
  // A session on a template makes `create database` fail.
  await onServer(url, `alter database ${TEMPLATE} with is_template true allow_connections false`);
}

/** The address of another database on the same server. */
export function withDatabase(url: string, name: string): string {
  const changed = new URL(url);
  changed.pathname = `/${name}`;
  return changed.href;
}

const kept = new Map<string, Promise<Client>>();

/** Runs one statement over a connection that this process keeps: opening one costs more than most of what it is for. */
export async function keptOnServer(url: string, statement: string): Promise<void> {
  const client = kept.get(url) ?? connect(url);
  kept.set(url, client);
  await (await client).query(statement);
}

async function connect(connectionString: string): Promise<Client> {
  const client = new Client({ connectionString });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

/** Runs one statement over a connection of its own; answers its rows. */
export async function onServer<Row>(url: string, statement: string): Promise<Row[]> {
  const client = await connect(url);
  try {
    return (await client.query(statement)).rows as Row[];
  } finally {
    await client.end();
  }
}
