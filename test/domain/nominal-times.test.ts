// The laws of nominal times: what daylight saving does to each kind of rule, by the documented policy, and that every search is bounded.
import { describe, expect, test } from 'vitest';
import { nextAfter, preview, timesWithin } from '../../src/domain/nominal-times.ts';
import { wallMs } from '../../src/domain/wall-clock.ts';
import { seeded } from '../chaos/random.ts';

/** The next runs as `local time of the zone, note`. */
function runs(cron: string, timezone: string, from: string, count: number): string[] {
  return preview({ cron, timezone }, Date.parse(from), count).map(({ local, note }) =>
    note === null ? local : `${local} ${note}`,
  );
}

describe('K1: where clocks are put forward', () => {
  test.each([
    ['30 2 * * *', 'Europe/Berlin', '2026-03-28T12:00Z', '2026-03-29T03:00:00+02:00'],
    ['0,30 2 * * *', 'Europe/Berlin', '2026-03-28T12:00Z', '2026-03-29T03:00:00+02:00'],
    ['30 2 * * *', 'America/New_York', '2026-03-07T12:00Z', '2026-03-08T03:00:00-04:00'],
    ['15 2 * * *', 'Australia/Lord_Howe', '2026-10-03T00:00Z', '2026-10-04T02:30:00+11:00'],
    ['0 0 * * *', 'America/Sao_Paulo', '2018-11-03T12:00Z', '2018-11-04T01:00:00-02:00'],
  ])('the fixed times of %s in %s run once, at the end of the gap', (cron, zone, from, first) => {
    const [gap = '', after = ''] = runs(cron, zone, from, 2);
    expect(gap).toBe(`${first} gap`);
    expect(after).not.toContain('gap');
    expect(after.slice(0, 10) > gap.slice(0, 10)).toBe(true);
  });

  test('what repeats leaves out the times that do not exist, and the next run says so', () => {
    expect(runs('*/30 * * * *', 'Europe/Berlin', '2026-03-29T00:29Z', 3)).toEqual([
      '2026-03-29T01:30:00+01:00',
      '2026-03-29T03:00:00+02:00 gap',
      '2026-03-29T03:30:00+02:00',
    ]);
    expect(runs('15 * * * *', 'Europe/Berlin', '2026-03-29T00:00Z', 2)).toEqual([
      '2026-03-29T01:15:00+01:00',
      '2026-03-29T03:15:00+02:00 gap',
    ]);
    expect(runs('*/30 2 * * *', 'Europe/Berlin', '2026-03-28T12:00Z', 1)).toEqual([
      '2026-03-30T02:00:00+02:00 gap',
    ]);
  });
});

describe('K1: where clocks are put back', () => {
  test('a fixed time runs at the first of its two instants only', () => {
    expect(runs('30 2 * * *', 'Europe/Berlin', '2026-10-24T12:00Z', 2)).toEqual([
      '2026-10-25T02:30:00+02:00 overlap',
      '2026-10-26T02:30:00+01:00',
    ]);
    expect(runs('0,30 1 * * *', 'America/New_York', '2026-10-31T12:00Z', 3)).toEqual([
      '2026-11-01T01:00:00-04:00 overlap',
      '2026-11-01T01:30:00-04:00 overlap',
      '2026-11-02T01:00:00-05:00',
    ]);
  });

  test('what repeats runs at both', () => {
    expect(runs('*/30 * * * *', 'Europe/Berlin', '2026-10-24T23:59Z', 5)).toEqual([
      '2026-10-25T02:00:00+02:00 overlap',
      '2026-10-25T02:30:00+02:00 overlap',
      '2026-10-25T02:00:00+01:00 overlap',
      '2026-10-25T02:30:00+01:00 overlap',
      '2026-10-25T03:00:00+01:00',
    ]);
  });
});

test('an interval is counted from its anchor, knows no daylight saving and does not drift', () => {
  const rule = { everyMs: 900_000, anchorMs: 7_000, timezone: 'Europe/Berlin' };
  expect(nextAfter(rule, 7_000)).toBe(907_000);
  expect(nextAfter(rule, 906_999)).toBe(907_000);
  expect(nextAfter(rule, -1_000_000)).toBe(-893_000);
  expect(timesWithin(rule, 907_000, 3_000_000, 2)).toEqual([1_807_000, 2_707_000]);
  const fall = preview(rule, Date.parse('2026-10-24T23:50Z'), 8);
  expect(fall.map(({ note }) => note)).toEqual(Array.from({ length: 8 }, () => null));
});

test.each([
  ['0 0 30 2 *', 'no date to come fits it'],
  ['0 0 31 2,4,6,9,11 *', 'no date to come fits it'],
  ['0 0 31 2 +MON#5', 'no date to come fits it'],
  ['61 * * * *', '61'],
  ['hello', 'neither five fields nor six'],
  ['', 'neither five fields nor six'],
  ['*', 'neither five fields nor six'],
  ['* * * * * * 2030', 'neither five fields nor six'],
  ['2027-01-01T00:00:00', 'neither five fields nor six'],
  ['@reboot', 'reboot'],
])('K6: %s is refused, in no time', (cron, why) => {
  const started = performance.now();
  const ask = (): number => nextAfter({ cron, timezone: 'Europe/Berlin' }, 0);
  expect(ask).toThrow(expect.objectContaining({ code: 'SCHEDULE_INVALID' }));
  expect(ask).toThrow(why);
  expect(performance.now() - started).toBeLessThan(1_000);
});

test('the time zone must be one', () => {
  for (const timezone of ['Nowhere/Land', '', 'UTC; drop'])
    expect(() => nextAfter({ cron: '0 0 * * *', timezone }, 0)).toThrow('time zone');
});

test('counted forward or from the end, the times of a rule are the same, each once, and match a naive clock', () => {
  const seed = Number(process.env['SEED'] ?? 20_261_125);
  const random = seeded(seed);
  const zones = [
    'Europe/Berlin',
    'America/New_York',
    'Australia/Lord_Howe',
    'America/Santiago',
    'UTC',
  ];
  const crons = [
    '30 2 * * *',
    '*/30 * * * *',
    '0,30 1-3 * * *',
    '15 * * * *',
    '*/20 59 1-3 * * *',
    '0 0 * * *',
  ];
  for (let round = 0; round < 60; round += 1) {
    const rule = { cron: random.pick(crons), timezone: random.pick(zones) };
    const from = Date.UTC(2026, random.pick([2, 3, 8, 9, 10]), random.between(1, 30));
    const to = from + 2 * 86_400_000;
    const forward: number[] = [];
    for (let at = nextAfter(rule, from - 1); at <= to; at = nextAfter(rule, at)) forward.push(at);
    const why = `seed ${seed}: ${rule.cron} ${rule.timezone} ${new Date(from).toISOString()}`;
    expect(timesWithin(rule, from, to, forward.length + 1), why).toEqual(forward);
    expect(timesWithin(rule, from, to, 3), why).toEqual(forward.slice(-3));
    expect(new Set(forward).size, why).toBe(forward.length);
    // Where clocks go on as they should, a run is where the steady clock of the same rule has it.
    for (const { at, note } of preview(rule, from, Math.min(50, forward.length + 1)))
      if (note === null) {
        const steady = nextAfter(
          { ...rule, timezone: 'UTC' },
          wallMs(rule.timezone, at.getTime()) - 1,
        );
        expect(steady, why).toBe(wallMs(rule.timezone, at.getTime()));
      }
  }
});
