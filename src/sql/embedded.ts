/** Embedded: what a new embedded server is asked before there is a database to connect to. */
import { raw, type Sql, sql } from './sql.ts';

/** Which data the server that answers works on: one row with `directory`. */
export const showDataDirectory: Sql = sql`
  select current_setting('data_directory') as directory`;

/** One row when there is a database of the name `$1`. */
export const findDatabase: Sql = sql`
  select from pg_database where datname = $1`;

/** Makes a database; the name is one of ours, since it cannot be a value. */
export function createDatabase(name: 'unstuck'): Sql {
  return raw(`create database ${name}`);
}
