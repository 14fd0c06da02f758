// The law of payloads against a real jsonb: whatever is accepted comes back as the same JSON.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodePayload, toStorableText } from '../../src/domain/payload.ts';
import { sharedServers } from '../support/database.ts';
import { setup } from '../support/unstuck.ts';

const limits = { bytesMax: 1_000_000, depthMax: 100 };

const odd = fc.constantFrom<unknown>(
  1e308,
  5e-324,
  2 ** 53,
  -(2 ** 53),
  0.1 + 0.2,
  1e21,
  123456789.12345679,
  '',
  '\u{1F600}',
  '\uFFFF',
  '\u2028',
  '"\\',
  '__proto__',
  { __proto__: null, constructor: 1 },
  JSON.parse('{"__proto__": {"a": 1}}'),
  [],
  {},
  [[]],
  null,
);

describe.for(sharedServers())('on server %s', (server) => {
  test('A6, A7: whatever encodePayload accepts round-trips through jsonb exactly', async () => {
    const { query } = await setup({ server });
    const value = fc.oneof(
      odd,
      fc.jsonValue({ maxDepth: 4 }),
      fc.dictionary(
        fc.string({ unit: 'binary' }),
        fc.oneof(odd, fc.string({ unit: 'binary' }), fc.double()),
      ),
      fc.anything({ withDate: true, withBoxedValues: true, withNullPrototype: true }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(value, { minLength: 1, maxLength: 20 }), async (values) => {
        const accepted = values.flatMap((one) => {
          const encoded = encodePayload(one, limits);
          return 'json' in encoded ? [encoded.json] : [];
        });
        const [row] = await query<{ back: unknown[] }>('select $1::text::jsonb as back', [
          `[${accepted.join(',')}]`,
        ]);
        expect(row?.back).toEqual(accepted.map((json): unknown => JSON.parse(json)));
      }),
      { numRuns: 150 },
    );
  });

  test('A6: any text that was made storable is stored', async () => {
    const { query } = await setup({ server });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: 'binary', maxLength: 50 }), { minLength: 1 }),
        async (texts) => {
          const made = texts.map((text) => toStorableText(`\uD83D${text}\0\uDE00`));
          const [row] = await query<{ json: string[]; text: string[] }>(
            'select $1::text::jsonb as json, $2::text[] as text',
            [JSON.stringify(made), made],
          );
          expect([row?.json, row?.text]).toEqual([made, made]);
        },
      ),
      { numRuns: 50 },
    );
  });
});
