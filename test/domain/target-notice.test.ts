// What whoever enqueues is told while the remote worker of the job takes none.
import { expect, test } from 'vitest';
import { meansNow, noticeOf, type TargetStanding } from '../../src/domain/target-notice.ts';

const NOW = new Date('2026-03-01T12:10:00Z');
const EARLIER = new Date('2026-03-01T12:03:07Z');

const up: TargetStanding = {
  name: 'a',
  state: 'up',
  usable: true,
  downSince: null,
  pausedAt: null,
  holdUntil: null,
  now: NOW,
};
const down: TargetStanding = { ...up, state: 'down', usable: false, downSince: EARLIER };

test('S2.4: in words: since when the worker is away, and that nothing is lost', () => {
  expect(noticeOf(['a'], [down])).toEqual({
    code: 'TARGET_DOWN',
    message:
      'Queued. The worker "a" is away since 12:03 UTC; the job is sent to it when it is back, and nothing is lost.',
    target: 'a',
    since: EARLIER,
  });
});

test('a time of another day is told with its date', () => {
  const downSince = new Date('2026-02-28T23:59:59Z');
  expect(noticeOf(['a'], [{ ...down, downSince }])?.message).toContain(
    'is away since 2026-02-28 23:59 UTC; ',
  );
});

test.each<[TargetStanding, string, string]>([
  [
    { ...up, usable: false, pausedAt: EARLIER },
    'TARGET_PAUSED',
    'is paused since 12:03 UTC; the job is sent to it when the pause ends, and',
  ],
  [{ ...down, pausedAt: EARLIER }, 'TARGET_PAUSED', 'is paused since 12:03 UTC; '],
  [
    { ...up, usable: false, holdUntil: new Date('2026-03-01T12:15:00Z') },
    'TARGET_BUSY',
    'is busy until 12:15 UTC; the job is sent to it after that, and',
  ],
  [{ ...down, state: 'half-open', usable: false }, 'TARGET_DOWN', 'is away since 12:03 UTC; '],
])('%o is told as such', (standing, code, words) => {
  const notice = noticeOf(['a'], [standing]);
  expect(notice).toMatchObject({ code, message: expect.stringContaining(words) });
});

test('of several targets nothing is told while one of them takes jobs, and else the first is named', () => {
  const other = { ...up, name: 'b' };
  expect(noticeOf(['a', 'b'], [other, down])).toBeNull();
  expect(noticeOf(['a', 'b'], [{ ...other, usable: false }, down])).toMatchObject({
    code: 'TARGET_DOWN',
    target: 'a',
    message:
      'Queued. None of its 2 workers takes jobs now ("a" is away since 12:03 UTC); the job is sent to the first that does, and nothing is lost.',
  });
});

test('nothing is told of targets that nobody has defined', () => {
  expect(noticeOf(['a'], [])).toBeNull();
});

test('a job that is held or for later is not kept by its target', () => {
  expect(meansNow({})).toBe(true);
  expect(meansNow({ hold: false })).toBe(true);
  expect([{ hold: true }, { runAt: NOW }, { delay: '1m' }].map(meansNow)).toEqual([
    false,
    false,
    false,
  ]);
});
