// A job in a transaction of node-postgres.
import pg from 'pg';
import { describe, expect, test } from 'vitest';
import { fromPg } from '../../src/index.ts';
import { callerExecutor } from '../../src/storage/caller-transaction.ts';
import { adapterLaws, type In, type Library } from './support/adapter-laws.ts';

describe('pg, the client as it is', () => adapterLaws((url) => openPg(url, (client) => client)));
describe('pg, through its adapter', () => adapterLaws((url) => openPg(url, fromPg)));

test('a pool is refused: its statements belong to no transaction', async () => {
  const pool = new pg.Pool();
  // @ts-expect-error a pool has no transaction
  expect(() => fromPg(pool)).toThrow(expect.objectContaining({ code: 'TRANSACTION_INVALID' }));
  expect(() => callerExecutor(pool)).toThrow('got a pool');
  await pool.end();
});

test('what is no transaction is refused by name', () => {
  for (const wrong of [null, 1, 'tx', {}, { query: 1 }]) {
    expect(() => callerExecutor(wrong)).toThrow(/^Expected `in` to be a pg client/);
  }
});

function openPg(url: string, adapt: (client: pg.PoolClient) => In): Library {
  const pool = new pg.Pool({ connectionString: url, max: 2 });
  pool.on('error', () => undefined);
  return {
    async transaction(work) {
      const client = await pool.connect();
      try {
        await client.query('begin');
        const tx = adapt(client);
        const value = await work({ tx, query: async (text) => (await client.query(text)).rows });
        await client.query('commit');
        return value;
      } catch (error) {
        await client.query('rollback');
        throw error;
      } finally {
        client.release();
      }
    },
    close: () => pool.end(),
  };
}
