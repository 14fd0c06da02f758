// A job in a transaction of Kysely.
import { CompiledQuery, Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { expect, test } from 'vitest';
import { fromKysely } from '../../src/index.ts';
import { adapterLaws, type Library } from './support/adapter-laws.ts';

/** A schema of the application, which has nothing to do with ours. */
interface Tables {
  readonly mine: { readonly n: number };
}

adapterLaws(openKysely);

test('the db itself is refused', async () => {
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool: new pg.Pool() }) });
  // @ts-expect-error the db is no transaction
  expect(() => fromKysely(db, CompiledQuery)).toThrow('Expected the trx of a transaction');
  await db.destroy();
});

function openKysely(url: string): Library {
  const pool = new pg.Pool({ connectionString: url, max: 2 });
  pool.on('error', () => undefined);
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
  return {
    transaction: (work) =>
      db.transaction().execute((trx) =>
        work({
          tx: fromKysely(trx, CompiledQuery),
          query: async (text) =>
            (await trx.executeQuery<Record<string, unknown>>(CompiledQuery.raw(text))).rows,
        }),
      ),
    close: () => db.destroy(),
  };
}
