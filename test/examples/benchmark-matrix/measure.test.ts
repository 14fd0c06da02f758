// The laws of a cell: the samples are the same ones every time, and what a codec shortens it gives back.
import { describe, expect, test } from 'vitest';
import { CODECS, findCodec } from '../../../examples/benchmark-matrix/codecs.ts';
import { measure } from '../../../examples/benchmark-matrix/measure.ts';
import { measureBy } from '../../../examples/benchmark-matrix/providers.ts';
import {
  readSample,
  SAMPLE_BYTES_MAX,
  SAMPLES,
} from '../../../examples/benchmark-matrix/samples.ts';

const RUNNING = new AbortController().signal;

describe('samples', () => {
  test.each(SAMPLES)('%s is some KB, the same ones every time', async (name) => {
    const bytes = await readSample(name);
    expect(bytes.length).toBeGreaterThan(5_000);
    expect(bytes.length).toBeLessThanOrEqual(SAMPLE_BYTES_MAX);
    expect(Buffer.compare(bytes, await readSample(name))).toBe(0);
  });
});

describe('a cell', () => {
  test.each(CODECS)('%s gives back what it was given, at every level it has', async (name) => {
    const codec = findCodec(name);
    expect(codec).toBeDefined();
    for (const level of [codec?.levels.min ?? 1, codec?.levels.max ?? 1])
      for (const sample of SAMPLES) {
        const measured = await measure({ codec: name, level, sample });
        expect(measured).toMatchObject({ codec: name, level, sample });
        expect(measured.ratio).toBeCloseTo(measured.bytes / measured.compressedBytes, 2);
        // Noise cannot be shortened; everything else is, by half at least.
        if (sample === 'noise') expect(measured.ratio).toBeLessThan(1.01);
        else expect(measured.ratio).toBeGreaterThan(2);
      }
  });

  test('a level that a codec does not have cannot be measured by anybody', async () => {
    await expect(measure({ codec: 'gzip', level: 10, sample: 'log' })).rejects.toMatchObject({
      code: 'LEVEL_UNKNOWN',
      message: 'Expected a level of gzip from 1 to 9, got 10.',
    });
  });

  test('a provider that refuses does so by code, one that hangs ends with its signal', async () => {
    const cell = { codec: 'gzip', level: 6, sample: 'log' } as const;
    expect(await measureBy('here', cell, RUNNING)).toMatchObject(cell);
    await expect(measureBy('refusing', cell, RUNNING)).rejects.toMatchObject({
      code: 'PROVIDER_REFUSED',
    });
    await expect(measureBy('hanging', cell, AbortSignal.abort())).rejects.toMatchObject({
      name: 'AbortError',
    });
  });
});
