// Measures one cell: how small a codec makes a sample at a level, and how long there and back take.
import { type CodecName, findCodec } from './codecs.ts';
import { readSample, type SampleName } from './samples.ts';

/** A cell of the matrix. */
export interface Cell {
  readonly codec: CodecName;
  readonly level: number;
  readonly sample: SampleName;
}

/** What was measured of a cell. */
export interface Measured extends Cell {
  readonly bytes: number;
  readonly compressedBytes: number;
  /** Bytes before by bytes after: larger is better. */
  readonly ratio: number;
  readonly compressMs: number;
  readonly decompressMs: number;
}

/** Why a cell cannot be measured, whoever tries and however often. */
export class UnmeasurableError extends Error {
  override readonly name = 'UnmeasurableError';
  readonly code: 'CODEC_MISSING' | 'LEVEL_UNKNOWN';

  constructor(code: UnmeasurableError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/** Measures a cell, the bytes that came back compared. Throws UnmeasurableError when there is no such codec or level here. */
export async function measure(cell: Cell): Promise<Measured> {
  const codec = findCodec(cell.codec);
  if (codec === undefined)
    throw new UnmeasurableError('CODEC_MISSING', `Node ${process.version} has no ${cell.codec}.`);
  const { min, max } = codec.levels;
  if (cell.level < min || cell.level > max)
    throw new UnmeasurableError(
      'LEVEL_UNKNOWN',
      `Expected a level of ${cell.codec} from ${min} to ${max}, got ${cell.level}.`,
    );
  const bytes = await readSample(cell.sample);
  const started = performance.now();
  const compressed = await codec.compress(bytes, cell.level);
  const between = performance.now();
  const restored = await codec.decompress(compressed);
  const ended = performance.now();
  if (Buffer.compare(bytes, restored) !== 0)
    throw new Error(`${cell.codec} gave back other bytes than it was given.`);
  return {
    ...cell,
    bytes: bytes.length,
    compressedBytes: compressed.length,
    ratio: Number((bytes.length / compressed.length).toFixed(3)),
    compressMs: Number((between - started).toFixed(2)),
    decompressMs: Number((ended - between).toFixed(2)),
  };
}
