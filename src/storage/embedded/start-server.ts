/** Starts or joins a server with given binaries and hands out its handle. */
import { type Log, lineLog } from '../../domain/log.ts';
import { monotonicMs } from '../../std/timer.ts';
import type { Binaries } from './binaries.ts';
import { type BringUp, bringUp } from './bring-up.ts';
import { openCluster } from './cluster.ts';
import { ensureDatabase } from './database.ts';
import type { EmbeddedOptions, EmbeddedPostgres } from './embedded-postgres.ts';
import { HeldServer } from './held-server.ts';
import { Ownership } from './ownership.ts';
import type { Place } from './place.ts';

const MAX_CONNECTIONS = 200;
const START_TIMEOUT_MS = 60_000;

/** Starts a server on the place, or joins the one that runs there, and resolves when its database is there. */
export async function startServer(
  place: Place,
  binaries: Binaries,
  options: EmbeddedOptions,
): Promise<EmbeddedPostgres> {
  const from = monotonicMs();
  const durable = options.durable ?? true;
  const password = await openCluster(place, binaries, durable);
  const owner = new Ownership(place);
  const given: BringUp = {
    place,
    binaries,
    owner,
    port: options.port,
    durable,
    maxConnections: options.maxConnections ?? MAX_CONNECTIONS,
    timeoutMs: options.startTimeoutMs ?? START_TIMEOUT_MS,
  };
  try {
    const up = await bringUp(given);
    await ensureDatabase(place, up.port, password);
    const log = options.log ?? silent();
    const ms = Math.round(monotonicMs() - from);
    const event = up.started ? 'embedded_started' : 'embedded_joined';
    log.info(event, { pid: up.pid, port: up.port, data: place.dataDirectory, ms });
    // Whoever has the address keeps it, so the port is fixed from here on.
    return new HeldServer({ ...given, port: up.port }, up, {
      password,
      log,
      revive: options.revive ?? true,
    });
  } catch (error) {
    owner.leave();
    throw error;
  }
}

function silent(): Log {
  return lineLog('silent', () => {});
}
