// The world of the property test of links: pools, limits, parents and children, two workers that only the test moves, and what they were given.
import { randomUUID } from 'node:crypto';
import type { Client } from 'pg';
import { expect, onTestFinished } from 'vitest';
import { z } from 'zod';
import { defineFanOut } from '../../../src/domain/define-fan-out.ts';
import type { AnyJob, RunningJob } from '../../../src/domain/define-job.ts';
import { lineLog } from '../../../src/domain/log.ts';
import { Attempt, type AttemptContext } from '../../../src/engine/attempt.ts';
import type { Decision } from '../../../src/engine/decide.ts';
import { runFanOut } from '../../../src/engine/fan-out.ts';
import { type Ended, Settler } from '../../../src/engine/settler.ts';
import { Sweeper } from '../../../src/engine/sweeper.ts';
import type { ClaimRow } from '../../../src/sql/claim.ts';
import { registerWorker } from '../../../src/sql/lifeline.ts';
import type { Database } from '../../../src/storage/database.ts';
import { makePartitions } from '../../../src/storage/partitions.ts';
import { job, type Setup, setup } from '../../support/unstuck.ts';
import { type LetIn, type Picture, take } from './picture.ts';

/** What the jobs of this world are given. */
export interface Given {
  readonly pool: string;
  readonly customer: string;
}

const retry = { attempts: 3 } as const;
const pool = (input: unknown): string => (input as Given).pool;
const customer = (input: unknown): string => (input as Given).customer;

/** A type for each kind of link; `both` and `child` share a limit. */
export const PLAIN = job('plain', () => 1, { retry });
export const SLOTTED = job('slotted', () => 1, { retry, slot: pool });
export const LIMITED = job('limited', () => 1, { retry, limit: { running: 2, key: customer } });
export const BOTH = job('both', () => 1, { retry, slot: pool, limit: { name: 'shared' } });
export const RATED = job('rated', () => 1, { retry, limit: { rate: { count: 2, per: '1m' } } });
const CHILD = job('child', () => 1, { retry, slot: 'p0', limit: { name: 'shared' } });
export const FAN = defineFanOut({
  type: 'fan',
  input: z.unknown(),
  retry,
  slot: pool,
  executions: {
    of: CHILD,
    plan: () => [0, 1, 2],
    input: (cell: number) => cell,
    success: 0.5,
    finishWithin: '2h',
  },
});
export const TYPES: readonly AnyJob[] = [PLAIN, SLOTTED, LIMITED, BOTH, RATED, CHILD, FAN];
export const POOLS = ['p0', 'p1', 'p2'] as const;

const NO_LOG = lineLog('silent', () => undefined);

const TABLES = [
  'jobs',
  'finished',
  'attempts',
  'events',
  'claims',
  'workers',
  'pools',
  'pool_done',
  'limit_keys',
  'fan_outs',
  'executions',
  'key_windows',
  'pauses',
];

/** Where worlds are made, one after another. */
export interface Place {
  readonly all: Setup;
  readonly database: Database;
  /** The session of a producer with transactions of its own. */
  readonly session: Client;
}

/** Makes a place; `mutate` takes a safeguard out of it, and answers with what puts it back. */
export async function place(
  mutate?: (query: Setup['query']) => Promise<() => Promise<void>>,
): Promise<Place> {
  const all = await setup({ sweep: false });
  const putBack = await mutate?.(all.query);
  if (putBack !== undefined) onTestFinished(putBack);
  const definer = await all.unstuck.work(TYPES); // Defines the types; the workers of the world are its own.
  await definer.stop();
  return { all, database: all.database({ sweep: false }), session: await all.session() };
}

/** The world of one run. */
export class World {
  readonly all: Setup;
  readonly database: Database;
  readonly session: Client;
  readonly workers: string[] = [];
  /** Attempts that no worker has reported about yet, the current ones and those that were lost, cancelled or timed out. */
  readonly attempts: Attempt[] = [];
  /** Jobs that must be somewhere. */
  readonly known = new Set<string>();
  /** Completed jobs that held a slot, by pool. */
  readonly processed = new Map<string, number>();
  readonly sweeper: Sweeper;
  clockMs = 0;
  /** Something has happened that only a sweep looks at. */
  isLeftToSweep = false;
  /** The last step was a sweep. */
  isSwept = false;
  /** A claim makes room at a rate, which only a sweep looks at. */
  isRateLeftToSweep = false;
  picture!: Picture;
  /** Parents of executions that a hand has deleted, and when. */
  readonly gaps = new Map<string, number>();
  /** Who has been let in at the key of a limit, and when at the earliest. */
  readonly letIn: LetIn[] = [];
  /** An enqueue lets jobs in at their limits after it has answered. */
  isLettingIn = false;
  #accepted = new Set<string>();
  #settler: Settler;
  #context: AttemptContext;

  constructor({ all, database, session }: Place) {
    this.all = all;
    this.database = database;
    this.session = session;
    this.sweeper = new Sweeper(database, NO_LOG, {
      ready: () => undefined,
      notify: () => Promise.resolve(),
    });
    this.#settler = new Settler(database, NO_LOG, {
      accepted: (ended) => this.#accept(ended),
      refused: () => undefined,
      forgotten: () => undefined,
      ready: () => undefined,
    });
    this.#context = {
      timeoutMs: 60_000,
      abortGraceMs: 1_000,
      limits: { bytesMax: 100_000, depthMax: 50 },
      trace: () => undefined,
      job: (attempt, input) => running(attempt, input),
      progress: () => undefined,
      fanOut: (attempt, parent) => runFanOut(database, attempt, parent),
      dispatch: () => Promise.reject(new Error('No type of this world has a target.')),
      isolated: () => Promise.reject(new Error('No type of this world is isolated.')),
    };
  }

  /** Empties the database and sets everything up anew. */
  static async begin(at: Place): Promise<World> {
    const { all } = at;
    // A truncate of so many tables and partitions takes 150 ms, ten times as long as this.
    await all.query(TABLES.map((table) => `delete from unstuck.${table}`).join(';'));
    await all.moveClock('0');
    const world = new World(at);
    await world.enlist(0);
    await world.enlist(1);
    for (const [index, key] of POOLS.entries())
      await all.unstuck.pools.set(key, { capacity: index });
    await all.unstuck.pools.set('p0', { capacity: 1 });
    await all.unstuck.limits.set('shared', { running: 1 });
    await all.unstuck.limits.set('type:limited', { running: 2 });
    await all.unstuck.limits.set('type:rated', { rate: { count: 2, per: '1m' } });
    world.picture = await take(world.all.query);
    return world;
  }

  async enlist(index: number): Promise<void> {
    const id = randomUUID();
    const row = {
      name: `w${index}`,
      host: 'elsewhere',
      pid: 1,
      pid_started: '1',
      lock_key: null,
      lease_ms: 10_000,
      types: TYPES.map(({ type }) => type),
      concurrency: 5,
      version: 'x',
    };
    await this.database.run(registerWorker, [id, JSON.stringify(row)]);
    this.workers[index] = id;
  }

  claimed(rows: readonly ClaimRow[], worker: string): void {
    for (const row of rows) {
      const definition = TYPES.find(({ type }) => type === row.type);
      if (definition !== undefined)
        this.attempts.push(new Attempt(worker, row, definition, this.#context));
    }
  }

  /** Takes attempts, counted from the latest, that are reported about now: each is reported once. */
  takeAttempts(indexes: readonly number[]): Attempt[] {
    const count = this.attempts.length;
    const taken = new Set(count === 0 ? [] : indexes.map((index) => count - 1 - (index % count)));
    const batch = [...taken].flatMap((index) => this.attempts[index] ?? []);
    this.attempts.splice(0, count, ...this.attempts.filter((one) => !batch.includes(one)));
    return batch;
  }

  /** Reports the ends of attempts; a parent decides for itself. */
  async settle(batch: readonly Attempt[], decision: Decision): Promise<void> {
    for (const attempt of batch) {
      const own = attempt.row.type === 'fan' && isOwnEnd(decision);
      const end = own ? (await attempt.run()).decision : decision;
      if (typeof end === 'object') this.#settler.add({ attempt, decision: end });
    }
    await this.#settler.drain();
  }

  async advance(ms: number): Promise<void> {
    this.clockMs += ms;
    await this.all.moveClock(`${this.clockMs / 1_000} seconds`);
    await makePartitions(this.database); // A clock that was moved by days needs the days.
  }

  #accept({ attempt: { row }, decision }: Ended): void {
    if (decision.outcome === null && decision.kind === 'defer') return;
    const fence = `${row.id} ${row.token}`;
    expect(this.#accepted.has(fence), `two ends of ${fence}`).toBe(false);
    this.#accepted.add(fence);
    const key = row.links?.[1] ?? null;
    if (decision.kind === 'finish' && decision.state === 'completed' && key !== null)
      this.processed.set(key, (this.processed.get(key) ?? 0) + 1);
  }
}

const isOwnEnd = (decision: Decision): boolean =>
  decision.kind === 'finish' && decision.state === 'completed';

function running({ row, signal }: Attempt, input: unknown): RunningJob {
  const { id, type, token } = row;
  return { id, type, token, input, signal } as RunningJob;
}
