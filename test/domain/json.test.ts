// The laws of JSON at the doors: names are crossed once, payloads are left alone, and no number changes silently.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isNestedDeeper, jobJson, parseJson, snakeJson } from '../../src/domain/json.ts';

test('names become snake_case and times RFC 3339 with milliseconds, at every depth', () => {
  const at = new Date(1_800_000_000_000);
  expect(snakeJson({ createdAt: at, aList: [{ innerName: null }], waitsFor: 'hold' })).toEqual({
    created_at: '2027-01-15T08:00:00.000Z',
    a_list: [{ inner_name: null }],
    waits_for: 'hold',
  });
});

test('input, result and error of a job are exactly what is stored', () => {
  const payload = { camelCase: { deeperName: [1] } };
  const shown = jobJson({
    id: 'x',
    workerId: 'w',
    input: payload,
    result: payload,
  } as never);
  expect(shown).toMatchObject({ id: 'x', worker_id: 'w', input: payload, result: payload });
});

test.each(['{', '', 'undefined', "{'a':1}"])('what is no JSON is refused: %s', (text) => {
  expect(() => parseJson(text, 'the body')).toThrow(/Expected the body to be JSON/);
});

test.each(['9007199254740993', '{"a":[12345678901234567890]}', '1e999', '-1e400'])(
  'a number that would become another is refused: %s',
  (text) => {
    expect(() => parseJson(text, 'the body')).toThrow(/cannot be kept exactly/);
  },
);

test.each(['9007199254740992', '0.1', '-0.5e-3', '1e21', '"9007199254740993"', '"\\"1e999"', '[]'])(
  'what stays the same is read: %s',
  (text) => {
    expect(parseJson(text, 'the body')).toEqual(JSON.parse(text));
  },
);

test('nesting is counted outside of strings only, whatever is escaped in them', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 8, depthSize: 'max' }), (value) => {
      const levels = levelsOf(value);
      const text = JSON.stringify(value);
      expect(isNestedDeeper(text, levels)).toBe(false);
      if (levels > 0) expect(isNestedDeeper(text, levels - 1)).toBe(true);
    }),
  );
  expect(isNestedDeeper(JSON.stringify('[[[{{"\\[['), 0)).toBe(false);
});

function levelsOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(levelsOf));
}
