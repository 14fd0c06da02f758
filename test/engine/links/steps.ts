// The steps of the property test of links: what people, producers, workers and time do to the world.
import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { expect } from 'vitest';
import type { AnyJob } from '../../../src/domain/define-job.ts';
import { AWAITED, type Decision, RELEASED } from '../../../src/engine/decide.ts';
import { claimAlone, claimJobs } from '../../../src/sql/claim.ts';
import { markDead } from '../../../src/sql/fleet.ts';
import { beat } from '../../../src/sql/lifeline.ts';
import { readClaim } from '../../../src/storage/claim-answer.ts';
import { expectation, type Wish } from './admission.ts';
import { BOTH, FAN, LIMITED, PLAIN, POOLS, RATED, SLOTTED, TYPES, type World } from './world.ts';

/** A step, and how it is told. */
export interface Step {
  readonly text: string;
  run(world: World): Promise<void>;
}

const WANTED = JSON.stringify(
  TYPES.map(({ type }) => ({
    type,
    queue: 'default',
    timeout_ms: 60_000,
    rank: -100_000,
    seq: '-1',
  })),
);
const ERROR = { code: 'X', name: 'X', message: 'X' };
const COMPLETED: Decision = { kind: 'finish', state: 'completed', result: '1', outcome: null };
const DECISIONS: Readonly<Record<string, Decision>> = {
  complete: COMPLETED,
  fail: { kind: 'finish', state: 'failed', error: ERROR, outcome: 'failed' },
  stop: { kind: 'finish', state: 'cancelled', reason: 'x', outcome: 'cancelled' },
  retry: {
    kind: 'defer',
    gate: 'retry',
    delayMs: 20_000,
    charged: true,
    outcome: 'failed',
    error: ERROR,
  },
  snooze: { kind: 'defer', gate: 'time', delayMs: 20_000, charged: false, outcome: 'snoozed' },
  'give back': RELEASED,
};

const pick = <T>(list: readonly T[], index: number): T | undefined =>
  list[list.length - 1 - (index % list.length)];

/** Enqueues, by itself or in a transaction, and compares the answer with what the picture before it allows. */
function enqueue(
  definition: AnyJob,
  wish: Wish,
  transaction: 'none' | 'commits' | 'rolls back',
): Step {
  return {
    text: `enqueue(${definition.type}, ${JSON.stringify(wish)}, transaction ${transaction})`,
    async run(world) {
      const expected = expectation(world.picture, definition.type, wish);
      const { pool, customer, ...options } = wish;
      const session = transaction === 'none' ? undefined : world.session;
      await session?.query('begin');
      const answer = await world.all.unstuck
        .enqueue(
          definition as typeof PLAIN,
          { pool, customer },
          { ...options, ...(session && { in: session }) },
        )
        .catch((error: { code: string }) => ({ id: '', reason: error.code }));
      expect(answer, `the answer to ${this.text}`).toMatchObject(expected);
      const kept = transaction !== 'rolls back';
      await session?.query(kept ? 'commit' : 'rollback');
      if (kept && answer.reason === 'created') world.known.add(answer.id);
      // Whoever hears of it lets it in at its limit; here nobody listens.
      if (session === undefined) world.isLettingIn = true;
      else if (kept && definition.limit !== undefined) world.isLeftToSweep = true;
    },
  };
}

function claim(index: number, alone: boolean): Step {
  return {
    text: `claim(worker ${index}${alone ? ', alone' : ''})`,
    async run(world) {
      const worker = world.workers[index] ?? '';
      const rows = alone
        ? await world.database.run(claimAlone, [worker, randomUUID(), WANTED, 1, true])
        : await world.database.run(claimJobs, [worker, randomUUID(), WANTED, 3]);
      world.claimed(readClaim(rows, '').jobs, worker);
      world.isRateLeftToSweep = true;
    },
  };
}

/** A worker takes what it can and completes it; a parent decides for itself. */
function work(index: number): Step {
  return {
    text: `work(worker ${index})`,
    async run(world) {
      const held = world.attempts.length;
      await claim(index, false).run(world);
      await world.settle(world.attempts.splice(held), COMPLETED);
    },
  };
}

function settle(indexes: readonly number[], how: string): Step {
  return {
    text: `settle([${indexes.join()}], ${how})`,
    run: (world) => world.settle(world.takeAttempts(indexes), DECISIONS[how] ?? AWAITED),
  };
}

function person(verb: 'cancel' | 'release' | 'retry', index: number): Step {
  return {
    text: `${verb}(${index})`,
    async run(world) {
      const { live, ended } = world.picture;
      const id = (verb === 'retry' ? pick(ended, index) : pick(live, index))?.id;
      if (id === undefined) return;
      await world.all.unstuck[verb](id, { by: 'test' }).catch(
        (error: { code?: string; message: string }) => {
          expect(['JOB_STATE_CONFLICT', 'KEY_TAKEN'], error.message).toContain(error.code);
        },
      );
    },
  };
}

function setCapacity(key: string, capacity: number): Step {
  return {
    text: `set pool ${key} to ${capacity}`,
    run: async (world) => void (await world.all.unstuck.pools.set(key, { capacity })),
  };
}

function setLimit(name: string, running: number): Step {
  return {
    text: `set limit ${name} to ${running}`,
    run: async (world) => void (await world.all.unstuck.limits.set(name, { running })),
  };
}

function pause(type: string, on: boolean): Step {
  return {
    text: `${on ? 'pause' : 'resume'} ${type}`,
    run: async (world) => {
      if (on) await world.all.unstuck.queues.pauseType(type);
      else await world.all.unstuck.queues.resumeType(type);
    },
  };
}

function kill(index: number): Step {
  return {
    text: `kill(worker ${index})`,
    async run(world) {
      await world.database.run(markDead, [[world.workers[index]], 0, true]);
      await world.enlist(index);
    },
  };
}

function deleteByHand(index: number): Step {
  return {
    text: `delete by hand(${index})`,
    async run(world) {
      const gone = pick(world.picture.live, index);
      if (gone === undefined) return;
      await world.all.query('delete from unstuck.jobs where id = $1', [gone.id]);
      world.known.delete(gone.id);
      if (gone.parent !== null) world.gaps.set(gone.parent, world.clockMs);
      world.isLeftToSweep = true;
    },
  };
}

function insertByHand(pool: string): Step {
  return {
    text: `insert by hand(${pool})`,
    async run(world) {
      const [row] = await world.all.query<{ id: string }>(
        `insert into unstuck.jobs (type, wants_pool, limit_key) values ('both', $1, 'shared') returning id::text`,
        [pool],
      );
      if (row !== undefined) world.known.add(row.id);
    },
  };
}

/** Moves the clock; the workers that live beat at once, so that only `kill` ends them. */
function advance(seconds: number): Step {
  return {
    text: `advance(${seconds} s)`,
    async run(world) {
      await world.advance(seconds * 1_000);
      for (const worker of world.workers) await world.database.run(beat, [worker, 0, 0, 0, []]);
      world.isLeftToSweep = true;
    },
  };
}

const sweep: Step = {
  text: 'sweep',
  async run(world) {
    await world.sweeper.sweepOnce();
    world.isLeftToSweep = false;
    world.isRateLeftToSweep = false;
    world.isSwept = true;
  },
};

const worker = fc.nat({ max: 1 });
const transactionKind = fc.oneof(
  { weight: 6, arbitrary: fc.constant('none' as const) },
  { weight: 2, arbitrary: fc.constantFrom('commits' as const, 'rolls back' as const) },
);
const some = fc.array(fc.nat({ max: 6 }), { minLength: 1, maxLength: 3 });
const poolKey = fc.constantFrom(...POOLS);
const keyed = fc.record(
  {
    key: fc.constantFrom('k', 'l'),
    whenTaken: fc.constantFrom(
      'return' as const,
      'refuse' as const,
      'replace' as const,
      'replace' as const,
    ),
    keyWindow: fc.constantFrom(30_000, 90_000),
  },
  { requiredKeys: ['key', 'whenTaken'] },
);
const wish: fc.Arbitrary<Wish> = fc
  .tuple(
    fc.record({
      pool: poolKey,
      customer: fc.constantFrom('x', 'y'),
      whenFull: fc.constantFrom('wait' as const, 'refuse' as const),
      hold: fc.constantFrom(false, false, false, true),
      delay: fc.constantFrom(0, 0, 0, 20_000),
      priority: fc.integer({ min: -2, max: 2 }),
    }),
    fc.option(keyed, { nil: {} }),
  )
  .map(([rest, key]) => ({ ...rest, ...key }));

/** What the jobs of a run are about: few kinds at once, so that they meet each other. */
const KINDS = {
  slots: [PLAIN, SLOTTED, SLOTTED, BOTH],
  limits: [LIMITED, LIMITED, BOTH, RATED],
  rates: [RATED],
  parents: [FAN, FAN, BOTH],
  all: [PLAIN, SLOTTED, LIMITED, BOTH, RATED, FAN],
} as const;

/** What the jobs of a run may be about. */
export type Kind = keyof typeof KINDS;

const stepOf = (types: readonly AnyJob[]): fc.Arbitrary<Step> =>
  fc.oneof(
    { weight: 6, arbitrary: worker.map(work) },
    {
      weight: 8,
      arbitrary: fc
        .tuple(fc.constantFrom(...types), wish, transactionKind)
        .map(([definition, wished, transaction]) => enqueue(definition, wished, transaction)),
    },
    {
      weight: 7,
      arbitrary: fc
        .tuple(worker, fc.constantFrom(false, false, true))
        .map(([index, alone]) => claim(index, alone)),
    },
    { weight: 6, arbitrary: some.map((indexes) => settle(indexes, 'complete')) },
    {
      weight: 4,
      arbitrary: fc
        .tuple(some, fc.constantFrom('fail', 'stop', 'retry', 'snooze', 'give back'))
        .map(([indexes, how]) => settle(indexes, how)),
    },
    {
      weight: 5,
      arbitrary: fc
        .tuple(
          fc.constantFrom(
            'cancel' as const,
            'cancel' as const,
            'release' as const,
            'retry' as const,
          ),
          fc.nat({ max: 8 }),
        )
        .map(([verb, index]) => person(verb, index)),
    },
    {
      weight: 2,
      arbitrary: fc
        .tuple(poolKey, fc.nat({ max: 3 }))
        .map(([key, capacity]) => setCapacity(key, capacity)),
    },
    {
      weight: 2,
      arbitrary: fc
        .tuple(fc.constantFrom('shared', 'type:limited'), fc.integer({ min: 1, max: 3 }))
        .map(([name, running]) => setLimit(name, running)),
    },
    {
      weight: 2,
      arbitrary: fc
        .tuple(fc.constantFrom('both', 'child', 'limited'), fc.boolean())
        .map(([type, on]) => pause(type, on)),
    },
    { weight: 2, arbitrary: worker.map(kill) },
    { weight: 1, arbitrary: fc.nat({ max: 6 }).map(deleteByHand) },
    { weight: 1, arbitrary: poolKey.map(insertByHand) },
    { weight: 2, arbitrary: fc.constantFrom(7, 31, 61, 10_000).map(advance) },
    { weight: 6, arbitrary: fc.constant(sweep) },
  );

/** Some steps, at most so many, about one kind (default: any one of them), which are told by their texts. */
export function steps(most: number, kind?: Kind): fc.Arbitrary<Step[]> {
  const kinds = kind === undefined ? Object.values(KINDS) : [KINDS[kind]];
  const told = (list: Step[]): Step[] =>
    Object.assign(list, {
      [fc.toStringMethod]: () => list.map(({ text }) => text).join(';\n  '),
    });
  return fc.oneof(
    ...kinds.map((types) =>
      fc.array(stepOf(types), { minLength: 1, maxLength: most, size: 'max' }).map(told),
    ),
  );
}
