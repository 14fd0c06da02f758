/** Migrate: the list of applied migrations and the lock under which new ones are applied. */
import { type Names, raw, type Sql, type Statement, sql, statement } from './sql.ts';

/** Whether the list of migrations is there. */
export const hasMigrations: Statement<{ there: boolean }> = statement(
  'has-migrations',
  (t) => sql`select to_regclass(${t.literal} || '.migrations') is not null as there`,
);

/** The applied migrations, oldest first. */
export const listMigrations: Statement<{ number: number; name: string; needs: number }> = statement(
  'list-migrations',
  (t) => sql`select m.number, m.name, m.needs from ${t.migrations} m order by m.number`,
);

/** Takes the lock of migrations; it ends with the transaction, so that it is never stranded (H9). */
export const lockMigrations: Statement<Record<string, never>> = statement(
  'lock-migrations',
  (t) => sql`select pg_advisory_xact_lock(hashtext('unstuck migrate:' || ${t.literal})::bigint)`,
);

/** Makes the schema and its list of migrations: two statements, so it is never prepared. */
export function createSchema(t: Names): Sql {
  return sql`
  create schema if not exists ${t.schema};
  create table if not exists ${t.migrations} (
    number integer primary key,
    name text not null,
    needs integer not null,
    applied_at timestamptz not null default clock_timestamp()
  )`;
}

/** Notes a migration: $1 number, $2 name, $3 the oldest number that a process must know. */
export const noteMigration: Statement<Record<string, never>> = statement(
  'note-migration',
  (t) => sql`insert into ${t.migrations} (number, name, needs) values ($1, $2, $3)`,
);

/** The lock timeout of one transaction, in ms. */
export function lockTimeout(ms: number): Sql {
  return raw(`set local lock_timeout = ${ms}`);
}
