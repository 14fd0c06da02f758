// The words of W3C Trace Context: what is read, and that what is written is read again.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  readTrace,
  readTraceparent,
  readTracestate,
  traceparentOf,
} from '../../src/domain/trace.ts';

const GOOD = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

test('a traceparent that is written is read again', () => {
  const hex = (length: number): fc.Arbitrary<string> =>
    fc
      .string({
        unit: fc.constantFrom(...[...Array(16).keys()].map((digit) => digit.toString(16))),
        minLength: length,
        maxLength: length,
      })
      .filter((text) => !/^0+$/.test(text));
  fc.assert(
    fc.property(hex(32), hex(16), fc.nat(255), (traceId, spanId, flags) => {
      const parent = { traceId, spanId, flags };
      expect(readTraceparent(traceparentOf(parent))).toEqual(parent);
    }),
  );
});

test.each([
  ['a wrong version', GOOD.replace('00', 'ff')],
  ['an empty trace id', `00-${'0'.repeat(32)}-b7ad6b7169203331-01`],
  ['an empty span id', `00-0af7651916cd43dd8448eb211c80319c-${'0'.repeat(16)}-01`],
  ['capitals', GOOD.toUpperCase()],
  ['more behind it', `${GOOD}-x`],
  ['a line break', `${GOOD}\n`],
  ['a list', [GOOD]],
  ['nothing', null],
])('a traceparent with %s is none', (_, given) => {
  expect(readTraceparent(given)).toBeUndefined();
});

test('a tracestate of more than 512 characters, or of other than printable ASCII, is left out', () => {
  expect(readTracestate('a=1,b=2')).toBe('a=1,b=2');
  expect(readTracestate(`a=${'x'.repeat(510)}`)).toHaveLength(512);
  for (const given of [`a=${'x'.repeat(511)}`, 'a=é', 'a=\n', '', 7, null])
    expect(readTracestate(given)).toBeUndefined();
});

test('whatever a row holds is read without an error, and what is malformed is left out', () => {
  fc.assert(
    fc.property(fc.anything(), (stored) => {
      const { traceparent, tracestate, attempt } = readTrace(stored);
      for (const read of [traceparent, tracestate, attempt])
        expect(['undefined', 'string']).toContain(typeof read);
    }),
  );
  expect(readTrace({ traceparent: GOOD, attempt: 'x', tracestate: 7 })).toEqual({
    traceparent: GOOD,
  });
});
