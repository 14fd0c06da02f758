// S3: the collections from end to end, on a real database: one at a time, and each fault ends as it should.
import { describe, expect, test } from 'vitest';
import { collectPackages, collectSources } from '../../examples/collection/collect-jobs.ts';
import { enqueueDemo } from '../../examples/collection/demo.ts';
import type { Fault } from '../../examples/collection/faults.ts';
import { jobs } from '../../examples/collection/index.ts';
import { setup } from '../support/unstuck.ts';

describe('the demo', () => {
  test('S3.5 ends as it says, one job at a time', async () => {
    const { unstuck } = await setup();
    const demo = await enqueueDemo(unstuck);
    await unstuck.work(jobs);
    const ended = await Promise.all(demo.map(({ id }) => unstuck.wait(id, { timeout: '25s' })));
    expect(ended.map(({ state }) => state)).toEqual(demo.map(({ ends }) => ends));
    const alone = ended.filter(({ attempt }) => attempt === 1);
    const byStart = alone.toSorted((a, b) => Number(a.startedAt) - Number(b.startedAt));
    for (const [index, job] of byStart.slice(1).entries())
      expect(Number(job.startedAt)).toBeGreaterThanOrEqual(Number(byStart[index]?.finishedAt));
    expect(ended[2]?.result).toMatchObject({ broken: [] });
  });

  test('a second one enqueues nothing twice while the first one lives', async () => {
    const { unstuck } = await setup({ sweep: false });
    const first = await enqueueDemo(unstuck);
    const second = await enqueueDemo(unstuck);
    expect(second).toEqual(first.map((job) => ({ ...job, created: false })));
  });
});

describe('trouble', () => {
  test.each<[Fault, string, string]>([
    ['throws', 'HANDLER_FAILED', 'thrown by the handler'],
    ['rejects', 'HANDLER_FAILED', 'rejected by the handler'],
    ['background', 'HANDLER_FAILED', 'lost in the background'],
    ['thread', 'HANDLER_FAILED', 'died in a thread'],
    ['hangs', 'JOB_TIMEOUT', 'timeout of 1000 ms'],
    ['spins', 'SPIN_REFUSED', 'COLLECTION_SPINS=1'],
  ])('S3.1 %s: the job fails at once with %s', async (rehearse, code, message) => {
    const { unstuck } = await setup();
    await unstuck.work(jobs);
    const { id } = await unstuck.enqueue(collectPackages, { rehearse });
    expect(await unstuck.wait(id, { timeout: '20s' })).toMatchObject({
      state: 'failed',
      attempt: 1,
      error: { code, message: expect.stringContaining(message) },
    });
    // The worker goes on.
    const good = await unstuck.enqueue(collectPackages, {});
    expect(await unstuck.wait(good.id, { timeout: '20s' })).toMatchObject({ state: 'completed' });
  });

  test('S3.7 transient: the first attempt fails, the second completes', async () => {
    const { unstuck } = await setup();
    await unstuck.work(jobs);
    const input = { directory: 'examples/collection', rehearse: 'transient' } as const;
    const { id } = await unstuck.enqueue(collectSources, input);
    const job = await unstuck.wait(id, { timeout: '20s', as: collectSources });
    expect(job).toMatchObject({ state: 'completed', attempt: 2, error: null });
    expect(job.result?.files).toBeGreaterThan(5);
  });
});
