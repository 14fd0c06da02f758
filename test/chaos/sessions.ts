// Controlled interleaving on real PostgreSQL: sessions that take one step at a time, each until it is done or waits for another's lock.
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Client } from 'pg';
import { engineSettings } from '../../src/sql/session.ts';
import { type Names, namesOf, type Statement } from '../../src/sql/sql.ts';
import { connect } from './setup.ts';

/** One step of a session. */
export type Step = (session: Session) => Promise<unknown>;

/** The names of the schema that the steps work on. */
export const NAMES: Names = namesOf('unstuck');

/** A connection with the settings of the engine. */
export class Session {
  readonly client: Client;
  readonly pid: number;
  #running: Promise<unknown> | undefined;
  #waiting: Step[] = [];

  private constructor(client: Client) {
    this.client = client;
    this.pid = (client as unknown as { processID: number }).processID;
  }

  static async open(url: string): Promise<Session> {
    const client = await connect(url);
    await client.query(
      engineSettings({ statementMs: 20_000, lockMs: 20_000, idleMs: 20_000 }).text,
    );
    return new Session(client);
  }

  /** Runs a statement of the engine, or its text with something taken out. */
  async run<Row>(
    statement: Statement<Row>,
    values: readonly unknown[],
    text?: string,
  ): Promise<Row[]> {
    const query = text === undefined ? prepared(statement) : { text };
    const mode = statement.positional ? { rowMode: 'array' as const } : {};
    const result = await this.client.query({ ...query, ...mode, values: [...values] });
    return result.rows as Row[];
  }

  begin(): Promise<unknown> {
    return this.client.query('begin');
  }

  commit(): Promise<unknown> {
    return this.client.query('commit');
  }

  /** Begins a step, behind those that this session has not ended yet. */
  start(step: Step): void {
    this.#waiting.push(step);
    if (this.#running === undefined) this.#next();
  }

  /** Resolves when the step that runs now has ended. */
  get ended(): Promise<unknown> {
    return this.#running ?? Promise.resolve();
  }

  /** Whether every step has ended. */
  get idle(): boolean {
    return this.#running === undefined;
  }

  #next(): void {
    const step = this.#waiting.shift();
    if (step === undefined) return;
    this.#running = step(this).finally(() => {
      this.#running = undefined;
      this.#next();
    });
  }
}

/** Lets every session go on until it is idle or waits for a lock of another; never sleeps. */
export async function settle(control: Client, sessions: readonly Session[]): Promise<void> {
  for (;;) {
    // Most steps end within a moment: only those that do not are asked about.
    await Promise.race([Promise.all(sessions.map(({ ended }) => ended)), pause(2)]);
    const busy = sessions.filter(({ idle }) => !idle);
    if (busy.length === 0) return;
    const { rows } = await control.query<{ blocked: boolean }>(
      'select bool_and(cardinality(pg_blocking_pids(pid)) > 0) as blocked from unnest($1::integer[]) as b (pid)',
      [busy.map(({ pid }) => pid)],
    );
    // A session that has just ended its step is asked again: only those that still run count.
    if (rows[0]?.blocked === true && busy.every(({ idle }) => !idle)) return;
  }
}

function prepared(statement: Statement<unknown>): { name: string; text: string } {
  return { name: statement.name, text: statement.build(NAMES).text };
}

/** Every way to merge the lists, each keeping its own order. */
export function interleavings<T>(lists: readonly (readonly T[])[]): T[][] {
  const left = lists.filter((list) => list.length > 0);
  if (left.length === 0) return [[]];
  return left.flatMap((list) => {
    const rest = left.map((other) => (other === list ? other.slice(1) : other));
    return interleavings(rest).map((tail) => [list[0] as T, ...tail]);
  });
}

/** Registers a worker that does not exist; returns its id. */
export async function registerWorker(client: Client, state: 'live' | 'dead'): Promise<string> {
  const id = randomUUID();
  await client.query(
    `insert into unstuck.workers (id, name, host, pid, pid_started, lease_ms, lease_until, beat_at, state, types, concurrency, version, started_at)
     values ($1, $2, 'elsewhere', 1, '1', 3600000, now() + interval '1 hour', now(), $2, '{plain}', 10, '0', now())`,
    [id, state],
  );
  return id;
}

/** Stores jobs that a worker runs under token 1, past their timeout, on their only attempt; returns their ids in order. */
export async function runningJobs(client: Client, worker: string, count = 1): Promise<string[]> {
  const { rows } = await client.query<{ id: string }>(
    `insert into unstuck.jobs (type, waits_for, wake_at, worker_id, token, attempt, started_at, expires_at, attempts_max, claim_within_ms)
     select 'plain', null, null, $1, 1, 1, now() - interval '2 hours', now() - interval '1 hour', 1, 300000 from generate_series(1, $2)
     returning id`,
    [worker, count],
  );
  return rows.map(({ id }) => id).toSorted();
}

/** Stores queued jobs of a type. */
export async function queuedJobs(client: Client, type: string, count: number): Promise<void> {
  await client.query(
    `insert into unstuck.jobs (type, waits_for, wake_at, claim_by, attempts_max, claim_within_ms)
     select $1, null, null, now() + interval '5 minutes', 5, 300000 from generate_series(1, $2)`,
    [type, count],
  );
}
