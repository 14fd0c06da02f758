/** Open database: from an address to a database that is ready to use. */
import type { Log } from '../domain/log.ts';
import type { Config } from '../domain/options.ts';
import { Database } from './database.ts';
import type { EmbeddedPostgres } from './embedded/embedded-postgres.ts';
import { checkSchema, migrate } from './migrator.ts';
import { ensurePartitions, unlessForbidden } from './partitions.ts';
import { inspectServer } from './server.ts';

/** A database that is ready, and the names of the migrations that were applied on the way. */
export interface Opened {
  readonly database: Database;
  readonly migrated: readonly string[];
}

/** Connects, migrates or checks the schema, and makes the partitions of the coming days. Throws what each of these throws. */
export async function openDatabase(url: string, config: Config, log: Log): Promise<Opened> {
  const { pooled } = await inspectServer(url, config);
  if (pooled)
    log.warn('transaction_pooler_found', {
      effect: 'no LISTEN, no session locks: polling and leases only',
    });
  const database = new Database(url, config, pooled, (error) =>
    log.debug('connection_lost', { error }),
  );
  try {
    const migrated = config.migrate ? await migrate(database) : [];
    if (!config.migrate) await checkSchema(database);
    await unlessForbidden(database, log, ensurePartitions(database));
    return { database, migrated };
  } catch (error) {
    await database.close();
    throw error;
  }
}

/** Starts the embedded PostgreSQL; it is loaded only when it is used: its modules take 7 MB. */
export async function startEmbedded({ directory }: Config, log: Log): Promise<EmbeddedPostgres> {
  const embedded = await import('./embedded/start-embedded.ts');
  return embedded.startEmbedded({ directory, log });
}
