// The law of the state machine: whatever is done in whatever order, the rows stay legal, tokens only grow, each ends once and none is lost.
import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseConfig } from '../../src/domain/options.ts';
import { STATES, type State, TRANSITIONS, type Verb } from '../../src/domain/transitions.ts';
import { endColumns } from '../../src/engine/settle-rows.ts';
import { sweepTasks } from '../../src/engine/sweep-tasks.ts';
import { claimAlone, claimJobs, finishAndClaim } from '../../src/sql/claim.ts';
import { markDead } from '../../src/sql/fleet.ts';
import { beat, registerWorker } from '../../src/sql/lifeline.ts';
import { deferJobs, finishJobs } from '../../src/sql/settle.ts';
import { readClaim } from '../../src/storage/claim-answer.ts';
import type { Database } from '../../src/storage/database.ts';
import { makePartitions } from '../../src/storage/partitions.ts';
import { job, type Setup, setup } from '../support/unstuck.ts';
import { makeTarget, turn } from './targets/support/rows.ts';

const RUNS = 25;
const DEFERS = ['retry', 'time', 'target', null, null, null] as const;
const OUTCOMES = { retry: 'failed', time: 'snoozed', target: null, null: 'released' } as const;
const T = job('t', () => 1, { retry: { attempts: 2 }, claimWithin: '1m' });
const WANTED = JSON.stringify([{ type: 't', timeout_ms: 60_000, rank: -100_000, seq: '-1' }]);

/** What one job was seen as, to be compared with what it is next. */
interface Seen {
  readonly state: State;
  readonly token: bigint;
  readonly crashes: number;
  readonly attempt: number;
}

/** One attempt that a fake worker believes to hold. */
interface Attempt {
  readonly id: string;
  readonly token: string;
  readonly worker: string;
  ended: boolean;
}

/** The world of one run: two fake workers, the attempts they were ever given, and every job as it was last seen. */
class World {
  readonly all: Setup;
  readonly database: Database;
  workers: string[] = [];
  readonly attempts: Attempt[] = [];
  readonly jobs = new Map<string, Seen>();
  /** Ends that were accepted, by job and token. */
  readonly accepted = new Set<string>();
  clockMs = 0;

  constructor(all: Setup, database: Database) {
    this.all = all;
    this.database = database;
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
      types: ['t'],
      concurrency: 5,
      version: 'x',
    };
    await this.database.run(registerWorker, [id, JSON.stringify(row)]);
    this.workers[index] = id;
  }

  claimed(rows: readonly { id: string; token: string }[], worker: string): void {
    for (const row of rows)
      this.attempts.push({ id: row.id, token: row.token, worker, ended: false });
  }

  /** Notes which ends of a batch were accepted, and that none was accepted twice for one token. */
  ended(batch: readonly Attempt[], refused: readonly { id: string; token: string }[]): void {
    const gone = new Set(refused.map((row) => `${row.id} ${row.token}`));
    for (const attempt of batch) {
      const fence = `${attempt.id} ${attempt.token}`;
      if (gone.has(fence)) continue;
      expect(this.accepted.has(fence), `two ends of ${fence}`).toBe(false);
      this.accepted.add(fence);
      attempt.ended = true;
    }
  }
}

/** A step: a verb list that it may apply, and what it does. */
interface Step {
  readonly text: string;
  /** The verbs by which a job may change its state in this step. */
  readonly verbs: readonly Verb[];
  run(world: World): Promise<void>;
}

/** Counted from the latest: what happened last is what races are about. */
const pick = <T>(list: readonly T[], index: number): T | undefined =>
  list[list.length - 1 - (index % list.length)];

function enqueue(hold: boolean, delayMs: number, finishInMs: number): Step {
  return {
    text: `enqueue(hold ${hold}, delay ${delayMs}, finish in ${finishInMs})`,
    verbs: [],
    async run(world) {
      const finishBy = new Date(Date.now() + world.clockMs + finishInMs);
      const { id } = await world.all.unstuck.enqueue(
        T,
        {},
        {
          hold,
          delay: delayMs,
          ...(finishInMs === 0 ? {} : { finishBy }),
        },
      );
      const state = hold || delayMs > 0 ? 'pending' : 'queued';
      world.jobs.set(id, { state, token: 0n, crashes: 0, attempt: 0 });
    },
  };
}

function claim(index: number, alone: boolean): Step {
  return {
    text: `claim(worker ${index}${alone ? ', alone' : ''})`,
    verbs: ['claim'],
    async run(world) {
      const worker = world.workers[index] ?? '';
      const rows = alone
        ? await world.database.run(claimAlone, [worker, randomUUID(), WANTED, 1, true])
        : await world.database.run(claimJobs, [worker, randomUUID(), WANTED, 3]);
      world.claimed(readClaim(rows, 't').jobs, worker);
    },
  };
}

/** Ends attempts, current or stale, as their worker would; several of one job may be in one batch. */
function finish(
  indexes: readonly number[],
  state: 'completed' | 'failed',
  andClaim: boolean,
): Step {
  return {
    text: `finish([${indexes.join()}], ${state}${andClaim ? ', and claim' : ''})`,
    verbs: ['complete', 'fail', 'claim'],
    async run(world) {
      const first = pick(world.attempts, indexes[0] ?? 0);
      if (first === undefined) return;
      const batch = [
        ...new Set(indexes.flatMap((index) => pick(world.attempts, index) ?? [])),
      ].filter((one) => one.worker === first.worker);
      const ends = endColumns(
        batch.map(({ id, token }) => ({
          id,
          token,
          state,
          result: JSON.stringify({ token }),
          outcome: state === 'failed' ? ('failed' as const) : null,
        })),
      );
      if (!andClaim)
        return world.ended(batch, await world.database.run(finishJobs, [first.worker, ...ends]));
      const rows = await world.database.run(finishAndClaim, [
        first.worker,
        ...ends,
        randomUUID(),
        WANTED,
        2,
      ]);
      const { jobs, refused } = readClaim(rows, 't');
      world.ended(batch, refused);
      world.claimed(jobs, first.worker);
    },
  };
}

function defer(indexes: readonly number[], gate: (typeof DEFERS)[number]): Step {
  return {
    text: `defer([${indexes.join()}], ${gate})`,
    verbs: ['defer', 'giveBack'],
    async run(world) {
      const first = pick(world.attempts, indexes[0] ?? 0);
      if (first === undefined) return;
      const batch = [
        ...new Set(indexes.flatMap((index) => pick(world.attempts, index) ?? [])),
      ].filter((one) => one.worker === first.worker);
      const list = batch.map(({ id, token }) => ({
        id,
        token,
        gate,
        delay_ms: gate === null ? 0 : 30_000,
        charged: gate === 'retry',
        keeps_place: gate === 'target',
        outcome: OUTCOMES[`${gate}`],
      }));
      world.ended(batch, await world.database.run(deferJobs, [first.worker, JSON.stringify(list)]));
    },
  };
}

/** A person changes one job, or several in one statement; a reset is of all that have run for half a minute. */
function person(verb: 'cancel' | 'release' | 'retry' | 'reset', indexes: readonly number[]): Step {
  return {
    text: `${verb}([${indexes.join()}])`,
    verbs: [verb],
    async run({ all, jobs }) {
      const ids = indexes.flatMap((index) => pick([...jobs.keys()], index) ?? []);
      const [id] = ids;
      if (verb === 'reset') await all.unstuck.resetStuck(0.5);
      else if (verb !== 'release' && ids.length > 1) await all.unstuck.bulk[verb]({ ids });
      else if (id !== undefined)
        await all.unstuck[verb](id, { by: 'test' }).catch((error: { code?: string }) => {
          expect(error.code).toBe('JOB_STATE_CONFLICT');
        });
    },
  };
}

function kill(index: number): Step {
  return {
    text: `kill(worker ${index})`,
    verbs: [],
    async run(world) {
      await world.database.run(markDead, [[world.workers[index]], 0, true]);
      await world.enlist(index);
    },
  };
}

const sweep: Step = {
  text: 'sweep',
  verbs: ['admit', 'promote', 'expire', 'reclaim', 'timeOut'],
  async run(world) {
    for (const task of sweepTasks(parseConfig({ abortGrace: '1s', lease: '10s' }, {}))) {
      const found = await world.database.run(task.find, task.findValues(100));
      const ids = [...new Set(found.map((row) => row.id))];
      if (ids.length > 0) await world.database.run(task.apply, [ids, ...task.applyValues]);
    }
  },
};

/** The target of the type goes down or comes back, and its jobs are parked or go on. */
const target = (state: 'up' | 'down'): Step => ({
  text: `target(${state})`,
  verbs: ['park', 'letIn'],
  run: ({ all, database }) => turn(all.query, database, state),
});

/** Moves the clock; the workers that live beat at once, so that only `kill` ends them. */
function advance(seconds: number): Step {
  return {
    text: `advance(${seconds} s)`,
    verbs: [],
    async run(world) {
      world.clockMs += seconds * 1_000;
      await world.all.moveClock(`${world.clockMs / 1_000} seconds`);
      for (const worker of world.workers) await world.database.run(beat, [worker, 0, 0, 0, []]);
    },
  };
}

/** What must hold after every step, whatever it was. */
async function check(world: World, step: Step): Promise<void> {
  const rows = await world.all.query<{
    id: string;
    state: State;
    token: string;
    crashes: number;
    attempt: number;
    deadline: Date | null;
    kept: number;
  }>(
    `select id::text, state, token::text, crashes, attempt, deadline, (count(*) over (partition by id))::int as kept from unstuck.all_jobs`,
  );
  expect(
    rows.map((row) => row.id).toSorted(),
    `after ${step.text}: no job is lost or doubled`,
  ).toEqual([...world.jobs.keys()].toSorted());
  for (const row of rows) {
    const before = world.jobs.get(row.id) as Seen;
    const now: Seen = {
      state: row.state,
      token: BigInt(row.token),
      crashes: row.crashes,
      attempt: row.attempt,
    };
    const what = `${row.id} after ${step.text}: ${before.state} ${before.token} -> ${now.state} ${now.token}`;
    const live = ['pending', 'queued', 'running'].includes(now.state);
    expect(row.deadline !== null, `deadline of ${what}`).toBe(live);
    expect(now.token >= before.token, `token of ${what}`).toBe(true);
    if (now.state === 'running' && before.state !== 'running')
      expect(now.token > before.token, `new token of ${what}`).toBe(true);
    expect(now.attempt <= 2 || step.verbs.includes('claim'), `attempts of ${what}`).toBe(true);
    if (now.state !== before.state)
      expect(reachable(before.state, step.verbs).has(now.state), `transition of ${what}`).toBe(
        true,
      );
    world.jobs.set(row.id, now);
  }
}

/** The states that a job can be in after some of these verbs were applied to it, one after another. */
function reachable(from: State, verbs: readonly Verb[]): Set<State> {
  const states = new Set<State>([from]);
  for (let size = 0; size !== states.size; ) {
    size = states.size;
    for (const verb of verbs)
      for (const state of STATES.filter((one) => states.has(one)))
        if ((TRANSITIONS[verb].from as readonly State[]).includes(state))
          for (const to of TRANSITIONS[verb].to) states.add(to);
  }
  return states;
}

const worker = fc.nat({ max: 1 });
const some = fc.array(fc.nat({ max: 6 }), { minLength: 1, maxLength: 3 });
const steps = fc
  .array(
    fc.oneof(
      {
        weight: 2,
        arbitrary: fc
          .tuple(fc.boolean(), fc.constantFrom(0, 0, 30_000), fc.constantFrom(0, 0, 90_000))
          .map(([hold, delay, finishIn]) => enqueue(hold, delay, finishIn)),
      },
      {
        weight: 6,
        arbitrary: fc
          .tuple(worker, fc.constantFrom(false, false, true))
          .map(([index, alone]) => claim(index, alone)),
      },
      {
        weight: 4,
        arbitrary: fc
          .tuple(some, fc.constantFrom('completed' as const, 'failed' as const), fc.boolean())
          .map(([list, state, andClaim]) => finish(list, state, andClaim)),
      },
      {
        weight: 4,
        arbitrary: fc
          .tuple(some, fc.constantFrom(...DEFERS))
          .map(([list, gate]) => defer(list, gate)),
      },
      {
        weight: 3,
        arbitrary: fc
          .tuple(
            fc.constantFrom(
              'cancel' as const,
              'release' as const,
              'retry' as const,
              'retry' as const,
              'reset' as const,
            ),
            some,
          )
          .map(([verb, list]) => person(verb, list)),
      },
      { weight: 2, arbitrary: worker.map(kill) },
      { weight: 2, arbitrary: fc.constantFrom('up' as const, 'down' as const).map(target) },
      { weight: 4, arbitrary: fc.constant(sweep) },
      { weight: 2, arbitrary: fc.constantFrom(5, 31, 80, 100_000).map(advance) },
    ),
    { minLength: 1, maxLength: 60, size: 'max' },
  )
  .map((list) =>
    Object.assign(list, { [fc.toStringMethod]: () => list.map((step) => step.text).join('; ') }),
  );

test('after every step each live job has its deadline, moved legally, and each token ended once', async () => {
  const all = await setup({ sweep: false });
  const database = all.database({ sweep: false });
  const seed = Number(process.env['UNSTUCK_TEST_SEED'] ?? Math.trunc(Math.random() * 2 ** 31));
  await all.unstuck.enqueue(T, {});
  await makeTarget(all.query, 'g', 't');
  process.stdout.write(`state machine: UNSTUCK_TEST_SEED=${seed}\n`);
  await fc.assert(
    fc.asyncProperty(steps, async (list) => {
      await all.query(
        'truncate unstuck.jobs, unstuck.finished, unstuck.attempts, unstuck.events, unstuck.claims, unstuck.workers',
      );
      await all.moveClock('0');
      const world = new World(all, database);
      await world.enlist(0);
      await world.enlist(1);
      for (const step of list) {
        await step.run(world);
        // A clock that was moved by days needs the days.
        if (step.text.startsWith('advance')) await makePartitions(database);
        await check(world, step);
      }
    }),
    { numRuns: RUNS, seed, endOnFailure: false },
  );
}, 120_000);
