// Thousands of jobs through four worker processes while fifty faults hit them: every job ends once, every transactional effect happens once.
// UNSTUCK_SEED repeats a run, UNSTUCK_STORM_JOBS sets its size. The same without the fence must be caught.
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
    console.log(`mutant ${mutant}: ${found.length} violations, such as: ${found[0]}`);
    expect(found.length).toBeGreaterThanOrEqual(1);
  },
  120_000,
);
