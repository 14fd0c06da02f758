// The laws of joining: how long the whole is, that nothing of a track is lost, and that a crossfade keeps its power.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { joinTracks } from '../../../examples/episodes/assembler/joining.ts';
import { SAMPLE_RATE } from '../../../examples/episodes/assembler/wav.ts';

const ones = (length: number): Float32Array => new Float32Array(length).fill(1);
const lengths = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 8 });

test('with silence between them, the tracks stand in it unchanged', () => {
  const joined = joinTracks([ones(3), ones(2)], { silence: 4 / SAMPLE_RATE });
  expect([...joined]).toEqual([1, 1, 1, 0, 0, 0, 0, 1, 1]);
});

test('a crossfade of nothing puts one track behind the other', () => {
  fc.assert(
    fc.property(lengths, (given) => {
      const joined = joinTracks(given.map(ones), { crossfade: 0 });
      expect([...joined]).toEqual([...ones(given.reduce((sum, length) => sum + length, 0))]);
    }),
  );
});

test('a crossfade takes its length from the whole once for each joint, and at most half of the shorter track', () => {
  fc.assert(
    fc.property(lengths, fc.integer({ min: 0, max: 200 }), (given, wanted) => {
      const joined = joinTracks(given.map(ones), { crossfade: wanted / SAMPLE_RATE });
      let expected = 0;
      for (const [index, length] of given.entries()) {
        const next = given[index + 1];
        expected += length;
        if (next !== undefined)
          expected -= Math.min(wanted, Math.floor(length / 2), Math.floor(next / 2));
      }
      expect(joined).toHaveLength(expected);
      expect(joined.every((sample) => sample > 0 && sample < 1.5)).toBe(true);
    }),
  );
});

test('where two tracks overlap, the powers of their gains add up to one', () => {
  const fade = 100;
  const how = { crossfade: fade / SAMPLE_RATE };
  const left = joinTracks([ones(300), new Float32Array(300)], how).subarray(200, 300);
  const right = joinTracks([new Float32Array(300), ones(300)], how).subarray(200, 300);
  for (const [index, gain] of left.entries())
    expect(gain ** 2 + (right[index] ?? 0) ** 2).toBeCloseTo(1, 5);
});
