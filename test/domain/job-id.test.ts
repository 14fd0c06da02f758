// The laws of job ids: UUIDs of version 7 that carry their time and their lane.
import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { jobId, parseJobId } from '../../src/domain/job-id.ts';

test('an id is a UUID of version 7 from which its time and lane can be read', () => {
  fc.assert(
    fc.property(
      fc.nat({ max: 2 ** 47 }),
      fc.uuid({ version: 4 }),
      fc.nat({ max: 255 }),
      (now, random, lane) => {
        const id = jobId(now, random, lane);
        expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
        expect(Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16)).toBe(now);
        expect(Number.parseInt(id.slice(-2), 16)).toBe(lane);
        expect(parseJobId(id.toUpperCase())).toBe(id);
      },
    ),
  );
});

test('later ids sort behind earlier ones', () => {
  expect(jobId(1_000, randomUUID()) < jobId(1_001, randomUUID())).toBe(true);
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
