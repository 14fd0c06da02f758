// The laws of WAV files: what is written is read again, and what is no WAV is refused by what is wrong with it.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  decodeWav,
  encodeWav,
  SAMPLE_RATE,
  WavError,
} from '../../../examples/episodes/assembler/wav.ts';

const sample = fc.double({ min: -1, max: 1, noNaN: true });

describe('a file', () => {
  test('has the samples that it was made of, to the nearest of 16 bits', () => {
    fc.assert(
      fc.property(fc.array(sample, { maxLength: 50 }), (samples) => {
        const read = decodeWav(encodeWav(Float32Array.from(samples)));
        expect(read).toHaveLength(samples.length);
        for (const [index, one] of samples.entries())
          expect(Math.abs((read[index] ?? 9) - one)).toBeLessThan(1 / 32_000);
      }),
    );
  });

  test('says its own sizes, and its rate', () => {
    const file = encodeWav(new Float32Array(10));
    expect(file).toHaveLength(64);
    expect([file.readUInt32LE(4), file.readUInt32LE(24), file.readUInt32LE(40)]).toEqual([
      56,
      SAMPLE_RATE,
      20,
    ]);
  });

  test('is read with other chunks before its samples, also those of an odd length', () => {
    const file = encodeWav(Float32Array.of(0.5, -0.5));
    const list = Buffer.from('LIST\u0003\0\0\0abc\0', 'latin1');
    const with3 = Buffer.concat([file.subarray(0, 36), list, file.subarray(36)]);
    expect(decodeWav(with3)).toEqual(decodeWav(file));
  });

  test('has what is louder than it can hold cut', () => {
    expect([...decodeWav(encodeWav(Float32Array.of(3, -3)))]).toEqual([1, -1]);
  });
});

describe('what is no such file is refused', () => {
  const good = encodeWav(new Float32Array(4));
  const withValue = (at: number, value: number): Buffer => {
    const file = Buffer.from(good);
    file.writeUInt16LE(value, at);
    return file;
  };

  test.each([
    ['nothing', Buffer.alloc(0), 'RIFF'],
    ['another format', Buffer.from('OggS and so on, and on'), 'RIFF'],
    ['two channels', withValue(22, 2), '2 channels'],
    ['8 bits', withValue(34, 8), '8 bits'],
    ['a float format', withValue(20, 3), 'format 3'],
    ['another rate', withValue(24, 8_000), '8000 Hz'],
    ['no samples', good.subarray(0, 36), 'data'],
    ['no format', Buffer.concat([good.subarray(0, 12), good.subarray(36)]), 'fmt'],
  ])('%s', (_, file, words) => {
    expect(() => decodeWav(file)).toThrow(WavError);
    expect(() => decodeWav(file)).toThrow(words);
  });

  test('whatever bytes they are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        const file = Buffer.concat([good.subarray(0, 12), bytes]);
        try {
          decodeWav(file);
        } catch (error) {
          expect(error).toBeInstanceOf(WavError);
        }
      }),
    );
  });
});
