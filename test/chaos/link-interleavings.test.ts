// Whoever ends, enqueues, lets in, cancels and sets amounts at once, in every order: slots and places are never given twice nor left unused.
// UNSTUCK_LONG=1 runs all orders; else every n-th of the longest lists.
import { beforeEach, describe, expect, test } from 'vitest';
import * as act from './link-acts.ts';
import { insertJob, judgeLimit, judgeParent, judgePool } from './link-acts.ts';
import { type LinkMutant } from './link-mutants.ts';
import { type Actors, type Scenario, Stage } from './link-stage.ts';

let stage: Stage;
beforeEach(async () => {
  stage = await Stage.open();
});

/** A parent that begins to wait while its two executions end. */
const lastChildren = (
  actors: readonly ('first' | 'second' | 'parent')[],
  look: 'after' | 'before',
): Scenario => ({
  async prepare({ client, worker }) {
    const asleep = !actors.includes('parent');
    const parent = await insertJob(
      client,
      asleep ? { type: 'fan', gate: 'executions' } : { type: 'fan', worker },
    );
    const [first, second] = [
      await insertJob(client, { worker, parent, ordinal: 0 }),
      await insertJob(client, { worker, parent, ordinal: 1 }),
    ];
    const ending = (id: string) =>
      look === 'after'
        ? [act.finish(worker, id), act.commit, act.letOnSlowly({ parents: [parent] }), act.commit]
        : [act.finish(worker, id), act.letOn({ parents: [parent] }), act.commit];
    const all: Actors = {
      first: ending(first),
      second: ending(second),
      parent: [act.awaitExecutions(worker, parent), act.commit, act.letOn({ parents: [parent] })],
    };
    return Object.fromEntries(actors.map((name) => [name, all[name] ?? []]));
  },
  judge: judgeParent,
});

describe('M5: the last two executions of a parent end at once', () => {
  test('it goes on exactly once, whoever is first', async () => {
    expect(await stage.broken(lastChildren(['first', 'second'], 'after'))).toEqual([]);
  });

  test('and also when it begins to wait meanwhile', { timeout: 120_000 }, async () => {
    const scenario = lastChildren(['first', 'second', 'parent'], 'after');
    expect(await stage.broken(scenario, 97)).toEqual([]);
  });

  test('looked at before the commit, nobody would let it go on', async () => {
    const found = await stage.broken(lastChildren(['first', 'second'], 'before'));
    expect(found.length).toBeGreaterThan(0);
  });

  test.each(['parent-unlocked', 'parent-unasked'] as const)(
    'the mutant %s is caught',
    async (mutant) => {
      expect(await caught(mutant, lastChildren(['first', 'second'], 'after'))).toBeGreaterThan(0);
    },
  );
});

/** Two that want the last free slot of two, while the holder of the other ends. */
const lastSlot = (second: 'refuse' | 'wait'): Scenario => ({
  async prepare({ client, worker }) {
    await client.query(`update unstuck.pools set capacity = 2`);
    const holder = await insertJob(client, { worker, pool: 'p' });
    return {
      first: [act.store('first', 'refuse'), act.commit],
      second: [act.store('second', second), act.commit],
      end: [act.finish(worker, holder), act.commit, act.letOn({ pools: ['p'] })],
    };
  },
  isJudgedAlways: true,
  async judge(outcome, client) {
    if (outcome.isSwept && outcome.created.size === 0)
      return 'a slot was free all the time, and nobody got it';
    return judgePool(outcome, client, 2);
  },
});

describe('L2, L3: two enqueues and the last slot', () => {
  test.each(['refuse', 'wait'] as const)(
    'is given once, and is not left free (%s)',
    async (second) => {
      expect(await stage.broken(lastSlot(second), 3)).toEqual([]);
    },
    60_000,
  );

  test('the mutant pool-unlocked is caught', async () => {
    expect(await caught('pool-unlocked', lastSlot('refuse'))).toBeGreaterThan(0);
  });

  test.each([
    ['as it is', undefined, 1],
    ['with a lock only', 'pool-lock-only', 2],
  ] as const)('under REPEATABLE READ, %s', async (_name, mutant, holders) => {
    if (mutant !== undefined) await stage.mutate(mutant);
    expect(await stage.repeatableReaders()).toBe(holders);
  });
});

/** A raised or lowered capacity against two enqueues. */
const capacity = (to: 0 | 2): Scenario => ({
  prepare: () =>
    Promise.resolve({
      first: [act.store('first', 'refuse'), act.commit],
      second: [act.store('second', 'wait'), act.commit],
      set: [act.setCapacity(to), act.commit, ...(to === 2 ? [act.letOn({ pools: ['p'] })] : [])],
    }),
  isJudgedAlways: true,
  async judge(outcome, client) {
    const isLowered = to === 0 && outcome.isBefore('set 1', 'first 0');
    if (isLowered && outcome.created.has('first')) return 'admitted to a pool of capacity 0';
    return judgePool(outcome, client, Math.max(1, to));
  },
});

describe('L6: the capacity is set while jobs are admitted', () => {
  test.each([0, 2] as const)(
    'to %i: nobody is admitted beyond it, nobody waits below it',
    async (to) => {
      expect(await stage.broken(capacity(to), 3)).toEqual([]);
    },
    60_000,
  );

  test('the mutant pool-unlocked is caught', async () => {
    expect(await caught('pool-unlocked', capacity(0))).toBeGreaterThan(0);
  });
});

/** At a limit of 1, one in the queue and two that wait: it is claimed, cancelled, and somebody lets in. */
const lastPlace: Scenario = {
  async prepare({ client, worker }) {
    const queued = await insertJob(client, { limit: 'k' });
    for (let n = 0; n < 2; n += 1) await insertJob(client, { limit: 'k', gate: 'limit' });
    return {
      claim: [act.claim(worker), act.commit],
      cancel: [act.cancel(queued), act.commit, act.letOnSlowly({ keys: ['k'] }), act.commit],
      'let in': [act.letOnSlowly({ keys: ['k'] }), act.commit],
    };
  },
  isJudgedAlways: true,
  judge: judgeLimit,
};

describe('at a limit of 1 a claim, a cancel and a let-in', () => {
  test('never two, and never none while somebody waits', { timeout: 60_000 }, async () => {
    expect(await stage.broken(lastPlace, 3)).toEqual([]);
  });

  test('the mutant limit-unlocked is caught', { timeout: 60_000 }, async () => {
    expect(await caught('limit-unlocked', lastPlace)).toBeGreaterThan(0);
  });
});

/** In how many orders a mutant breaks a scenario. */
async function caught(mutant: LinkMutant, scenario: Scenario): Promise<number> {
  await stage.mutate(mutant);
  const found = await stage.broken(scenario, 1, 1);
  console.log(`${mutant}: ${found[0]}`);
  return found.length;
}
