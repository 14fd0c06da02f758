// S4.6: a target that does not answer in time is sent a job again, and then another target gets it.
import { expect, test } from 'vitest';
import { defineJob, type RemoteJobOptions } from '../../../src/domain/define-job.ts';
import type { TargetOptions } from '../../../src/domain/define-target.ts';
import { anything, setup } from '../../support/unstuck.ts';
import { allOutcomes, completes, HERE, remoteWorker, targetAt } from './support/remote-worker.ts';

/** A type whose first target is cold (it accepts a job and says nothing) for the jobs that are `cold`, and whose second one works. */
async function cold(
  options: Partial<TargetOptions> = {},
  job: Partial<RemoteJobOptions<typeof anything>> = {},
) {
  const [first, second] = [await remoteWorker(), await remoteWorker()];
  first.answer((got, response) =>
    got.sent.input === 'cold' ? undefined : completes(got, response),
  );
  const all = await setup(HERE);
  const known = { timeout: '300ms', ...options } as const;
  const assemble = defineJob({
    type: 'assemble',
    input: anything,
    target: [
      targetAt(first, { name: 'first', ...known }),
      targetAt(second, { name: 'second', ...known }),
    ],
    ...job,
  });
  await all.unstuck.work([assemble]);
  const enqueue = async (input: string): Promise<string> =>
    (await all.unstuck.enqueue(assemble, input)).id;
  return { ...all, first, second, enqueue };
}

test('S4.6: a target that answers nobody in time is tried so often that it is down; then another one has its jobs, uncharged', async () => {
  const all = await cold({ failuresMax: 3 });
  const job = await all.unstuck.wait(await all.enqueue('cold'));
  expect(job).toMatchObject({ state: 'completed', attempt: 1 });
  expect([all.first.posts.length, all.second.posts.length]).toEqual([3, 1]);
  expect(await allOutcomes(all)).toEqual([]);
});

test('S4.6: a job that its first target never ends in time, though it does others, is tried there again with backoff, and then by another', async () => {
  const all = await cold({}, { retry: { attempts: 4, base: '200ms' } });
  const others = setInterval(() => void all.enqueue('good').catch(() => undefined), 50);
  const job = await all.unstuck
    .wait(await all.enqueue('cold'))
    .finally(() => clearInterval(others));
  const tries = all.first.posts.filter(({ sent }) => sent.input === 'cold');
  expect(job).toMatchObject({ state: 'completed', attempt: 3 });
  // The first time may have been before it had done another: then it is the target that failed, and the job is sent again.
  expect(new Set(tries.map(({ sent }) => sent.attempt))).toEqual(new Set([1, 2]));
  expect(all.second.posts.map(({ sent }) => sent.attempt)).toEqual([3]);
  expect(await allOutcomes(all)).toEqual(['failed', 'failed']);
});
