// Validation at the door: what an enqueue refuses, with which code, and that the message says what was expected, what came, what to do.
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { defineJob } from '../../src/domain/define-job.ts';
import { UnstuckError } from '../../src/domain/errors.ts';
import { checkInput, checkJob } from '../../src/domain/new-job.ts';
import { parseConfig } from '../../src/domain/options.ts';
import { ownMail, valibotMail, zodMail } from '../types/schemas.ts';

const CONFIG = parseConfig({ inputBytesMax: 1_000, depthMax: 5 }, {});
const NOW = Date.parse('2026-05-01T12:00:00Z');
const DAY = 86_400_000;
const TEN_YEARS = 3_650 * DAY;

describe('options of an enqueue that cannot be', () => {
  const infinity = 'a duration from 0ms to 10 years';
  test.for<[options: object, code: string, message: string]>([
    [{ priority: 1_001 }, 'PRIORITY_INVALID', 'from -1000 to 1000, got 1001.'],
    [{ priority: -1_001 }, 'PRIORITY_INVALID', 'got -1001.'],
    [{ priority: 1.5 }, 'PRIORITY_INVALID', 'a whole number from -1000 to 1000, got 1.5.'],
    [{ priority: '1' }, 'PRIORITY_INVALID', 'got "1".'],
    [{ priority: Number.NaN }, 'PRIORITY_INVALID', 'got NaN.'],
    [{ priority: 1n }, 'PRIORITY_INVALID', 'got 1n.'],
    [
      { key: '' },
      'KEY_INVALID',
      'Expected key to be a text of 1 to 500 characters without NUL, got "".',
    ],
    [{ key: 'k'.repeat(501) }, 'KEY_INVALID', 'got "kkkk'],
    [{ key: 'a\0b' }, 'KEY_INVALID', String.raw`got "a\u0000b".`],
    [{ key: '\uD800' }, 'KEY_INVALID', String.raw`got "\ud800".`],
    [{ key: 5n }, 'KEY_INVALID', 'got 5n.'],
    [
      { tags: 'a' },
      'KEY_INVALID',
      'Expected tags to be at most 20 texts of 1 to 100 characters without NUL, got "a".',
    ],
    [{ tags: [''] }, 'KEY_INVALID', "got [ '' ]."],
    [{ tags: ['t'.repeat(101)] }, 'KEY_INVALID', 'Expected tags'],
    [{ tags: ['\uDC00'] }, 'KEY_INVALID', 'Expected tags'],
    [{ tags: Array.from({ length: 21 }, () => 't') }, 'KEY_INVALID', 'Expected tags'],
    [
      { runAt: new Date(NOW), delay: 1 },
      'TIME_INVALID',
      'Expected runAt or delay, got both. Leave one out.',
    ],
    [
      { runAt: new Date(Number.NaN) },
      'TIME_INVALID',
      'Expected runAt to be a valid Date within ten years of now, got Invalid Date.',
    ],
    [
      { runAt: new Date(NOW + TEN_YEARS + 1) },
      'TIME_INVALID',
      'within ten years of now, got 2036-',
    ],
    [{ runAt: new Date(NOW - TEN_YEARS - 1) }, 'TIME_INVALID', 'got 2016-'],
    [{ runAt: 'infinity' }, 'TIME_INVALID', 'got "infinity".'],
    [{ runAt: 1n }, 'TIME_INVALID', 'got 1n.'],
    [{ runAt: NOW }, 'TIME_INVALID', 'Expected runAt to be a valid Date'],
    [{ finishBy: new Date(NOW + TEN_YEARS + 1) }, 'TIME_INVALID', 'Expected finishBy'],
    [{ finishBy: '-infinity' }, 'TIME_INVALID', 'Expected finishBy'],
    [
      { delay: Number.POSITIVE_INFINITY },
      'TIME_INVALID',
      `Expected delay to be ${infinity} such as '30s', got Infinity.`,
    ],
    [{ delay: -1 }, 'TIME_INVALID', 'got -1.'],
    [{ delay: 'soon' }, 'TIME_INVALID', 'got "soon".'],
    [{ delay: TEN_YEARS + 1 }, 'TIME_INVALID', 'Expected delay'],
    [{ delay: null }, 'TIME_INVALID', 'got null.'],
    [{ delay: Object.create(null) }, 'TIME_INVALID', 'got [Object: null prototype] {}.'],
    [
      { claimWithin: 99 },
      'TIME_INVALID',
      'Expected claimWithin to be a duration from 100ms to 10 years',
    ],
    [
      { hold: 'yes' },
      'OPTION_INVALID',
      'Expected enqueue option hold to be true or false, got "yes".',
    ],
    [{ hold: 1 }, 'OPTION_INVALID', 'got 1.'],
    [
      { prio: 1 },
      'OPTION_UNKNOWN',
      'There is no option "prio" of an enqueue. Known options: priority, runAt,',
    ],
  ])('%o is %s', ([options, code, message]) => {
    expect(refusal(() => check({}, options))).toMatchObject({
      code,
      message: expect.stringContaining(message),
    });
  });

  test('their bounds themselves are accepted', () => {
    const times = [0, TEN_YEARS, -TEN_YEARS].map((ms) => ({ runAt: new Date(NOW + ms) }));
    const good: object[] = [
      ...times,
      { priority: 1_000 },
      { priority: -1_000 },
      { key: 'k'.repeat(500) },
      { key: 'x' },
      { tags: Array.from({ length: 20 }, () => 't'.repeat(100)) },
      { tags: [] },
      { delay: 0 },
      { delay: '3650d' },
      { claimWithin: 100 },
      { hold: true },
      { priority: undefined, key: undefined, runAt: undefined, delay: 5 },
    ];
    for (const options of good) expect(() => check({}, options)).not.toThrow();
  });
});

describe('a type that cannot be', () => {
  test.for([
    ['empty', ''],
    ['too long', 'x'.repeat(201)],
    ['with a space', 'a b'],
    ['with NUL', 'a\0'],
    ['a bigint', 1n],
    ['nothing', undefined],
  ])('%s', ([, type]) => {
    const error = refusal(() => checkJob(type as string, undefined, {}, {}, CONFIG, NOW));
    expect(error.code).toBe('JOB_TYPE_INVALID');
    expect(error.message).toMatch(/^Expected a job type of 1 to 200 letters, digits and/);
  });
});

describe('an input that does not fit its schema', () => {
  const wrong = { to: 5, due: '2026-01-01' };
  test.for([
    ['zod', zodMail],
    ['valibot', valibotMail],
    ['a schema of your own', ownMail],
  ] as const)('%s: every problem is named with its path', ([, input]) => {
    const job = defineJob({ type: 'mail', input, run: () => null });
    const error = refusal(() => void checkInput(job, wrong));
    expect(error.code).toBe('INPUT_INVALID');
    expect(error.message).toMatch(
      /^The input of a "mail" job does not fit its schema\. \/to: .*Nothing was stored\.$/,
    );
    expect(error.detail['issues']).toHaveLength(1);
  });

  test('a path into lists is written as one', () => {
    const input = z.object({ stops: z.array(z.object({ lat: z.number() })) });
    const job = defineJob({ type: 'route', input, run: () => null });
    const stops = [{ lat: 1 }, { lat: 'north' }];
    expect(refusal(() => void checkInput(job, { stops })).message).toContain('/stops/1/lat: ');
  });

  test('a schema that answers later rejects later', async () => {
    const input = z.string().refine(async (text) => text !== 'taken', 'is taken');
    const job = defineJob({ type: 'name', input, run: () => null });
    await expect(checkInput(job, 'taken')).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      message: expect.stringContaining('is taken'),
    });
    await expect(checkInput(job, 'free')).resolves.toBeUndefined();
  });

  test('no more than ten problems are listed', () => {
    const job = defineJob({ type: 'list', input: z.array(z.string()), run: () => null });
    const numbers = Array.from({ length: 50 }, (_, index) => index);
    expect(refusal(() => void checkInput(job, numbers)).detail['issues']).toHaveLength(10);
  });
});

describe('an input that JSON in PostgreSQL cannot keep', () => {
  const cycle: Record<string, unknown> = {};
  cycle['self'] = cycle;
  test.for<[what: string, input: unknown, where: string]>([
    ['NUL in a value', { a: 'x\0' }, '/a holds NUL or a lone surrogate'],
    ['NUL in a name', { 'a\0': 1 }, 'has a name with NUL or a lone surrogate'],
    ['a lone surrogate in a value', { a: ['\uD83D'] }, '/a/0 holds NUL'],
    ['a lone surrogate in a name', { '\uDE00': 1 }, 'has a name with NUL'],
    ['NaN', { a: Number.NaN }, '/a is NaN'],
    ['Infinity', [Number.NEGATIVE_INFINITY], '/0 is -Infinity'],
    ['-0', { a: { b: -0 } }, '/a/b is -0, which JSON turns into 0'],
    ['a bigint', { a: 1n }, '/a is a bigint'],
    ['a cycle', cycle, '/self contains itself'],
    ['a Map', { a: new Map() }, '/a is a Map'],
    ['a Set', { a: new Set() }, '/a is a Set'],
    ['a forgotten await', { a: Promise.resolve(1) }, '/a is a Promise'],
    ['an Error', { a: new Error('x') }, '/a is a Error'],
    ['a RegExp', { a: /x/ }, '/a is a RegExp'],
    ['bytes', { a: new Uint8Array(2) }, '/a is a Uint8Array'],
    ['an invalid Date', { a: new Date(Number.NaN) }, '/a is an invalid Date'],
    ['undefined in a list', [1, undefined], '/1 is undefined in a list'],
    ['undefined itself', undefined, 'is undefined, which JSON cannot hold. Pass {} or null.'],
    ['a function', { run: () => 1 }, '/run is a function'],
    ['a symbol', Symbol('x'), '/ is a symbol'],
  ])('%s', ([, input, where]) => {
    const error = refusal(() => check(input));
    expect(error.code).toBe('INPUT_UNSTORABLE');
    expect(error.message).toContain(where);
    expect(error.message).toMatch(/^The input of a "mail" job /);
  });

  test('what it keeps is accepted: nothing, empty, nested, a Date, an absent property, every plane of Unicode', () => {
    const good = [
      null,
      '',
      0,
      false,
      [],
      {},
      { a: undefined },
      [null],
      new Date(NOW),
      { a: '😀 \u{10FFFF} \u0001' },
    ];
    for (const input of good) expect(() => check(input)).not.toThrow();
  });
});

describe('size and depth', () => {
  test('the last byte that fits is accepted, one more is not', () => {
    expect(() => check('x'.repeat(998))).not.toThrow();
    expect(refusal(() => check('x'.repeat(999)))).toMatchObject({
      code: 'INPUT_TOO_LARGE',
      message:
        'The input of a "mail" job cannot be stored: / is 1001 bytes of JSON, more than 1000. Nothing was stored.',
    });
    // Bytes, not characters.
    expect(() => check('ü'.repeat(499))).not.toThrow();
    expect(refusal(() => check('ü'.repeat(500))).code).toBe('INPUT_TOO_LARGE');
  });

  test('the deepest nesting that fits is accepted, one more is not', () => {
    const nested = (depth: number): unknown => (depth === 0 ? 1 : [nested(depth - 1)]);
    expect(() => check(nested(5))).not.toThrow();
    expect(refusal(() => check(nested(6)))).toMatchObject({
      code: 'INPUT_TOO_LARGE',
      message: expect.stringContaining('/0/0/0/0/0 is nested deeper than 5 levels'),
    });
  });
});

function check(input: unknown, options: object = {}): void {
  checkJob('mail', undefined, input, options, CONFIG, NOW);
}

function refusal(work: () => void): UnstuckError {
  try {
    work();
  } catch (error) {
    if (error instanceof UnstuckError) return error;
    throw error;
  }
  throw new Error('Expected a refusal, and it was accepted.');
}
