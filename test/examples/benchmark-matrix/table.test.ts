// The laws of the answer: the smallest is the smallest, and the thrifty one is near it and none near it is faster.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CODECS } from '../../../examples/benchmark-matrix/codecs.ts';
import type { Measured } from '../../../examples/benchmark-matrix/measure.ts';
import { SAMPLES } from '../../../examples/benchmark-matrix/samples.ts';
import { bestOf, tableOf } from '../../../examples/benchmark-matrix/table.ts';

const cell = (more: Partial<Measured>): Measured => ({
  codec: 'gzip',
  level: 1,
  sample: 'log',
  bytes: 1_000,
  compressedBytes: 500,
  ratio: 2,
  compressMs: 1,
  decompressMs: 1,
  ...more,
});

test('the best of each sample, as a list and as a table', () => {
  const best = bestOf([
    cell({ level: 6, ratio: 3.9, compressMs: 2 }),
    cell({ codec: 'brotli', level: 11, ratio: 4, compressMs: 90 }),
    cell({ level: 1, ratio: 2, compressMs: 1 }),
    cell({ sample: 'noise', ratio: 1 }),
  ]);
  expect(best).toMatchObject([
    {
      sample: 'log',
      smallest: { codec: 'brotli', level: 11 },
      thrifty: { codec: 'gzip', level: 6 },
    },
    { sample: 'noise', smallest: { codec: 'gzip' }, thrifty: { codec: 'gzip' } },
  ]);
  expect(tableOf(best).split('\n')).toEqual([
    '| sample | bytes | smallest | fast and small |',
    '| --- | --: | --- | --- |',
    '| log | 1000 | brotli 11: 4.00 in 90.0 ms | gzip 6: 3.90 in 2.0 ms |',
    '| noise | 1000 | gzip 1: 1.00 in 1.0 ms | gzip 1: 1.00 in 1.0 ms |',
  ]);
});

test('whatever was measured: no ratio is larger than the smallest’s, and none near it is faster than the thrifty one', () => {
  const measured = fc.record({
    codec: fc.constantFrom(...CODECS),
    sample: fc.constantFrom(...SAMPLES),
    level: fc.nat(11),
    ratio: fc.integer({ min: 1, max: 50 }),
    compressMs: fc.nat(20),
  });
  fc.assert(
    fc.property(fc.array(measured), (parts) => {
      const cells = parts.map(cell);
      const best = bestOf(cells);
      expect(best.map(({ sample }) => sample)).toEqual([
        ...new Set(cells.map((one) => one.sample)),
      ]);
      for (const { sample, smallest, thrifty } of best) {
        const own = cells.filter((one) => one.sample === sample);
        expect(smallest.ratio).toBe(Math.max(...own.map(({ ratio }) => ratio)));
        const near = own.filter(({ ratio }) => ratio >= smallest.ratio * 0.9);
        expect(thrifty.compressMs).toBe(Math.min(...near.map(({ compressMs }) => compressMs)));
      }
    }),
  );
});

test('nothing measured is nothing best', () => {
  expect(bestOf([])).toEqual([]);
});
