/** Makes sure that the server we reach is ours and has its database. */
import { Client, DatabaseError } from 'pg';
import { createDatabase, findDatabase, showDataDirectory } from '../../sql/embedded.ts';
import { endClient } from '../end-client.ts';
import { DATABASE } from './cluster.ts';
import { failure } from './failure.ts';
import type { Place } from './place.ts';

const CONNECT_MS = 10_000;
/** The database is there, or has just been made by another session: a race shows as the second. */
const EXISTS = ['42P04', '23505'];

/** The address of a database on a server of ours. */
export function databaseUrl(port: number, password: string, database: string): string {
  return `postgres://${DATABASE}:${password}@127.0.0.1:${port}/${database}`;
}

/**
 * Creates the database `unstuck` when it is missing.
 * @throws UnstuckError EMBEDDED_POSTGRES_FAILED when the port is answered by a server of other data.
 */
export async function ensureDatabase(place: Place, port: number, password: string): Promise<void> {
  const connectionString = databaseUrl(port, password, 'postgres');
  const client = new Client({ connectionString, connectionTimeoutMillis: CONNECT_MS });
  // A server that goes away between two statements is told by the statement.
  client.on('error', () => {});
  try {
    await client.connect();
    await checkData(client, place);
    const found = await client.query(findDatabase.text, [DATABASE]);
    if (found.rowCount === 0) await makeDatabase(client);
  } finally {
    await endClient(client);
  }
}

async function checkData(client: Client, { dataDirectory }: Place): Promise<void> {
  const { rows } = await client.query<{ directory: string }>(showDataDirectory.text);
  if (rows[0]?.directory === dataDirectory) return;
  throw failure(
    `Expected the server of ${dataDirectory}, reached that of ${rows[0]?.directory}. Stop one of the two.`,
    { dataDirectory },
  );
}

async function makeDatabase(client: Client): Promise<void> {
  try {
    await client.query(createDatabase(DATABASE).text);
  } catch (error) {
    if (!(error instanceof DatabaseError) || !EXISTS.includes(error.code ?? '')) throw error;
  }
}
