// The laws of shown: any value, short, on one line, without a throw.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { shown } from '../../src/std/shown.ts';

test('texts stand in double quotes, other values as the console writes them', () => {
  expect(shown('a "b"\n')).toBe(String.raw`"a \"b\"\n"`);
  expect([1n, -0, null, undefined, Symbol('s'), [1]].map(shown)).toEqual([
    '1n',
    '-0',
    'null',
    'undefined',
    'Symbol(s)',
    '[ 1 ]',
  ]);
});

test('it is at most 81 characters on one line, and never throws', () => {
  const hostile = new Proxy(
    {},
    {
      ownKeys: () => {
        throw new Error('no');
      },
    },
  );
  const inspecting = {
    [Symbol.for('nodejs.util.inspect.custom')]: () => {
      throw new Error('no');
    },
  };
  for (const value of [hostile, inspecting]) expect(() => shown(value)).not.toThrow();
  fc.assert(
    fc.property(fc.anything(), (value) => {
      const text = shown(value);
      expect(text.length).toBeLessThanOrEqual(81);
      expect(text).not.toContain('\n');
    }),
  );
});
