/** What every job carries: a JSON object of exactly the wanted size, 113 bytes as in the study. */

/** The size of the payload in all rows that do not say otherwise. */
export const PAYLOAD_BYTES = 113;

/** The input of one job. */
export interface Payload {
  readonly n: number;
  /** When it was due to be enqueued, on the clock of `nowMs`. */
  readonly sentAt: number;
  readonly pad: string;
}

/** Letters that do not compress, or PostgreSQL would make a large payload small. */
const NOISE = makeNoise(1 << 18);

/** Makes the input of job `n`; `bytes` is the length of its JSON. */
export function makePayload(n: number, sentAt: number, bytes: number = PAYLOAD_BYTES): Payload {
  const rounded = Math.round(sentAt * 1_000) / 1_000;
  const bare = JSON.stringify({ n, sentAt: rounded, pad: '' }).length;
  const length = Math.max(0, bytes - bare);
  const from = (n * 131) % (NOISE.length - length);
  return { n, sentAt: rounded, pad: NOISE.slice(from, from + length) };
}

/** Makes the same letters in every run (a linear congruential generator, six bits a letter). */
function makeNoise(length: number): string {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  let state = 1;
  return Array.from({ length }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return letters[state >>> 26];
  }).join('');
}
