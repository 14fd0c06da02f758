// The laws of links, whatever is done in whatever order (L1 to L8, M1 to M5, A3 to A5); and that each would be noticed if it were broken.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { mutateLinks } from '../chaos/link-mutants.ts';
import { brokenLaws } from './links/laws.ts';
import { type Kind, type Step, steps } from './links/steps.ts';
import { type Place, place, World } from './links/world.ts';

const LONG = process.env['UNSTUCK_LONG'] === '1';
const RUNS = LONG ? 1_000 : 60;
const STEPS = LONG ? 100 : 40;
const SEED = Number(process.env['UNSTUCK_TEST_SEED'] ?? Math.trunc(Math.random() * 2 ** 31));

test('after every step slots, limits, keys and parents are as the live rows say, and nobody waits while there is room', async () => {
  const at = await place();
  process.stdout.write(`links: UNSTUCK_TEST_SEED=${SEED}\n`);
  await fc.assert(law(at), { numRuns: RUNS, seed: SEED });
}, 1_200_000);

/** Caught within a few worlds: on each commit. */
const QUICK = [
  ['pools-untold', 'slots'],
  ['processed-forgotten', 'slots'],
  ['processed-twice', 'slots'],
  ['keys-untold', 'limits'],
  ['rate-uncounted', 'rates'],
  ['execution-forgotten', 'parents'],
] as const;
/** These take up to fifty worlds: in the long form. */
const SLOW = [
  ['one-slot-more', 'slots'],
  ['capacity-ignored', 'slots'],
  ['processed-always', 'slots'],
  ['cancel-untold', 'limits'],
  ['cancel-unnoted', 'parents'],
  ['children-kept', 'parents'],
] as const;

test.each(LONG ? [...QUICK, ...SLOW] : QUICK)(
  'the mutant %s is caught',
  async (mutant, kind) => {
    const at = await place((query) => mutateLinks(query, mutant));
    const found = await fc.check(law(at, kind), { numRuns: 300, seed: 1, endOnFailure: true });
    const cause = String((found.errorInstance as Error | undefined)?.message).split('\n')[0];
    process.stdout.write(`${mutant}: after ${found.numRuns} runs: ${cause}\n`);
    expect(found.failed).toBe(true);
  },
  120_000,
);

const law = (at: Place, kind?: Kind): fc.IAsyncProperty<[Step[]]> =>
  fc.asyncProperty(steps(STEPS, kind), async (list) => {
    const world = await World.begin(at);
    for (const step of list) {
      world.isSwept = false;
      await step.run(world);
      const broken = await brokenLaws(world);
      if (broken.length > 0) throw new Error(`after ${step.text}: ${broken.join('; ')}`);
    }
  });
