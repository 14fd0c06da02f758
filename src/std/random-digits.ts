/** Random digits: cut from a pool, because a call of the system's generator for each id costs more than the id. */
import { randomBytes } from 'node:crypto';

const POOL_BYTES = 2_048;

let pool = '';
let at = 0;

/** Returns so many random hexadecimal digits (at most 100), from the generator of `node:crypto`. */
export function randomDigits(count: number): string {
  if (at + count > pool.length) {
    pool = randomBytes(POOL_BYTES).toString('hex');
    at = 0;
  }
  at += count;
  return pool.slice(at - count, at);
}
