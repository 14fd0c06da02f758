// A job in a transaction of Drizzle, over each of its two drivers.
import { sql } from 'drizzle-orm';
import { drizzle as overPg } from 'drizzle-orm/node-postgres';
import { drizzle as overPostgresJs } from 'drizzle-orm/postgres-js';
import pg from 'pg';
import postgres from 'postgres';
import { describe, expect, test } from 'vitest';
import { fromDrizzle } from '../../src/index.ts';
import { adapterLaws, type Library } from './support/adapter-laws.ts';

describe('drizzle over node-postgres', () => adapterLaws(openOverPg));
describe('drizzle over postgres.js', () => adapterLaws(openOverPostgresJs));

test('the db itself is refused', async () => {
  const pool = new pg.Pool();
  // @ts-expect-error only a transaction can be rolled back
  expect(() => fromDrizzle(overPg(pool), sql)).toThrow('Expected the tx that db.transaction gives');
  await pool.end();
});

function openOverPg(url: string): Library {
  const pool = new pg.Pool({ connectionString: url, max: 2 });
  pool.on('error', () => undefined);
  const db = overPg(pool);
  return {
    transaction: (work) =>
      db.transaction((tx) =>
        work({
          tx: fromDrizzle(tx, sql),
          query: async (text) => (await tx.execute(text)).rows,
        }),
      ),
    close: () => pool.end(),
  };
}

function openOverPostgresJs(url: string): Library {
  const client = postgres(url, { max: 2, onnotice: () => undefined });
  const db = overPostgresJs(client);
  return {
    transaction: (work) =>
      db.transaction((tx) =>
        work({ tx: fromDrizzle(tx, sql), query: async (text) => [...(await tx.execute(text))] }),
      ),
    close: () => client.end(),
  };
}
