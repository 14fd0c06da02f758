/** Migrator: brings the schema up to date, forward only, under one lock; refuses what it does not understand. */
import type pg from 'pg';
import { unstuckError } from '../domain/errors.ts';
import {
  createSchema,
  hasMigrations,
  listMigrations,
  lockMigrations,
  lockTimeout,
  noteMigration,
} from '../sql/migrate.ts';
import { MIGRATIONS, type Migration, SCHEMA_NUMBER } from '../sql/migrations/index.ts';
import { begin, commit, rollback } from '../sql/session.ts';
import { namesOf } from '../sql/sql.ts';
import { sleep } from '../std/timer.ts';
import type { Database } from './database.ts';
import { isLockTimeout } from './postgres-errors.ts';

/** How often, and how long each time, a migration waits for a lock. */
export interface MigrationPatience {
  readonly tries: number;
  readonly lockMs: number;
}

const PATIENCE: MigrationPatience = { tries: 20, lockMs: 2_000 };

/** Applies the migrations that are missing and returns their names. Throws SCHEMA_TOO_NEW or MIGRATION_BLOCKED; nothing is half done. */
export async function migrate(
  database: Database,
  { tries, lockMs }: MigrationPatience = PATIENCE,
): Promise<string[]> {
  for (let round = 1; ; round += 1) {
    try {
      // Most processes start on a schema that is up to date: that needs no lock, and no connection of its own.
      if ((await missingMigrations(database)).length === 0) return [];
      return await database.withClient((client) => migrateOnce(database, client, lockMs));
    } catch (error) {
      if (!isLockTimeout(error)) throw error;
      if (round >= tries) {
        throw unstuckError(
          'MIGRATION_BLOCKED',
          `The migration waited ${tries} times for a lock that another session holds. End that session (see pg_stat_activity), then migrate again; nothing was changed.`,
          { cause: error },
        );
      }
      await sleep(100 * round);
    }
  }
}

/** Checks that this version can work with the schema. Throws SCHEMA_MISSING, SCHEMA_TOO_OLD or SCHEMA_TOO_NEW. */
export async function checkSchema(database: Database): Promise<void> {
  const [found] = await database.run(hasMigrations);
  if (found?.there !== true) {
    throw unstuckError(
      'SCHEMA_MISSING',
      `There is no schema "${database.config.schema}" in this database. Run \`unstuck migrate\`.`,
    );
  }
  const applied = await database.run(listMigrations);
  refuseNewer(applied);
  const newest = applied.at(-1)?.number ?? 0;
  if (newest < SCHEMA_NUMBER) {
    throw unstuckError(
      'SCHEMA_TOO_OLD',
      `The schema is at migration ${newest}, this version needs ${SCHEMA_NUMBER}. Run \`unstuck migrate\`.`,
    );
  }
}

/** Checks that the schema has not become too new since. Throws SCHEMA_TOO_NEW. */
export async function checkNotNewer(database: Database): Promise<void> {
  refuseNewer(await database.run(listMigrations));
}

/** The SQL of every migration, as a database administrator would run it: in one transaction, all or nothing. */
export function printMigrations(schema: string): string {
  const names = namesOf(schema);
  const parts = MIGRATIONS.map(
    (m) =>
      `-- migration ${m.number}: ${m.name}\n${textOf(m, schema)}\ninsert into ${names.migrations.text} (number, name, needs) values (${m.number}, '${m.name}', ${m.needs});`,
  );
  const all = [begin.text, createSchema(names).text].map((text) => `${text.trim()};`);
  return `${[...all, ...parts, `${commit.text};`].join('\n\n')}\n`;
}

async function migrateOnce(
  database: Database,
  client: pg.Client,
  lockMs: number,
): Promise<string[]> {
  await client.query(begin.text);
  try {
    await client.query(lockTimeout(lockMs).text);
    const done = await applyMissing(database, client);
    await client.query(commit.text);
    return done;
  } catch (error) {
    await client.query(rollback.text).catch(() => undefined);
    throw error;
  }
}

async function applyMissing(database: Database, client: pg.Client): Promise<string[]> {
  await client.query(database.text(lockMigrations));
  const missing = await missingMigrations(database, client);
  if (missing.length > 0) await client.query(createSchema(database.names).text);
  for (const migration of missing) {
    await client.query(textOf(migration, database.config.schema));
    await database.run(noteMigration, [migration.number, migration.name, migration.needs], client);
  }
  return missing.map((m) => m.name);
}

async function missingMigrations(database: Database, on?: pg.Client): Promise<Migration[]> {
  const [found] = await database.run(hasMigrations, [], on);
  const applied = found?.there === true ? await database.run(listMigrations, [], on) : [];
  refuseNewer(applied);
  return MIGRATIONS.filter((m) => !applied.some((known) => known.number === m.number));
}

/** A newer schema works while its newest migration says that our number is enough; it is never guessed (H6). */
function refuseNewer(applied: readonly { number: number; needs: number }[]): void {
  const needs = Math.max(0, ...applied.map((m) => m.needs));
  if (needs <= SCHEMA_NUMBER) return;
  throw unstuckError(
    'SCHEMA_TOO_NEW',
    `The schema needs a version that knows migration ${needs}; this one knows ${SCHEMA_NUMBER}. Upgrade this process.`,
  );
}

function textOf(migration: Migration, schema: string): string {
  return migration
    .build(namesOf(schema))
    .map((part) => `${part.text.trim()};`)
    .join('\n');
}
