// The laws of random digits: as many as were asked for, and none of them twice.
import { expect, test } from 'vitest';
import { randomDigits } from '../../src/std/random-digits.ts';

test('each call gives other digits, as many as were asked for, however often it is asked', () => {
  const given = Array.from({ length: 2_000 }, () => randomDigits(17));
  for (const digits of given) expect(digits).toMatch(/^[0-9a-f]{17}$/);
  expect(new Set(given).size).toBe(2_000);
});

test('every digit comes about equally often', () => {
  const all = Array.from({ length: 4_000 }, () => randomDigits(16)).join('');
  for (const digit of '0123456789abcdef') {
    const share = all.split(digit).length / all.length;
    expect(share).toBeGreaterThan(1 / 20);
    expect(share).toBeLessThan(1 / 13);
  }
});
