/** Job ids: UUIDv7 made by the client, whose last byte is the lane of the job (an id alone finds its row). */
import { randomDigits } from '../std/random-digits.ts';
import { shown } from '../std/shown.ts';
import { unstuckError } from './errors.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** The counter of a millisecond starts below this, so that it has room to count. */
const FIRST_MAX = 0x400;
const COUNT_MAX = 0xfff;
/** A clock that is set back by more than this is followed: until then the ids go on from where they were. */
const BACK_MAX_MS = 10_000;

/**
 * Makes the ids of one process: UUIDv7, each greater than the one before (RFC 9562 §6.2, a counter in `rand_a`), so that jobs sort in the
 * order in which they were enqueued. A millisecond with more than 3,000 ids lends some from the next.
 */
export class JobIds {
  #ms = 0;
  #count = 0;
  /** What all ids of this millisecond begin with. */
  #head = '';

  /** Writes the next id from a time (ms since 1970), a lane (0 to 255) and 17 random hexadecimal digits. */
  next(nowMs: number, lane = 0, digits: string = randomDigits(17)): string {
    if (nowMs > this.#ms || this.#ms - nowMs > BACK_MAX_MS) this.#begin(nowMs, digits);
    else if (this.#count < COUNT_MAX) this.#count += 1;
    else this.#begin(this.#ms + 1, digits);
    const variant = VARIANTS[digits.charCodeAt(3) % 4];
    const random = `${variant}${digits.slice(4, 7)}-${digits.slice(7)}`;
    return `${this.#head}${hex(this.#count, 3)}-${random}${lane === 0 ? '00' : hex(lane, 2)}`;
  }

  #begin(ms: number, digits: string): void {
    this.#ms = ms;
    this.#count = Number.parseInt(digits.slice(0, 3), 16) % FIRST_MAX;
    const time = hex(ms, 12);
    this.#head = `${time.slice(0, 8)}-${time.slice(8)}-7`;
  }
}

/** The digit that says which kind of UUID it is; two of its bits are random. */
const VARIANTS = '89ab';

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}

/** Whether a value is a UUID, as every id is. */
export function isUuid(value: unknown): value is string {
  return typeof value === 'string' && UUID.test(value.toLowerCase());
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
