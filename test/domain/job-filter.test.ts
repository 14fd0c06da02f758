// The laws of filters: what is no filter is refused by name, and what is one means what it says.
import { describe, expect, test } from 'vitest';
import {
  isEmptyFilter,
  type JobFilter,
  parseFilter,
  parseIds,
  parsePage,
} from '../../src/domain/job-filter.ts';

const ID = '01a20077-9475-7261-9e06-aa4ced104c00';

describe('what is no filter is refused by name', () => {
  test.each([
    [{ sate: 'failed' }, 'sate'],
    [{ state: 'done' }, 'state'],
    [{ state: [] }, 'state'],
    [{ state: ['failed', null] }, 'state'],
    [{ type: '' }, 'type'],
    [{ type: 7 }, 'type'],
    [{ tag: 'a\0b' }, 'tag'],
    [{ key: 'k'.repeat(501) }, 'key'],
    [{ errorCode: ['A'] }, 'errorCode'],
    [{ late: 'yes' }, 'late'],
    [{ createdAfter: new Date(Number.NaN) }, 'createdAfter'],
    [{ createdBefore: '2027-01-01' }, 'createdBefore'],
    [{ finishedAfter: 0 }, 'finishedAfter'],
    [{ finishedBefore: new Date(8.64e15) }, 'finishedBefore'],
    [{ ids: [] }, 'ids'],
    [{ ids: ID }, 'ids'],
    [{ ids: Array.from({ length: 1_001 }, () => ID) }, 'ids'],
    [{ limit: 5 }, 'limit'],
    [null, 'filter'],
    [[], 'filter'],
  ])('%j', (filter, name) => {
    expect(() => parseFilter(filter as JobFilter)).toThrow(
      expect.objectContaining({ code: 'REQUEST_INVALID', message: expect.stringContaining(name) }),
    );
  });

  test('an id that is none has its own code', () => {
    expect(() => parseFilter({ ids: ['seven'] })).toThrow(
      expect.objectContaining({ code: 'JOB_ID_INVALID' }),
    );
  });

  test.each([0, 1.5, 1_001, '5'])('a limit of %j', (limit) => {
    expect(() => parsePage({ limit: limit as number })).toThrow(
      expect.objectContaining({ code: 'REQUEST_INVALID' }),
    );
  });
});

test('states are parted into live ones and ends, each only where it can fit', () => {
  expect(parseFilter({})).toMatchObject({
    live: ['pending', 'queued', 'running'],
    ended: ['completed', 'failed', 'cancelled'],
  });
  expect(parseFilter({ state: 'failed' })).toMatchObject({ live: [], ended: ['failed'] });
  expect(parseFilter({ state: ['failed', 'queued'] })).toMatchObject({
    live: ['queued'],
    ended: ['failed'],
  });
  expect(parseFilter({ late: true })).toMatchObject({ ended: [] });
  expect(parseFilter({ finishedAfter: new Date(0) })).toMatchObject({ live: [] });
});

test('ids are read in any case, each once, in ascending order', () => {
  const other = ID.replace('01a', '00a');
  expect(parseIds([ID, ID.toUpperCase(), other], 'ids')).toEqual([other, ID]);
});

test('a filter is empty when it leaves no job out', () => {
  expect(isEmptyFilter({})).toBe(true);
  expect(isEmptyFilter({ late: false })).toBe(true);
  expect(isEmptyFilter({ late: true })).toBe(false);
  expect(isEmptyFilter({ type: 'mail' })).toBe(false);
});
