// The law of columns: what goes out as an array comes back from PostgreSQL value by value, whatever it holds.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { jsonColumn, plainColumn, textColumn } from '../../src/storage/columns.ts';
import { setup } from '../support/unstuck.ts';

const text = fc
  .string({ unit: 'binary' })
  .filter((value) => value.isWellFormed() && !value.includes('\0'));
const texts = fc.array(
  fc.option(fc.oneof(text, fc.constantFrom('null', 'NULL', '', '"', '\\', '{}', ','))),
  {
    minLength: 1,
    maxLength: 20,
  },
);

test('texts, numbers and JSON keep their values, their order and their gaps', async () => {
  const { query } = await setup({ sweep: false });
  await fc.assert(
    fc.asyncProperty(texts, async (values) => {
      const inner = values.filter((value) => value !== null);
      const [row] = await query(
        `select $1::text::text[] as texts, $2::text::bigint[] as numbers,
           (select array_agg(e order by n) from jsonb_array_elements($3::text::jsonb) with ordinality as l (e, n)) as json,
           $4::text::text[] as lists`,
        [
          textColumn(values, (value) => value),
          plainColumn(values, (value) => value?.length),
          jsonColumn(values, (value) => (value === null ? undefined : JSON.stringify({ value }))),
          textColumn([inner], (list) => textColumn(list, (value) => value)),
        ],
      );
      const some = inner.length > 0;
      expect(row).toEqual({
        texts: some ? values : null,
        numbers: some
          ? values.map((value) => (value === null ? null : String(value.length)))
          : null,
        json: some ? values.map((value) => (value === null ? null : { value })) : null,
        lists: some ? [textColumn(inner, (value) => value)] : null,
      });
    }),
    { numRuns: 200 },
  );
});

test('a field that no row has is not sent', () => {
  expect(plainColumn([1, 2], () => undefined)).toBeNull();
  expect(textColumn([], () => 'never')).toBeNull();
});
