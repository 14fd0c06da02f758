// What is compressed: real files of this checkout, and two that are made, the same ones every time.
import { readFile } from 'node:fs/promises';

/** The names of the samples. */
export const SAMPLES = ['prose', 'schema', 'lock', 'log', 'noise'] as const;

/** The name of a sample. */
export type SampleName = (typeof SAMPLES)[number];

/** The most bytes of a sample: enough to tell codecs apart, little enough for the slowest level. */
export const SAMPLE_BYTES_MAX = 32_768;

const FILES: Readonly<Partial<Record<SampleName, string>>> = {
  prose: '../../ARCHITECTURE.md',
  schema: '../../docs/generated/schema.sql',
  lock: '../../package-lock.json',
};

/** Reads or makes a sample. */
export async function readSample(name: SampleName): Promise<Uint8Array> {
  const file = FILES[name];
  if (file !== undefined)
    return (await readFile(new URL(file, import.meta.url))).subarray(0, SAMPLE_BYTES_MAX);
  return name === 'log' ? makeLog() : makeNoise();
}

/** Lines as a server writes them: much of one is in the next. */
function makeLog(): Uint8Array {
  const random = numbersFrom(7);
  const pick = (from: readonly string[]): string => from[random() % from.length] ?? '';
  let text = '';
  for (let second = 0; text.length < SAMPLE_BYTES_MAX; second += 1) {
    const at = new Date(Date.UTC(2026, 0, 1) + second * 1_000).toISOString();
    const path = `/${pick(['posts', 'routes', 'jobs', 'pools'])}/${random() % 500}`;
    const status = pick(['200', '200', '200', '404', '500']);
    text += `${at} level=info event=request path=${path} status=${status} ms=${random() % 90}\n`;
  }
  return new TextEncoder().encode(text.slice(0, SAMPLE_BYTES_MAX));
}

/** Bytes in which no codec finds anything to shorten. */
function makeNoise(): Uint8Array {
  const random = numbersFrom(11);
  return Uint8Array.from({ length: SAMPLE_BYTES_MAX }, () => random() >>> 24);
}

/** Whole numbers of 32 bits that look like chance: mulberry32, by Tommy Ettinger, in the public domain. */
function numbersFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return (bits ^ (bits >>> 14)) >>> 0;
  };
}
