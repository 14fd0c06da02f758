// Migrates the template database that every test database is copied from.
import { Unstuck } from '../../src/unstuck.ts';

/** Brings the database at `url` to the newest schema, as a first connection does. */
export async function migrateTemplate(url: string): Promise<void> {
  const unstuck = await Unstuck.connect({ database: url, schema: 'unstuck', migrate: true });
  await unstuck.close();
}
