// Thousands of jobs through four worker processes while fifty faults hit them: every job ends once, every transactional effect happens once.
// UNSTUCK_SEED repeats a run, UNSTUCK_STORM_JOBS sets its size, UNSTUCK_LONG=1 runs all of it without the fence as well, which must be caught.
import { expect, test } from 'vitest';
import { Storm } from './storm.ts';

const JOBS = Number(process.env['UNSTUCK_STORM_JOBS'] ?? 10_000);
const FAULTS = 50;
const SEED = Number(process.env['UNSTUCK_SEED'] ?? Date.now() % 1_000_000);

test('in a storm of 50 faults every job ends exactly once, and every transactional effect happens exactly once', async () => {
  const storm = await Storm.start(SEED);
  await storm.run(JOBS, FAULTS);
  expect(await storm.judge({ stories: true })).toEqual([]);
}, 300_000);

test.runIf(process.env['UNSTUCK_LONG'] === '1')(
  'the same storm without the fence is caught',
  async () => {
    const storm = await Storm.start(SEED, 'no-fence');
    await storm.run(JOBS, FAULTS);
    expectCaught(await storm.judge({ stories: false }));
  },
  400_000,
);

test.each([
  ['with the fence', undefined],
  ['without the fence', 'no-fence'],
] as const)(
  'a process that is stopped just before its end, %s',
  async (_name, mutant) => {
    const storm = await Storm.start(SEED, mutant);
    // Three of four workers: one must be left to notice.
    await storm.run(100, 3, ['zombie']);
    const found = await storm.judge({ stories: mutant === undefined });
    if (mutant === undefined) return expect(found).toEqual([]);
    expectCaught(found);
  },
  120_000,
);

function expectCaught(found: readonly string[]): void {
  console.log(`without the fence: ${found.length} violations, such as: ${found[0]}`);
  expect(found.length).toBeGreaterThanOrEqual(1);
}
