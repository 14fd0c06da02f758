// The migrated database that every test database is copied from, made once per server and run.
import { Client } from 'pg';
import { migrateTemplate } from './migrate-template.ts';

/** Name of the template on every test server. */
export const TEMPLATE = 'unstuck_template';

/** Creates and migrates the template on a server; nobody can connect to it afterwards. */
export async function makeTemplate(url: string): Promise<void> {
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

/** Runs one statement over a connection of its own. */
export async function onServer(url: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
