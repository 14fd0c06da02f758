// WAV files of one channel of 16-bit samples: written, and read again whatever chunks stand before the samples.

/** Samples a second of everything that the assembler reads and makes. */
export const SAMPLE_RATE = 22_050;

/** Why a file is no WAV that the assembler reads: what was expected, and what stands there. */
export class WavError extends Error {
  override readonly name = 'WavError';
}

const HEADER_BYTES = 44;
const FORMAT_BYTES = 16;
const PCM = 1;
const FULL = 32_767;

/** Writes samples, which go from -1 to 1; what is beyond is cut. */
export function encodeWav(samples: Float32Array): Buffer {
  const dataBytes = samples.length * 2;
  const file = Buffer.alloc(HEADER_BYTES + dataBytes);
  file.write('RIFF', 0, 'latin1');
  file.writeUInt32LE(HEADER_BYTES - 8 + dataBytes, 4);
  file.write('WAVEfmt ', 8, 'latin1');
  file.writeUInt32LE(FORMAT_BYTES, 16);
  file.writeUInt16LE(PCM, 20);
  file.writeUInt16LE(1, 22);
  file.writeUInt32LE(SAMPLE_RATE, 24);
  file.writeUInt32LE(SAMPLE_RATE * 2, 28);
  file.writeUInt16LE(2, 32);
  file.writeUInt16LE(16, 34);
  file.write('data', 36, 'latin1');
  file.writeUInt32LE(dataBytes, 40);
  for (const [index, sample] of samples.entries())
    file.writeInt16LE(
      Math.round(Math.min(1, Math.max(-1, sample)) * FULL),
      HEADER_BYTES + index * 2,
    );
  return file;
}

/** Reads the samples of a file. Throws WavError for anything but one channel of 16 bits at this rate. */
export function decodeWav(file: Buffer): Float32Array {
  const chunks = chunksOf(file);
  const format = chunks.get('fmt ');
  if (format === undefined || format.length < FORMAT_BYTES)
    throw new WavError('Expected a chunk fmt, got none.');
  const got = [0, 2, 14].map((at) => format.readUInt16LE(at));
  const rate = format.readUInt32LE(4);
  if (got[0] !== PCM || got[1] !== 1 || got[2] !== 16 || rate !== SAMPLE_RATE)
    throw new WavError(
      `Expected PCM of 1 channel, 16 bits and ${SAMPLE_RATE} Hz, got format ${got[0]} of ${got[1]} channels, ${got[2]} bits and ${rate} Hz.`,
    );
  const data = chunks.get('data');
  if (data === undefined) throw new WavError('Expected a chunk data, got none.');
  return Float32Array.from(
    { length: Math.floor(data.length / 2) },
    (_, index) => data.readInt16LE(index * 2) / FULL,
  );
}

/** The chunks of a RIFF file by their names; one that is said to be longer than the file ends with it. */
function chunksOf(file: Buffer): Map<string, Buffer> {
  const is = (at: number, text: string): boolean => file.toString('latin1', at, at + 4) === text;
  if (file.length < 12 || !is(0, 'RIFF') || !is(8, 'WAVE'))
    throw new WavError('Expected a file that begins with RIFF and WAVE.');
  const chunks = new Map<string, Buffer>();
  for (let at = 12; at + 8 <= file.length; ) {
    const bytes = file.readUInt32LE(at + 4);
    chunks.set(file.toString('latin1', at, at + 4), file.subarray(at + 8, at + 8 + bytes));
    // Chunks begin at even places.
    at += 8 + bytes + (bytes % 2);
  }
  return chunks;
}
