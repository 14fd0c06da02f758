// The laws of payloads: what cannot survive PostgreSQL is refused with its path, by a value and never by an exception.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodePayload, isStorableText, toStorableText } from '../../src/domain/payload.ts';

const limits = { bytesMax: 10_000, depthMax: 10 };
const problemOf = (value: unknown): string => {
  const encoded = encodePayload(value, limits);
  return 'json' in encoded ? `accepted ${encoded.json}` : `${encoded.path} ${encoded.problem}`;
};

describe('what is refused, and where', () => {
  const cycle: Record<string, unknown> = {};
  cycle['self'] = { again: cycle };
  const throwing = {
    get bad(): never {
      throw new Error('no');
    },
  };
  const deep = (levels: number): unknown => (levels === 0 ? 1 : [deep(levels - 1)]);

  test.for<[law: string, value: unknown, path: string]>([
    ['A6: NUL in a text', { a: ['x\0y'] }, '/a/0 '],
    ['A6: NUL in a name', { 'a\0b': 1 }, '/ab '],
    ['A6: a lone high surrogate', { a: '\uD83D' }, '/a '],
    ['A6: a lone low surrogate in a name', { '\uDE00': 1 }, '/\uFFFD '],
    ['A7: NaN', { a: Number.NaN }, '/a '],
    ['A7: Infinity', [1, Infinity], '/1 '],
    ['A7: -0, which JSON turns into 0', -0, '/ '],
    ['A7: NaN in a box', { a: Object(Number.NaN) }, '/a '],
    ['A7: -0 in a box', { a: Object(-0) }, '/a '],
    ['a bigint', { a: 5n }, '/a '],
    ['a bigint in a box', { a: Object(5n) }, '/a '],
    ['a function', { a: { b: () => 1 } }, '/a/b '],
    ['a symbol', [Symbol('s')], '/0 '],
    ['a hole in a list', [1, undefined], '/1 '],
    ['a Map', { a: new Map([[1, 2]]) }, '/a '],
    ['a Set', { a: new Set([1]) }, '/a '],
    ['an invalid Date', { at: new Date(Number.NaN) }, '/at '],
    ['a cycle', cycle, '/self/again '],
    ['A8: more levels than allowed', deep(11), '/0/0/0/0/0/0/0/0/0/0 '],
    ['A8: more bytes than allowed', 'x'.repeat(10_001), '/ '],
    ['A8: more bytes than allowed, counted in UTF-8', 'é'.repeat(5_001), '/ '],
    ['a getter that throws', { a: throwing }, '/ '],
    ['a toJSON that throws', { a: { toJSON: () => throwing.bad } }, '/a '],
  ])('%s', ([, value, path]) => {
    const found = problemOf(value);
    expect(found).not.toMatch(/^accepted/);
    expect(found.startsWith(path), found).toBe(true);
  });

  test('the same object twice is no cycle', () => {
    const shared = { x: 1 };
    expect(problemOf({ a: shared, b: [shared, shared] })).toMatch(/^accepted/);
  });

  test('ten levels and 10,000 bytes are accepted, to the byte', () => {
    expect(problemOf(deep(10))).toMatch(/^accepted/);
    expect(problemOf('x'.repeat(9_998))).toMatch(/^accepted/);
    expect(problemOf('x'.repeat(9_999))).not.toMatch(/^accepted/);
  });
});

test('whatever is given, encoding answers and never throws, and what it accepts is JSON of the same value', () => {
  fc.assert(
    fc.property(
      fc.anything({
        withBigInt: true,
        withDate: true,
        withMap: true,
        withSet: true,
        withBoxedValues: true,
        withNullPrototype: true,
        withTypedArray: true,
        withSparseArray: true,
        withObjectString: true,
      }),
      (value) => {
        const encoded = encodePayload(value, limits);
        if ('json' in encoded) expect(encoded.json).toBe(JSON.stringify(value) ?? 'null');
        else expect(encoded.problem.length).toBeGreaterThan(0);
      },
    ),
    { numRuns: 500 },
  );
});

test('A6: any text can be made storable, and a storable one is left alone', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('\0', '\uD83D', '\uDE00', '\uD83D\uDE00'),
      (text, odd) => {
        const made = toStorableText(`${text}${odd}${text}`);
        expect(isStorableText(made)).toBe(true);
        expect(Buffer.from(made).toString()).toBe(made);
        if (isStorableText(text)) expect(toStorableText(text)).toBe(text);
      },
    ),
  );
});
