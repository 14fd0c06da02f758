// S0: the posts of publishers from end to end, on a real database, as its users run them.
import { describe, expect, test } from 'vitest';
import { enqueueDemo } from '../../examples/blog-slots/demo.ts';
import { jobs } from '../../examples/blog-slots/index.ts';
import { type Post, postJob } from '../../examples/blog-slots/post-job.ts';
import { readPost } from '../../examples/blog-slots/posts.ts';
import { quotaOf, setQuota } from '../../examples/blog-slots/publishers.ts';
import { eventually, setup } from '../support/unstuck.ts';

const TEXT = await readPost('a-slot-is-a-row');
const post = (publisher: string) => ({ publisher, slug: 'a-slot-is-a-row', text: TEXT });

describe('the demo', () => {
  test('S0.3 S0.8 ends as it says, one post of the almanac at a time, and every slot is given back', async () => {
    const { unstuck } = await setup();
    const demo = await enqueueDemo(unstuck);
    expect(await quotaOf(unstuck, 'the-almanac')).toMatchObject({ reserved: 1, waiting: 2 });
    await unstuck.work(jobs);
    const ended = await Promise.all(demo.map(({ id }) => unstuck.wait(id, { timeout: '25s' })));
    expect(ended.map(({ state }) => state)).toEqual(demo.map(({ ends }) => ends));
    for (const job of ended.filter(({ state }) => state === 'completed'))
      expect((job.result as Post).html).toMatch(/^<(p|h1)/);
    expect(ended.at(-1)?.error?.code).toBe('FRONT_MATTER_INVALID');
    await eventually(
      async () => (await quotaOf(unstuck, 'the-gazette')).processed === 4,
      'four of the gazette are processed',
    );
    expect(await quotaOf(unstuck, 'the-gazette')).toMatchObject({ reserved: 0, waiting: 0 });
    expect(await quotaOf(unstuck, 'the-almanac')).toMatchObject({ reserved: 0, processed: 3 });
    const almanac = ended.filter((job) => (job.input as Post).publisher === 'the-almanac');
    const byStart = almanac.toSorted((a, b) => Number(a.startedAt) - Number(b.startedAt));
    for (const [index, job] of byStart.slice(1).entries())
      expect(Number(job.startedAt)).toBeGreaterThanOrEqual(Number(byStart[index]?.finishedAt));
  });

  test('a second one enqueues nothing twice while the first one lives', async () => {
    const { unstuck } = await setup({ sweep: false });
    const first = await enqueueDemo(unstuck);
    const second = await enqueueDemo(unstuck);
    expect(second).toEqual(first.map((job) => ({ ...job, created: false })));
  });
});

describe('a publisher', () => {
  test('S0.6 without a quota cannot enqueue, and one over it is refused without harm to another', async () => {
    const { unstuck } = await setup({ sweep: false });
    await expect(unstuck.enqueue(postJob, post('the-gazette'))).rejects.toMatchObject({
      code: 'POOL_UNKNOWN',
    });
    await setQuota(unstuck, 'the-gazette', 1);
    await setQuota(unstuck, 'the-almanac', 1);
    await unstuck.enqueue(postJob, post('the-gazette'));
    await expect(unstuck.enqueue(postJob, post('the-gazette'))).rejects.toMatchObject({
      code: 'SLOTS_EXHAUSTED',
    });
    await unstuck.enqueue(postJob, post('the-almanac'));
    await expect(quotaOf(unstuck, 'nobody')).rejects.toThrow('to have a quota');
  });

  test('S0.7 whatever ends its posts, used and processed add up', async () => {
    const { unstuck } = await setup();
    await setQuota(unstuck, 'the-gazette', 6);
    const broken = { ...post('the-gazette'), text: 'no front matter' };
    const good = await unstuck.enqueue(postJob, post('the-gazette'));
    const bad = await unstuck.enqueue(postJob, broken);
    const cancelled = await unstuck.enqueue(postJob, post('the-gazette'), { delay: '1h' });
    const deleted = await unstuck.enqueue(postJob, post('the-gazette'), { delay: '1h' });
    await unstuck.enqueue(postJob, post('the-gazette'), { delay: '1h' });
    expect(await quotaOf(unstuck, 'the-gazette')).toMatchObject({ reserved: 5 });
    await unstuck.cancel(cancelled.id);
    await unstuck.bulk.delete({ ids: [deleted.id] });
    await unstuck.work(jobs);
    await Promise.all([good, bad].map(({ id }) => unstuck.wait(id, { timeout: '20s' })));
    expect(await quotaOf(unstuck, 'the-gazette')).toMatchObject({ reserved: 1, processed: 1 });
    expect(await unstuck.pools.check()).toEqual([]);
  });
});
