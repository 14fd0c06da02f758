/** Job ids: UUIDv7 made by the client, whose last byte is the lane of the job (an id alone finds its row). */
import { shown } from '../std/shown.ts';
import { unstuckError } from './errors.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Writes a UUIDv7 from a time (ms since 1970), a random UUID (whose random digits it takes) and a lane (0 to 255). */
export function jobId(nowMs: number, random: string, lane = 0): string {
  const time = nowMs.toString(16).padStart(12, '0');
  const last = lane.toString(16).padStart(2, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7${random.slice(15, 34)}${last}`;
}

/** Returns the id in its canonical form. Throws JOB_ID_INVALID when it is not a UUID. */
export function parseJobId(value: unknown): string {
  const id = typeof value === 'string' ? value.toLowerCase() : '';
  if (UUID.test(id)) return id;
  throw unstuckError(
    'JOB_ID_INVALID',
    `Expected a job id (a UUID), got ${shown(value)}. Pass the id that enqueue returned.`,
  );
}

/** Returns the time (ms since 1970) at which the id was made, by its maker's clock; 0 when it is not a UUIDv7. */
export function timeOf(id: string): number {
  return id[14] === '7' ? Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16) : 0;
}
