// The segments of an episode: what an order may name, and the sound that each of them is.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeWav, SAMPLE_RATE, WavError } from './wav.ts';

/** A part of an episode: made here, or a file that lies here. */
export type Segment =
  | { readonly kind: 'tone'; readonly hz: number; readonly seconds: number }
  | { readonly kind: 'noise'; readonly seed: number; readonly seconds: number }
  | { readonly kind: 'file'; readonly name: string };

/** What the assembler is asked for. */
export interface Recipe {
  readonly segments: readonly Segment[];
  /** Seconds in which a segment goes over into the next one; or how long nothing is heard between them. */
  readonly join: { readonly crossfade: number } | { readonly silence: number };
  /** Trouble on demand: takes a third of a second more for each segment, or the whole process down, once. */
  readonly rehearse: 'slow' | 'crash' | undefined;
}

/** Why a recipe cannot be followed, in words for whoever wrote it. */
export class RecipeError extends Error {
  override readonly name = 'RecipeError';
}

/** A file that a recipe names is not there, or is no sound. */
export class SegmentError extends Error {
  override readonly name = 'SegmentError';
}

const SEGMENTS_MAX = 200;
const SECONDS_MAX = 60;
const FILE_NAME = /^[a-z0-9][a-z0-9-]{0,60}\.wav$/;
const LOUDNESS = 0.4;

/** Reads a recipe. Throws RecipeError. */
export function parseRecipe(value: unknown): Recipe {
  const { segments, join: how, rehearse } = asObject(value, 'the input');
  if (!Array.isArray(segments) || segments.length === 0 || segments.length > SEGMENTS_MAX)
    throw new RecipeError(`Expected 1 to ${SEGMENTS_MAX} segments, got ${typeof segments}.`);
  return {
    segments: segments.map(parseSegment),
    join: parseJoin(how),
    rehearse: rehearse === 'slow' || rehearse === 'crash' ? rehearse : undefined,
  };
}

/** Makes or reads the samples of a segment. Throws SegmentError. */
export async function samplesOf(segment: Segment, directory: string): Promise<Float32Array> {
  if (segment.kind === 'file') return readSegment(segment.name, directory);
  const length = Math.round(segment.seconds * SAMPLE_RATE);
  if (segment.kind === 'noise') return noise(length, segment.seed);
  const turn = (2 * Math.PI * segment.hz) / SAMPLE_RATE;
  return Float32Array.from({ length }, (_, index) => LOUDNESS * Math.sin(turn * index));
}

function parseSegment(value: unknown, index: number): Segment {
  const where = `segment ${index}`;
  const { kind, hz, seconds, seed, name } = asObject(value, where);
  if (kind === 'file') {
    if (typeof name === 'string' && FILE_NAME.test(name)) return { kind, name };
    throw new RecipeError(`Expected the name of ${where} to be such as jingle.wav.`);
  }
  const length = within(seconds, [0.01, SECONDS_MAX], `seconds of ${where}`);
  if (kind === 'tone')
    return { kind, hz: within(hz, [20, 10_000], `hz of ${where}`), seconds: length };
  if (kind === 'noise')
    return { kind, seed: within(seed, [0, 4_294_967_295], `seed of ${where}`), seconds: length };
  throw new RecipeError(`Expected the kind of ${where} to be tone, noise or file.`);
}

function parseJoin(value: unknown): Recipe['join'] {
  const { crossfade, silence } = asObject(value, 'join');
  if (silence === undefined) return { crossfade: within(crossfade, [0, 10], 'join.crossfade') };
  return { silence: within(silence, [0, 10], 'join.silence') };
}

function asObject(value: unknown, what: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  throw new RecipeError(`Expected ${what} to be an object, got ${typeof value}.`);
}

function within(value: unknown, [min, max]: readonly [number, number], what: string): number {
  if (typeof value === 'number' && value >= min && value <= max) return value;
  throw new RecipeError(`Expected ${what} to be a number from ${min} to ${max}.`);
}

async function readSegment(name: string, directory: string): Promise<Float32Array> {
  try {
    return decodeWav(await readFile(join(directory, name)));
  } catch (error) {
    const why = error instanceof WavError ? error.message : 'It cannot be read.';
    throw new SegmentError(`The segment ${name} is not to be had: ${why}`, { cause: error });
  }
}

/** The same seed makes the same noise (mulberry32). */
function noise(length: number, seed: number): Float32Array {
  let state = seed >>> 0;
  return Float32Array.from({ length }, () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return LOUDNESS * (((mixed ^ (mixed >>> 14)) >>> 0) / 2_147_483_648 - 1);
  });
}
