/** Names: what types, queues, pools and limits may be called. */

const NAME = /^[\p{L}\p{N}._:/-]{1,200}$/u;

/** What `isName` accepts, in words. */
export const NAME_WORDS = '1 to 200 letters, digits and . _ : / -';

/** Tells whether a value may name a type, a queue, a pool or a limit. */
export function isName(value: unknown): value is string {
  return typeof value === 'string' && NAME.test(value);
}
