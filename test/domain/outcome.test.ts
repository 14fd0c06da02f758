// The laws of stored errors: whatever a handler throws becomes an error that PostgreSQL can keep.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  Cancel,
  ERROR_TEXT_MAX,
  Fail,
  RetryAfter,
  Snooze,
  toJobError,
} from '../../src/domain/outcome.ts';
import { encodePayload } from '../../src/domain/payload.ts';

const storable = (thrown: unknown): boolean =>
  'json' in encodePayload(toJobError(thrown), { bytesMax: 1_000_000, depthMax: 10 });

test('an error keeps its name, message, code, stack and causes', () => {
  const error = Object.assign(
    new TypeError('no', { cause: new Error('disk', { cause: 'full' }) }),
    {
      code: 'E_MINE',
    },
  );
  expect(toJobError(error)).toMatchObject({
    code: 'E_MINE',
    name: 'TypeError',
    message: 'no — caused by: Error: disk — caused by: full',
    stack: expect.stringContaining('TypeError: no'),
  });
});

test('the words of a handler have names and codes of their own', () => {
  expect(toJobError(new Fail('gone', { code: 'GONE' }))).toMatchObject({
    name: 'Fail',
    code: 'GONE',
  });
  expect(toJobError(new Fail('gone'))).toMatchObject({ code: 'HANDLER_FAILED', message: 'gone' });
  expect(toJobError(new RetryAfter('5s', 'busy'))).toMatchObject({ name: 'RetryAfter' });
  expect(new Snooze('5s').delay).toBe('5s');
  expect(toJobError(new Cancel('over')).message).toBe('over');
});

test('values that are no errors say what they are', () => {
  expect(toJobError('just text')).toMatchObject({ name: 'string', message: 'just text' });
  expect(toJobError({ status: 503 })).toMatchObject({ name: 'object', message: '{"status":503}' });
  expect(toJobError(undefined)).toMatchObject({ name: 'undefined', message: 'undefined' });
  expect(toJobError(null)).toMatchObject({ message: 'null' });
  expect(toJobError(5n)).toMatchObject({ name: 'bigint', message: '5' });
  expect(toJobError(Symbol('s'))).toMatchObject({ name: 'symbol', message: 'Symbol(s)' });
});

test('A6: NUL, lone surrogates and endless texts cannot keep an error from being stored', () => {
  const half = '\uD83D\uDE00'; // Cut between its halves it is a lone surrogate.
  for (const length of [98, 99, 100, ERROR_TEXT_MAX - 1, ERROR_TEXT_MAX]) {
    const text = 'x'.repeat(length) + half.repeat(10);
    const error = Object.assign(new Error(text), { name: text, code: text, stack: text });
    expect(storable(error), `cut near ${length}`).toBe(true);
  }
  expect(storable(new Error('a\0b\uD83D'))).toBe(true);
  expect(storable('a\0b\uDE00')).toBe(true);
});

test('the stored error is bounded', () => {
  const stored = toJobError(new Error('x'.repeat(5_000_000)));
  expect(JSON.stringify(stored).length).toBeLessThan(3 * ERROR_TEXT_MAX);
});

test('errors that cannot be read are stored all the same', () => {
  const unreadable = new Proxy(new Error('x'), {
    get() {
      throw new Error('no access');
    },
  });
  const cycle: Record<string, unknown> = {};
  cycle['self'] = cycle;
  const loop = new Error('round');
  loop.cause = loop;
  for (const thrown of [
    unreadable,
    cycle,
    loop,
    Object.create(null),
    {
      toJSON: () => {
        throw new Error('no');
      },
    },
  ])
    expect(storable(thrown)).toBe(true);
  expect(toJobError(loop).message.length).toBeLessThan(200);
});

test('whatever is thrown can be stored', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.anything({ withBigInt: true, withBoxedValues: true }),
        fc
          .record({
            message: fc.string({ unit: 'binary', maxLength: 200 }),
            name: fc.string({ unit: 'binary', maxLength: 200 }),
          })
          .map((own) => Object.assign(new Error('x'), own)),
      ),
      (thrown) => {
        expect(storable(thrown)).toBe(true);
      },
    ),
  );
});
