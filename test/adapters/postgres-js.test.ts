// A job in a transaction of postgres.js.
import postgres from 'postgres';
import { expect, test } from 'vitest';
import { fromPostgresJs } from '../../src/index.ts';
import { adapterLaws, type Library } from './support/adapter-laws.ts';

adapterLaws(openPostgresJs);

test('the sql outside of a transaction is refused', async () => {
  const sql = postgres('postgres://nobody@127.0.0.1:1/none');
  // @ts-expect-error the sql outside of sql.begin has no savepoint
  expect(() => fromPostgresJs(sql)).toThrow('Expected the sql that sql.begin gives');
  await sql.end();
});

function openPostgresJs(url: string): Library {
  const sql = postgres(url, { max: 2, onnotice: () => undefined });
  return {
    transaction: async <T>(work: Parameters<Library['transaction']>[0]) =>
      (await sql.begin((tx) =>
        work({ tx: fromPostgresJs(tx), query: async (text) => [...(await tx.unsafe(text))] }),
      )) as T,
    close: () => sql.end(),
  };
}
