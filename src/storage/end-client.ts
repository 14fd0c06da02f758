/** End client: the one way in which a connection of ours is ended, whether or not its other end still answers. */
import type pg from 'pg';
import { settlesWithin } from '../std/timer.ts';

/** A server that is there closes within milliseconds. */
const GOODBYE_MS = 1_000;

/**
 * Says goodbye and destroys the socket when that is not answered within 1 s: pg waits for ever for the end of an idle connection that is
 * half-open. Resolves in both cases, never rejects.
 */
export async function endClient(client: pg.Client): Promise<void> {
  await settlesWithin(client.end(), GOODBYE_MS);
  client.connection.stream.destroy();
}
