/** Database: runs named statements on the engine's own connections; decides nothing. */
import pg from 'pg';
import { unstuckError } from '../domain/errors.ts';
import type { Config } from '../domain/options.ts';
import { begin, commit, engineSettings, rollback, transactionSettings } from '../sql/session.ts';
import { type Names, namesOf, type Sql, type Statement } from '../sql/sql.ts';
import { settlesWithin } from '../std/timer.ts';
import { endClient } from './end-client.ts';
import { isConnectionLost, isReadTimeout } from './postgres-errors.ts';

/** Anything that runs one SQL text with values: a pool, a client, or a caller's transaction. */
export interface Executor {
  query(query: {
    text: string;
    values: unknown[];
    name?: string;
    rowMode?: 'array';
  }): Promise<{ rows: unknown[] }>;
}

/** `onConnect` runs before anybody gets the connection; the types of pg do not know it yet. */
type PoolOptions = pg.PoolConfig & { onConnect?: (client: pg.PoolClient) => Promise<void> };

const SWEEP_CONNECTIONS = 2;
const API_CONNECTIONS = 4;
const API_STATEMENT_MS = 5_000;
const API_LOCK_MS = 1_000;
const CLOSE_MS = 5_000;

/** Runs named statements; every method throws what PostgreSQL or the connection threw. */
export class Database {
  readonly url: string;
  readonly names: Names;
  readonly config: Config;
  /** Whether a transaction pooler stands in between: no prepared statements, no session state, no LISTEN. */
  readonly pooled: boolean;
  /** Monotonic time of the last statement that failed because of its connection; 0 when none has. */
  failedAt = 0;
  #name: string;
  #pool: pg.Pool;
  #application: pg.Pool | undefined;
  #texts = new Map<Statement<unknown>, string>();
  #onError: (error: Error) => void;

  constructor(
    url: string,
    config: Config,
    pooled: boolean,
    onError: (error: Error) => void,
    name = 'unstuck engine',
  ) {
    this.#name = name;
    this.url = url;
    this.config = config;
    this.names = namesOf(config.schema);
    this.pooled = pooled;
    this.#onError = onError;
    this.#pool = this.#makePool(config.connections, name, this.#engineSettings());
  }

  /** Runs a statement on any engine connection, or on the one given. */
  async run<Row>(
    statement: Statement<Row>,
    values: readonly unknown[] = [],
    on: Executor = this.#pool,
  ): Promise<Row[]> {
    const text = this.text(statement);
    const named = this.pooled ? {} : { name: statement.name };
    const mode = statement.positional ? { rowMode: 'array' as const } : {};
    const sent = { text, values: [...values], ...named, ...mode };
    try {
      const result = await on.query(sent);
      const rows = result.rows as Row[];
      Reflect.set(result, 'rows', []);
      return rows;
    } catch (error) {
      if (isReadTimeout(error)) this.#renew(on);
      throw error;
    } finally {
      // The client library refers to both from a function that V8 makes among its old objects: it would keep them until the next full collection.
      sent.values.length = 0;
    }
  }

  /** A connection that does not answer is half-open, and those that are idle beside it may be too: the next statement gets a new one. */
  #renew(silent: Executor): void {
    if (silent !== this.#pool) return;
    const old = this.#pool;
    this.#pool = this.#makePool(this.config.connections, this.#name, this.#engineSettings());
    old.end().catch(this.#onError);
  }

  /** The text of a statement in this installation's schema. */
  text(statement: Statement<unknown>): string {
    const known = this.#texts.get(statement);
    if (known !== undefined) return known;
    const text = statement.build(this.names).text;
    this.#texts.set(statement, text);
    return text;
  }

  /** Lends one engine connection for several statements; a lost one is destroyed. */
  async hold<T>(work: (on: Executor) => Promise<T>): Promise<T> {
    const client = await this.#pool.connect();
    let broken: Error | undefined;
    try {
      return await work(client);
    } catch (error) {
      if (isConnectionLost(error)) broken = error as Error;
      throw error;
    } finally {
      client.release(broken);
    }
  }

  /** Runs `work` in one transaction on an engine connection; whatever it throws rolls back. */
  transaction<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    return inTransaction(this.#pool, work);
  }

  /** A view of the same database with connections and timeouts of its own: the sweep never waits behind claims (C11). */
  forSweep(): Database {
    const { sweepTimeout, lockTimeout } = this.config;
    const timeouts = {
      statementTimeout: sweepTimeout,
      lockTimeout: Math.min(lockTimeout, sweepTimeout),
    };
    const config = { ...this.config, ...timeouts, connections: SWEEP_CONNECTIONS };
    return new Database(this.url, config, this.pooled, this.#onError);
  }

  /** A view of the same database for those who only look and administer: few connections, short timeouts, so that they starve nobody. */
  forApi(): Database {
    const { statementTimeout, lockTimeout } = this.config;
    const config = {
      ...this.config,
      statementTimeout: Math.min(statementTimeout, API_STATEMENT_MS),
      lockTimeout: Math.min(lockTimeout, API_LOCK_MS),
      connections: API_CONNECTIONS,
    };
    return new Database(this.url, config, this.pooled, this.#onError, 'unstuck api');
  }

  /** Gives a connection for statements that must stand alone (DDL); it is destroyed afterwards. */
  async withClient<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
    const client = this.newClient('unstuck admin', { queryMs: 60_000 });
    await client.connect();
    try {
      return await work(client);
    } finally {
      await endClient(client);
    }
  }

  /** The connections of `job.transaction`: users' own statements run there. */
  get application(): pg.Pool {
    this.#application ??= this.#makePool(
      this.config.transactionConnections,
      'unstuck transaction',
      this.pooled ? undefined : transactionSettings(this.config.lease),
    );
    return this.#application;
  }

  /** Gives up the connections of `job.transaction`: one was half-open, so the idle ones beside it may be too. Those in use go on. */
  renewApplication(): void {
    const old = this.#application;
    this.#application = undefined;
    old?.end().catch(this.#onError);
  }

  /** Makes a client that is not connected yet; it has a timeout for everything and a listener for errors (C8). */
  newClient(name: string, limits: { readonly queryMs: number }): pg.Client {
    const client = new pg.Client({
      ...clientOptions(this.url, this.config, name),
      query_timeout: limits.queryMs,
    });
    client.on('error', this.#onError);
    return client;
  }

  /** The settings of an engine connection; undefined behind a transaction pooler, where they would leak to others. */
  #engineSettings(): Sql | undefined {
    if (this.pooled) return undefined;
    const { statementTimeout, lockTimeout } = this.config;
    return engineSettings({
      statementMs: statementTimeout,
      lockMs: lockTimeout,
      idleMs: statementTimeout,
    });
  }

  #makePool(max: number, name: string, settings: Sql | undefined): pg.Pool {
    const options: PoolOptions = {
      ...clientOptions(this.url, this.config, name),
      max,
      query_timeout: name === this.#name ? this.config.statementTimeout + 500 : 0,
      connectionTimeoutMillis: this.config.connectTimeout,
      idleTimeoutMillis: 30_000,
      allowExitOnIdle: true,
      onConnect: async (client) => {
        client.on('error', this.#onError);
        if (settings === undefined) return;
        // Bounded also where users' own statements are not: a connection may die between its greeting and this.
        const bounded: pg.QueryConfig & pg.ClientConfig = {
          text: settings.text,
          query_timeout: this.config.connectTimeout,
        };
        await client.query(bounded);
      },
    };
    const pool = new pg.Pool(options);
    pool.on('error', this.#onError);
    return pool;
  }

  /** Ends all connections; one that hangs is left to its own timeouts. */
  async close(): Promise<void> {
    await settlesWithin(Promise.all([this.#pool.end(), this.#application?.end()]), CLOSE_MS);
  }
}

/** Runs `work` in a transaction of the pool; a connection on which the rollback fails is destroyed. */
export async function inTransaction<T>(
  pool: pg.Pool,
  work: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query(begin.text);
    const result = await work(client);
    await client.query(commit.text);
    return result;
  } catch (error) {
    // On a connection that is gone or hangs a rollback would only wait for its own timeout.
    broken = isConnectionLost(error) ? (error as Error) : await rollBack(client);
    throw error;
  } finally {
    client.release(broken);
  }
}

async function rollBack(client: pg.PoolClient): Promise<Error | undefined> {
  try {
    await client.query(rollback.text);
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

/** The options of every connection: bounded in connecting, with TCP keep-alive. */
export function clientOptions(url: string, config: Config, name: string): pg.ClientConfig {
  return {
    connectionString: url,
    application_name: name,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    connectionTimeoutMillis: config.connectTimeout,
  };
}

/** Checks a database address. Throws DATABASE_URL_INVALID, without the address (it may hold a password). */
export function checkUrl(url: string): string {
  if (/^postgres(ql)?:\/\/\S+$/.test(url)) return url;
  throw unstuckError(
    'DATABASE_URL_INVALID',
    'Expected the database address to be like postgres://user@host:5432/database. Check UNSTUCK_DATABASE_URL.',
  );
}

/**
 * A database address without its password, for people. It is cut up to the last `@`: a password that nobody encoded may hold `/`, `?`
 * and `@`, and an address that PostgreSQL cannot be reached at is shown just then.
 */
export function withoutPassword(url: string): string {
  return url
    .replace(/^(postgres(?:ql)?:\/\/[^/@:]*):.*@/, '$1@')
    .replaceAll(/([?&])(password|sslpassword)=[^&]*/gi, '$1$2=…');
}
