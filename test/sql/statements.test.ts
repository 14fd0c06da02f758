// The laws of the SQL floor: every statement is good SQL on a migrated schema, and has a name of its own.
import { describe, expect, test } from 'vitest';
import { namesOf } from '../../src/sql/sql.ts';
import { STATEMENTS } from '../../src/sql/statements.ts';
import { sharedServers } from '../support/database.ts';
import { setup } from '../support/unstuck.ts';

test('every statement has a name of its own, in kebab-case and short enough for PostgreSQL', () => {
  const names = STATEMENTS.map((statement) => statement.name);
  expect(names.length).toBeGreaterThan(40);
  expect(new Set(names).size).toBe(names.length);
  for (const name of names) expect(name).toMatch(/^[a-z][a-z-]{1,60}[a-z]$/);
});

test('every statement says its name at its head, so that it is known in pg_stat_activity', () => {
  for (const statement of STATEMENTS)
    expect(statement.build(namesOf('unstuck')).text).toMatch(`/* unstuck:${statement.name} */`);
});

describe.for(sharedServers())('on server %s', (server) => {
  test('every statement PREPAREs on a migrated schema', async () => {
    const { query } = await setup({ server });
    const refused: string[] = [];
    for (const statement of STATEMENTS) {
      const text = statement.build(namesOf('unstuck')).text;
      await query(`prepare "${statement.name}" as ${text}`).catch((error: Error) =>
        refused.push(`${statement.name}: ${error.message}`),
      );
    }
    expect(refused).toEqual([]);
  });

  test('every statement PREPAREs in a schema of another name', async () => {
    const { query, connect } = await setup({ server });
    await connect({ schema: 'jobs_of_mine' });
    const refused: string[] = [];
    for (const statement of STATEMENTS) {
      const text = statement.build(namesOf('jobs_of_mine')).text;
      expect(text).not.toContain('"unstuck"');
      await query(`prepare "${statement.name}" as ${text}`).catch((error: Error) =>
        refused.push(`${statement.name}: ${error.message}`),
      );
    }
    expect(refused).toEqual([]);
  });
});
