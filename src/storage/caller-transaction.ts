/** Caller's transactions: one small adapter type, so that a job is stored in the transaction of whatever library the caller uses. */
import type { ClientBase } from 'pg';
import { unstuckError } from '../domain/errors.ts';
import type { Executor } from './database.ts';

/** Runs one SQL text with `$1`-style values in the caller's transaction and returns its rows. */
export interface CallerTransaction {
  readonly kind: 'unstuck-transaction';
  run(text: string, values: readonly (string | null)[]): Promise<readonly unknown[]>;
}

/** A client of `pg` between `begin` and `commit`; a pool is not one. */
export type PgTransaction = Pick<ClientBase, 'query' | 'escapeIdentifier'>;

/** The `sql` that `sql.begin` of postgres.js gives its callback. */
export interface PostgresJsTransaction {
  unsafe(text: string, values?: never[]): PromiseLike<unknown>;
  readonly savepoint: unknown;
}

/** The `tx` that `db.transaction` of Drizzle gives its callback. */
export interface DrizzleTransaction {
  execute(query: never): PromiseLike<unknown>;
  readonly rollback: unknown;
}

/** Drizzle's own `sql` tag. */
export interface DrizzleTag {
  (strings: TemplateStringsArray, ...values: unknown[]): unknown;
  raw(text: string): unknown;
  join(parts: never[]): unknown;
}

/** The `trx` of a transaction of Kysely. */
export interface KyselyTransaction {
  executeQuery(query: never): PromiseLike<{ readonly rows: unknown[] }>;
  readonly isTransaction: true;
}

/** Kysely's own `CompiledQuery`. */
export interface KyselyCompiledQuery {
  raw(text: string, values?: unknown[]): unknown;
}

/** The `trx` that `knex.transaction` gives its callback. */
export interface KnexTransaction {
  raw(text: string, values: never): PromiseLike<unknown>;
  readonly commit: unknown;
}

/** The `tx` that `$transaction` of Prisma gives its callback; the client itself has `$connect`. */
export interface PrismaTransaction {
  $queryRawUnsafe(text: string, ...values: unknown[]): PromiseLike<unknown>;
  readonly $connect?: never;
}

/** Adapts a function that runs SQL in a transaction: for libraries without an adapter here. */
export function fromQuery(
  run: (text: string, values: readonly (string | null)[]) => Promise<readonly unknown[]>,
): CallerTransaction {
  return { kind: 'unstuck-transaction', run };
}

/** Adapts a client of `pg` that is in a transaction. It may also be passed as it is. Throws TRANSACTION_INVALID for a pool. */
export function fromPg(client: PgTransaction): CallerTransaction {
  demand('totalCount' in client, 'a client of pg that has begun a transaction', 'a pool');
  return fromQuery(
    async (text, values) => (await client.query(text, [...values])).rows as unknown[],
  );
}

/** Adapts the `sql` of postgres.js inside `sql.begin`. Throws TRANSACTION_INVALID for one outside. */
export function fromPostgresJs(sql: PostgresJsTransaction): CallerTransaction {
  demand(sql.savepoint === undefined, 'the sql that sql.begin gives', 'one outside of it');
  return fromQuery(
    async (text, values) => (await sql.unsafe(text, [...values] as never[])) as unknown[],
  );
}

/** Adapts a transaction of Drizzle (node-postgres or postgres.js); `sql` is Drizzle's own tag. Throws TRANSACTION_INVALID for a db. */
export function fromDrizzle(tx: DrizzleTransaction, sql: DrizzleTag): CallerTransaction {
  demand(tx.rollback === undefined, 'the tx that db.transaction gives', 'the db');
  return fromQuery(async (text, values) => {
    const parts = split(text).map((part) =>
      typeof part === 'string' ? sql.raw(part) : sql`${values[part.value - 1]}`,
    );
    return rowsOf(await tx.execute(sql.join(parts as never[]) as never));
  });
}

/** Adapts a transaction of Kysely; `compiled` is Kysely's `CompiledQuery`. Throws TRANSACTION_INVALID for a db. */
export function fromKysely(
  trx: KyselyTransaction,
  compiled: KyselyCompiledQuery,
): CallerTransaction {
  demand(!trx.isTransaction, 'the trx of a transaction', 'the db');
  return fromQuery(
    async (text, values) => (await trx.executeQuery(compiled.raw(text, [...values]) as never)).rows,
  );
}

/** Adapts a transaction of Knex. Throws TRANSACTION_INVALID for knex itself. */
export function fromKnex(trx: KnexTransaction): CallerTransaction {
  demand(trx.commit === undefined, 'the trx that knex.transaction gives', 'knex itself');
  return fromQuery(async (text, values) => {
    const named = split(text)
      .map((part) => (typeof part === 'string' ? escapeKnex(part) : `:p${part.value}`))
      .join('');
    const bindings = Object.fromEntries(values.map((value, index) => [`p${index + 1}`, value]));
    return rowsOf(await trx.raw(named, bindings as never));
  });
}

/** Adapts an interactive transaction of Prisma. Throws TRANSACTION_INVALID for the client itself. */
export function fromPrisma(tx: PrismaTransaction): CallerTransaction {
  demand(tx.$connect !== undefined, 'the tx that $transaction gives', 'the client itself');
  return fromQuery(
    async (text, values) => (await tx.$queryRawUnsafe(text, ...values)) as unknown[],
  );
}

/** Turns what a caller passed as `in` into something that runs statements. Throws TRANSACTION_INVALID. */
export function callerExecutor(given: unknown): Executor {
  const transaction = toTransaction(given);
  return {
    query: async ({ text, values }) => ({
      rows: [
        ...(await transaction.run(
          text,
          values.map((value) => toText(value as Plain)),
        )),
      ],
    }),
  };
}

function toTransaction(given: unknown): CallerTransaction {
  const value = given as Partial<CallerTransaction> & Partial<ClientBase>;
  if (value?.kind === 'unstuck-transaction') return given as CallerTransaction;
  if (typeof value?.query === 'function') return fromPg(given as ClientBase);
  throw unstuckError(
    'TRANSACTION_INVALID',
    `Expected \`in\` to be a pg client or a transaction from an adapter, got ${given === null ? 'null' : typeof given}. Wrap yours with fromPostgresJs, fromDrizzle, fromKysely, fromKnex, fromPrisma or fromQuery.`,
  );
}

/** Outside a transaction the job would be stored at once, whatever becomes of the caller's writes. */
function demand(outside: boolean, wanted: string, got: string): void {
  if (outside)
    throw unstuckError(
      'TRANSACTION_INVALID',
      `Expected ${wanted}, got ${got}: the job would not belong to your transaction. Begin one, and pass what it gives you.`,
    );
}

/** What our statements take. */
type Plain = string | number | readonly string[] | null | undefined;

/** Every value travels as text or null, which all libraries send alike; a list is written as PostgreSQL reads it. */
function toText(value: Plain): string | null {
  if (value === null || value === undefined) return null;
  if (typeof value !== 'object') return String(value);
  return `{${value.map((item) => `"${item.replaceAll(/[\\"]/g, '\\$&')}"`).join(',')}}`;
}

/** Splits SQL text at its `$n` parameters. */
function split(text: string): (string | { value: number })[] {
  return text
    .split(/(\$\d+)/)
    .filter((part) => part !== '')
    .map((part) => (/^\$\d+$/.test(part) ? { value: Number(part.slice(1)) } : part));
}

/** Knex reads `?` and `:name` as bindings; a cast `::text` is left alone. */
function escapeKnex(text: string): string {
  return text.replaceAll('?', '\\?').replace(/(?<!:):(?=[a-z])/g, '\\:');
}

function rowsOf(result: unknown): unknown[] {
  if (Array.isArray(result)) return result;
  return (result as { rows: unknown[] }).rows;
}
