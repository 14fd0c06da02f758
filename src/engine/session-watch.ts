/** Session watch: notices that the server has ended a session whose client was not told, because its connection is half-open. */
import type pg from 'pg';
import { findSession } from '../sql/session.ts';
import { sleep } from '../std/timer.ts';
import type { Database } from '../storage/database.ts';
import { endClient } from '../storage/end-client.ts';

/** Looks this often in one lease: the server ends an idle transaction after a lease, and one look later its client knows. */
const LOOKS_PER_LEASE = 5;

/**
 * Destroys the client when its session is gone, so that a statement that waits for a reply fails instead of waiting for ever; a statement
 * that really takes long is left alone. Ends with the signal. Behind a transaction pooler sessions have no names, and nobody looks.
 */
export async function watchSession(
  database: Database,
  client: pg.PoolClient,
  signal: AbortSignal,
): Promise<void> {
  const backend = (client as unknown as { processID: number | null }).processID;
  if (database.pooled || backend === null) return;
  for (;;) {
    await sleep(database.config.lease / LOOKS_PER_LEASE, signal);
    if (signal.aborted) return;
    const session = await database.run(findSession, [backend]).catch(() => undefined);
    if (signal.aborted || session === undefined || session.length > 0) continue;
    await endClient(client);
    return;
  }
}
