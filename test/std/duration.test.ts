// The laws of durations: one parser, whole milliseconds, nothing guessed.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatDuration, parseDuration } from '../../src/std/duration.ts';

test('a number is milliseconds, a text has a unit', () => {
  expect(parseDuration(1_500)).toBe(1_500);
  expect(parseDuration('250ms')).toBe(250);
  expect(parseDuration('1.5s')).toBe(1_500);
  expect(parseDuration(' 5 m ')).toBe(300_000);
  expect(parseDuration('2h')).toBe(7_200_000);
  expect(parseDuration('7d')).toBe(604_800_000);
  expect(parseDuration(0)).toBe(0);
});

test('what is not a duration is undefined, never a guess', () => {
  for (const value of [
    -1,
    Number.NaN,
    Infinity,
    '',
    '5',
    's',
    '-5s',
    '5 years',
    '1e3s',
    '5s5',
    null,
    {},
    [],
    true,
  ])
    expect(parseDuration(value), JSON.stringify(value)).toBeUndefined();
  expect(parseDuration(`${'9'.repeat(400)}d`)).toBeUndefined();
});

test('every parsed duration is a whole, finite number of milliseconds, not negative', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.double(), fc.string(), fc.stringMatching(/^\d{1,30}(\.\d{1,5})?(ms|s|m|h|d)$/)),
      (given) => {
        const ms = parseDuration(given);
        expect(ms === undefined || (Number.isInteger(ms) && ms >= 0)).toBe(true);
      },
    ),
  );
});

test('a person reads at most two units', () => {
  expect(
    [0, 850, 999.6, 12_000, 59_999, 300_000, 61_000, 12_000_000, 187_200_000].map(formatDuration),
  ).toEqual(['0ms', '850ms', '1s', '12s', '1m', '5m', '1m 1s', '3h 20m', '2d 4h']);
});
