// The laws of retries: every delay is finite and within its bounds, and attempts end.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LONGEST_MS, parseRetry, retryDelayMs } from '../../src/domain/retry-policy.ts';

const failed = (attempt: number, attemptsMax = 1_000_000) => ({
  attempt,
  attemptsMax,
  error: new Error('x'),
});

test('E1: the delay is finite for any attempt and never beyond the longest', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 999_999 }),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      fc.integer({ min: 0, max: LONGEST_MS }),
      fc.integer({ min: 0, max: LONGEST_MS }),
      (attempt, random, base, max) => {
        const delay = retryDelayMs(parseRetry({ base, max }, 'x'), failed(attempt), random);
        expect(delay).toBeGreaterThanOrEqual(0);
        expect(delay).toBeLessThanOrEqual(max);
        expect(Number.isSafeInteger(delay)).toBe(true);
      },
    ),
  );
});

test('exponential: full jitter from nothing to base × 2^(attempt − 1), up to the longest delay', () => {
  const policy = parseRetry({ base: '1s', max: '10s' }, 'x');
  const ceiling = (attempt: number) => retryDelayMs(policy, failed(attempt), 0.999_999_999);
  expect([1, 2, 3, 4, 5, 99].map(ceiling)).toEqual([1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
  expect(retryDelayMs(policy, failed(3), 0)).toBe(0);
  expect(retryDelayMs(policy, failed(3), 0.5)).toBe(2_000);
});

test('fixed: always the base', () => {
  const policy = parseRetry({ backoff: 'fixed', base: '3s' }, 'x');
  expect([1, 7, 500].map((attempt) => retryDelayMs(policy, failed(attempt), 0.3))).toEqual([
    3_000, 3_000, 3_000,
  ]);
});

test('a function decides, and false means no further attempt', () => {
  const policy = parseRetry(
    { backoff: ({ attempt }) => (attempt > 2 ? false : `${attempt}m`) },
    'x',
  );
  expect(retryDelayMs(policy, failed(1), 0)).toBe(60_000);
  expect(retryDelayMs(policy, failed(2), 0)).toBe(120_000);
  expect(retryDelayMs(policy, failed(3), 0)).toBeUndefined();
});

test('a function that answers nonsense is refused by name, not obeyed', () => {
  for (const answer of ['soon', Number.NaN, -1, Infinity, undefined, LONGEST_MS + 1])
    expect(() =>
      retryDelayMs(parseRetry({ backoff: () => answer as number }, 'x'), failed(1), 0),
    ).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }));
});

test('the last attempt has no delay: there is no other', () => {
  for (const backoff of ['exponential', 'fixed', () => 5] as const)
    expect(
      retryDelayMs(parseRetry({ backoff, attempts: 3 }, 'x'), failed(3, 3), 0.5),
    ).toBeUndefined();
});

test('options out of bounds are refused by name', () => {
  for (const options of [
    { attempts: 0 },
    { attempts: 1_001 },
    { attempts: 1.5 },
    { base: 'x' },
    { max: -1 },
    { backoff: 'linear' as never },
  ])
    expect(() => parseRetry(options, 'type t')).toThrow(
      expect.objectContaining({ code: 'OPTION_INVALID' }),
    );
});
