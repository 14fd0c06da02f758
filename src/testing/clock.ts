/** Moves the time of an installation, so that tests of delays, retries and deadlines do not wait. */
import { unstuckError } from '../domain/errors.ts';
import { type Duration, parseDuration } from '../std/duration.ts';
import * as clock from '../storage/clock.ts';
import { databaseOf, Unstuck } from '../unstuck.ts';

/**
 * Moves the clock of the installation forward, for every process that uses it, and returns the time it shows then. Moves add up.
 * Only for databases made for tests: leases and deadlines of live workers run out with it. Throws TIME_INVALID.
 */
export async function moveClock(installation: Unstuck | string, by: Duration): Promise<Date> {
  const ms = parseDuration(by);
  if (ms === undefined)
    throw unstuckError('TIME_INVALID', `Expected a duration such as '2h', got ${String(by)}.`);
  return withConnection(installation, (unstuck) => clock.moveClock(databaseOf(unstuck), ms));
}

/** Makes the clock the server's again and returns the time it shows then. */
export async function resetClock(installation: Unstuck | string): Promise<Date> {
  return withConnection(installation, (unstuck) => clock.moveClock(databaseOf(unstuck), undefined));
}

async function withConnection<T>(
  installation: Unstuck | string,
  work: (unstuck: Unstuck) => Promise<T>,
): Promise<T> {
  if (typeof installation !== 'string') return work(installation);
  const unstuck = await Unstuck.connect({ database: installation });
  try {
    return await work(unstuck);
  } finally {
    await unstuck.close();
  }
}
