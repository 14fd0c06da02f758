// Requests out of thin air: arbitrary values that fit a JSON Schema, and ways in which they stop fitting.
import fc, { type Arbitrary } from 'fast-check';
import { resolved, type Schema } from './operations.ts';

/** Values that are there, by the name of the field that takes them. */
export type Known = Readonly<Record<string, readonly string[]>>;

const DEPTH_MAX = 4;

/** Texts that break what was written with plain words in mind. */
export const NASTY: readonly string[] = [
  '',
  ' ',
  '\u0000',
  'a\u0000b',
  '\ud800',
  'x\udfff',
  '🦄🦄',
  '\u202etxet',
  "' or 1=1 --",
  '"; drop table jobs; --',
  '../../etc/passwd',
  '%',
  '%zz',
  '\r\nset-cookie: a=b',
  '__proto__',
  'constructor',
  'toString',
  'NaN',
  '1e999',
  '-0',
  '9007199254740993',
  '2026-02-30T00:00:00Z',
  '9999-12-31T23:59:59.999Z',
  '00000000-0000-0000-0000-000000000000',
  'x'.repeat(600),
  'é'.repeat(5_000),
];

/** Values of any other type than is expected. */
const ODD: Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(null, true, 0, -1, 1.5, 1e15, -1e308, [], {}, [[]], [null], { a: 1 }),
  fc.constantFrom(...NASTY),
  fc.jsonValue({ maxDepth: 3 }),
);

/** Values that fit the schema; a field whose name is known often gets a value that is there. */
export function fitting(schema: Schema, known: Known, field = '', depth = 0): Arbitrary<unknown> {
  const shape = resolved(schema);
  const plain = plainly(shape, known, field, depth);
  const there = known[field];
  if (there === undefined || there.length === 0 || shape['type'] !== 'string') return plain;
  return fc.oneof(
    { arbitrary: fc.constantFrom(...there), weight: 3 },
    { arbitrary: plain, weight: 1 },
  );
}

function plainly(shape: Schema, known: Known, field: string, depth: number): Arbitrary<unknown> {
  const choices = (shape['anyOf'] ?? shape['oneOf']) as readonly Schema[] | undefined;
  if (choices !== undefined)
    return fc.oneof(...choices.map((one) => fitting(one, known, field, depth)));
  if (Array.isArray(shape['enum'])) return fc.constantFrom(...(shape['enum'] as unknown[]));
  if ('const' in shape) return fc.constant(shape['const']);
  if (Array.isArray(shape['type']))
    return fc.oneof(
      ...shape['type'].map((type) => plainly({ ...shape, type }, known, field, depth)),
    );
  switch (shape['type']) {
    case 'string':
      return text(shape);
    case 'integer':
      return fc.integer(bounds(shape, 1_000_000));
    case 'number':
      return fc.oneof(fc.integer(bounds(shape, 1_000_000)), fc.constantFrom(0, 1, 0.5, 30));
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    case 'array':
      return list(shape, known, field, depth);
    case 'object':
      return object(shape, known, depth);
    default:
      return fc.jsonValue({ maxDepth: 2 });
  }
}

function text(shape: Schema): Arbitrary<string> {
  if (shape['format'] === 'date-time')
    return fc
      .integer({ min: Date.UTC(2026, 0), max: Date.UTC(2028, 0) })
      .map((ms) => new Date(ms).toISOString());
  if (typeof shape['pattern'] === 'string') return fc.stringMatching(new RegExp(shape['pattern']));
  const minLength = (shape['minLength'] as number | undefined) ?? 0;
  const maxLength = Math.min((shape['maxLength'] as number | undefined) ?? 30, 60);
  return fc.oneof(
    fc.string({ minLength, maxLength, unit: 'binary-ascii' }),
    fc.string({ minLength, maxLength, unit: 'grapheme' }),
    fc.constantFrom('1s', '10m', 'demo', 'x').filter(({ length }) => length >= minLength),
  );
}

function bounds({ minimum, maximum }: Schema, widest: number): { min: number; max: number } {
  const min = Math.max(typeof minimum === 'number' ? minimum : -widest, -widest);
  return {
    min,
    max: Math.max(min, Math.min(typeof maximum === 'number' ? maximum : widest, widest)),
  };
}

function list(shape: Schema, known: Known, field: string, depth: number): Arbitrary<unknown[]> {
  if (depth > DEPTH_MAX) return fc.constant([]);
  const minLength = (shape['minItems'] as number | undefined) ?? 0;
  const one = field.endsWith('s') ? field.slice(0, -1) : field;
  return fc.array(fitting((shape['items'] as Schema | undefined) ?? {}, known, one, depth + 1), {
    minLength,
    maxLength: Math.max(minLength, 3),
  });
}

function object(shape: Schema, known: Known, depth: number): Arbitrary<object> {
  const properties = (shape['properties'] ?? {}) as Record<string, Schema>;
  const required = (shape['required'] ?? []) as string[];
  if (depth > DEPTH_MAX && required.length === 0) return fc.constant({});
  const fields = Object.entries(properties).map(
    ([name, inner]) => [name, fitting(inner, known, name, depth + 1)] as const,
  );
  const rest = shape['additionalProperties'];
  const record = fc.record(Object.fromEntries(fields), { requiredKeys: required });
  if (!isSchema(rest)) return record;
  const more = fc.dictionary(
    fc.string({ minLength: 1, maxLength: 8 }),
    fitting(rest, known, '', depth + 1),
    {
      maxKeys: 2,
    },
  );
  return fc.tuple(record, more).map(([own, others]) => ({ ...others, ...own }));
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null;
}

/** The same value with one thing wrong somewhere: a field gone, one too many, or another value in its place. */
export function spoiled(value: unknown): Arbitrary<unknown> {
  if (typeof value !== 'object' || value === null) return ODD;
  const names = Object.keys(value);
  const spots: Arbitrary<unknown>[] = [
    fc
      .tuple(fc.constantFrom('extra', '__proto__', 'ID', ''), ODD)
      .map(([name, odd]) => withField(value, name, odd)),
    ODD,
  ];
  if (names.length > 0) {
    const any = fc.constantFrom(...names);
    spots.push(
      any.map((name) => withoutField(value, name)),
      fc.tuple(any, ODD).map(([name, odd]) => withField(value, name, odd)),
      any.chain((name) =>
        spoiled((value as Record<string, unknown>)[name]).map((inner) =>
          withField(value, name, inner),
        ),
      ),
    );
  }
  return fc.oneof(...spots);
}

/** Bodies that are no JSON, or JSON that nobody means. */
export const RAW_BODIES: readonly (string | Uint8Array)[] = [
  '',
  '{',
  '{"type":"demo","input":{}',
  'null',
  '[]',
  '"text"',
  '1e999',
  '{"type":"demo","input":1e999}',
  '{"type":"demo","input":1152921504606846977}',
  '{"__proto__":{"type":"demo"},"input":1}',
  '{"type":"demo","type":"other","input":1}',
  '{"type":"demo","input":"\\ud800"}',
  '{"type":"demo","input":"\\u0000"}',
  `{"type":"demo","input":${'['.repeat(10_000)}${']'.repeat(10_000)}}`,
  '['.repeat(100_000),
  '{"a":'.repeat(50_000),
  '\ufeff{"type":"demo","input":1}',
  new Uint8Array([0xff, 0xfe, 0x00, 0x01]),
  new Uint8Array([0x7b, 0x22, 0xc3, 0x28, 0x22, 0x3a, 0x31, 0x7d]),
];

function withField(value: object, name: string, field: unknown): unknown {
  if (Array.isArray(value)) return [...(value as unknown[]), field];
  return Object.defineProperty({ ...value }, name, {
    value: field,
    enumerable: true,
    configurable: true,
    writable: true,
  });
}

function withoutField(value: object, name: string): unknown {
  if (Array.isArray(value))
    return (value as unknown[]).filter((_, place) => String(place) !== name);
  return Object.fromEntries(Object.entries(value).filter(([own]) => own !== name));
}
