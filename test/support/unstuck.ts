// What a test of the engine starts from: a fresh database, a connected Unstuck, its log, and the database's clock to move.
import pg from 'pg';
import { onTestFinished } from 'vitest';
import { z } from 'zod';
import type { ConnectOptions } from '../../src/domain/connect-options.ts';
import { defineJob as define, type JobOptions } from '../../src/domain/define-job.ts';
import { takeDeliveryOptions } from '../../src/domain/delivery-options.ts';
import { parseConfig } from '../../src/domain/options.ts';
import { Database } from '../../src/storage/database.ts';
import { Unstuck } from '../../src/unstuck.ts';
import { freshDatabase } from './database.ts';
import type { ServerName } from './postgres.ts';

/** One log line of an Unstuck under test. */
export interface Line {
  readonly event: string;
  readonly facts: Readonly<Record<string, unknown>>;
}

/** A test's own installation; everything of it is closed and dropped after the test. */
export interface Setup {
  readonly url: string;
  /** Major version of the server. */
  readonly version: number;
  readonly unstuck: Unstuck;
  /** Every log line so far, of every Unstuck of this setup. */
  readonly lines: readonly Line[];
  /** Connects once more, as another process would; closed after the test. */
  readonly connect: (options?: ConnectOptions) => Promise<Unstuck>;
  /** Opens the engine's own view of the database, for tests of single statements. */
  readonly database: (options?: ConnectOptions) => Database;
  /** Runs SQL over a connection that nobody else uses. */
  readonly query: <Row = Record<string, unknown>>(
    text: string,
    values?: unknown[],
  ) => Promise<Row[]>;
  /** Opens a session of its own, to hold locks or transactions. */
  readonly session: () => Promise<pg.Client>;
  /** Moves the database's clock to the real time plus this interval, for every session at once. */
  readonly moveClock: (interval: string) => Promise<void>;
  /** Resolves when the log has this event; answers its first line. */
  readonly logged: (event: string) => Promise<Line>;
}

/** What tests change about the defaults: stopping is quick, so that a broken handler does not hold up the run. */
const QUICK: ConnectOptions = { drainTimeout: '500ms', abortGrace: '200ms' };

/** Makes a fresh migrated database and connects to it. */
export async function setup(
  options: ConnectOptions & { readonly server?: ServerName } = {},
): Promise<Setup> {
  const { server, ...own } = options;
  const fresh = await freshDatabase(server);
  const lines: Line[] = [];
  const closing: (() => Promise<unknown>)[] = [];
  onTestFinished(async () => {
    await Promise.allSettled(closing.toReversed().map((close) => close()));
    await fresh.drop();
  });
  const client = new pg.Client({ connectionString: fresh.url });
  client.on('error', () => undefined);
  await client.connect();
  closing.push(() => client.end());

  const connect = async (more: ConnectOptions = {}): Promise<Unstuck> => {
    const log = collectingLog(lines);
    const unstuck = await Unstuck.connect({ database: fresh.url, log, ...QUICK, ...own, ...more });
    closing.push(() => unstuck.close());
    return unstuck;
  };
  const query = async <Row>(text: string, values: unknown[] = []): Promise<Row[]> =>
    (await client.query(text, values)).rows as Row[];
  return {
    url: fresh.url,
    version: fresh.version,
    unstuck: await connect(),
    lines,
    connect,
    database: (more = {}) => {
      const { database: _, log: __, ...given } = { ...QUICK, ...own, ...more };
      const [, rest] = takeDeliveryOptions(given);
      const database = new Database(fresh.url, parseConfig(rest, {}), false, () => undefined);
      closing.push(() => database.close());
      return database;
    },
    query,
    session: async () => {
      const session = new pg.Client({ connectionString: fresh.url });
      session.on('error', () => undefined);
      await session.connect();
      closing.push(() => session.end());
      return session;
    },
    moveClock: async (interval) => {
      await query(
        `create or replace function unstuck.clock() returns timestamptz language sql stable parallel safe
          as $$ select statement_timestamp() + interval '${interval}' $$`,
      );
    },
    logged: (event) => eventually(() => lines.find((line) => line.event === event), event),
  };
}

/** Resolves to the first answer that is neither undefined nor false, asked again and again; fails after `withinMs`. */
export async function eventually<T>(
  ask: () => T | Promise<T>,
  what: string,
  withinMs = 40_000,
): Promise<Exclude<T, undefined | false>> {
  // Not the clock that the engine reads: tests move that one.
  const nowMs = (): number => Number(process.hrtime.bigint()) / 1e6;
  const until = nowMs() + withinMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer as Exclude<T, undefined | false>;
    if (nowMs() > until) throw new Error(`Not within ${withinMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** A promise with its two ends, for handlers that wait until their test says so. */
export interface Gate<T = void> {
  readonly promise: Promise<T>;
  open(value: T): void;
}

/** Makes a gate. */
export function gate<T = void>(): Gate<T> {
  let open!: (value: T) => void;
  const promise = new Promise<T>((resolve) => {
    open = resolve;
  });
  return { promise, open };
}

/** Any JSON. */
export const anything: z.ZodUnknown = z.unknown();

type Unchecked<Result> = Omit<JobOptions<typeof anything, Result>, 'type' | 'input' | 'run'>;

/** Defines a job whose input may be anything. */
export function job<Result>(
  type: string,
  run: JobOptions<typeof anything, Result>['run'],
  options: Unchecked<Result> = {},
): ReturnType<typeof define<typeof anything, Result>> {
  return define({ type, input: anything, run, ...options });
}

function collectingLog(lines: Line[]): NonNullable<ConnectOptions['log']> {
  const add = (event: string, facts: Readonly<Record<string, unknown>> = {}): void =>
    void lines.push({ event, facts });
  return { debug: add, info: add, warn: add, error: add };
}
