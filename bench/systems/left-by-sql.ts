/** Asks PostgreSQL over a connection of its own whether work is left. */
import { Client } from 'pg';

/** A statement that answers one row with the boolean `some`, and how to end its connection. */
export interface Left {
  readonly ask: () => Promise<boolean>;
  readonly close: () => Promise<void>;
}

/** Connects and returns what asks. */
export async function leftBySql(connectionString: string, text: string): Promise<Left> {
  const client = new Client({ connectionString });
  await client.connect();
  return {
    ask: async () => (await client.query<{ some: boolean }>(text)).rows[0]?.some === true,
    close: () => client.end(),
  };
}
