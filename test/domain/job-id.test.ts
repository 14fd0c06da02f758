// The laws of job ids: UUIDs of version 7 that carry their time and their lane.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { JobIds, parseJobId, timeOf } from '../../src/domain/job-id.ts';

test('an id is a UUID of version 7 from which its time and lane can be read', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2 ** 47 }), fc.nat({ max: 255 }), (now, lane) => {
      const id = new JobIds().next(now, lane);
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      expect(Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16)).toBe(now);
      expect(Number.parseInt(id.slice(-2), 16)).toBe(lane);
      expect(parseJobId(id.toUpperCase())).toBe(id);
    }),
  );
});

test('each id of a process sorts behind the one before, whatever the clock does within seconds', () => {
  const steps = fc.array(fc.integer({ min: -3, max: 3 }), { minLength: 5_000, maxLength: 5_000 });
  fc.assert(
    fc.property(steps, (moves) => {
      const ids = new JobIds();
      let now = 1_000_000;
      let last = '';
      for (const move of moves) {
        now += Math.sign(Math.max(0, Math.abs(move) - 2)) * move;
        const id = ids.next(now);
        expect(id > last).toBe(true);
        last = id;
      }
    }),
    { numRuns: 5 },
  );
});

test('ten thousand ids of one millisecond are all different and in order', () => {
  const ids = new JobIds();
  const made = Array.from({ length: 10_000 }, () => ids.next(1_000));
  expect(made.toSorted()).toEqual(made);
  expect(new Set(made).size).toBe(10_000);
});

test('a clock that is set back for good is followed', () => {
  const ids = new JobIds();
  ids.next(1_000_000);
  expect(timeOf(ids.next(900_000))).toBe(900_000);
});

test('what is not a UUID is refused by name', () => {
  for (const value of [
    '',
    'abc',
    undefined,
    null,
    5,
    {},
    '01234567-89ab-cdef-0123-456789abcdeg',
    ' '.repeat(36),
  ])
    expect(() => parseJobId(value)).toThrow(expect.objectContaining({ code: 'JOB_ID_INVALID' }));
});
