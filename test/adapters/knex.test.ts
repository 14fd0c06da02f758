// A job in a transaction of Knex.
import { knex } from 'knex';
import { expect, test } from 'vitest';
import { fromKnex } from '../../src/index.ts';
import { adapterLaws, type Library } from './support/adapter-laws.ts';

adapterLaws(openKnex);

test('knex itself is refused', async () => {
  const db = knex({ client: 'pg' });
  // @ts-expect-error only a transaction can be committed
  expect(() => fromKnex(db)).toThrow('Expected the trx that knex.transaction gives');
  await db.destroy();
});

function openKnex(url: string): Library {
  const db = knex({ client: 'pg', connection: url, pool: { min: 0, max: 2 } });
  return {
    transaction: (work) =>
      db.transaction((trx) =>
        work({ tx: fromKnex(trx), query: async (text) => (await trx.raw(text)).rows }),
      ),
    close: () => db.destroy(),
  };
}
