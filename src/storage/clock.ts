/** Clock: the database's time, which tests move. */
import { readClock } from '../sql/inspect.ts';
import { readClockOffset, setClockOffset } from '../sql/testing.ts';
import type { Database } from './database.ts';
import { makePartitions } from './partitions.ts';

/** Returns the database's time. */
export async function readNow(database: Database): Promise<Date> {
  const [clock] = await database.run(readClock);
  return clock?.now ?? new Date(Number.NaN);
}

/** Moves the installation's clock forward by so many ms, or back to the server's with undefined; returns the time it shows then. */
export async function moveClock(database: Database, ms: number | undefined): Promise<Date> {
  const [offset] = await database.run(readClockOffset);
  const next = ms === undefined ? 0 : (offset?.ms ?? 0) + ms;
  await database.withClient((client) => client.query(setClockOffset(database.names, next).text));
  // Rows that end from now on need the partitions of their day.
  await makePartitions(database);
  return readNow(database);
}
