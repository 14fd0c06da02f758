// Enqueues posts of two publishers: one has slots enough, the other's posts wait for its only one.
import type { Unstuck } from 'unstuck';
import { type DemoItem, type DemoJob, enqueueItems } from '../demo.ts';
import { type PostInput, postJob } from './post-job.ts';
import { BROKEN, readPost, SLUGS } from './posts.ts';
import { setQuota } from './publishers.ts';

/** Gives the publishers their quotas, then enqueues their posts. While the first demo lives, a second one enqueues none twice. */
export async function enqueueDemo(unstuck: Pick<Unstuck, 'enqueue' | 'pools'>): Promise<DemoJob[]> {
  await setQuota(unstuck, 'the-gazette', 5);
  await setQuota(unstuck, 'the-almanac', 1);
  const items = [
    ...SLUGS.map((slug) => post('the-gazette', slug)),
    ...SLUGS.map((slug) => post('the-almanac', slug, { rehearse: 'slow' })),
    post('the-gazette', 'a-slot-is-a-row', { rehearse: 'transient' }),
    { ...post('the-gazette', BROKEN), ends: 'failed' as const },
  ];
  return enqueueItems(unstuck, 'blog-slots', await Promise.all(items.map(withText)));
}

type Planned = Omit<DemoItem, 'input'> & { readonly input: Omit<PostInput, 'text'> };

function post(
  publisher: string,
  slug: string,
  { rehearse }: Pick<PostInput, 'rehearse'> = {},
): Planned {
  const input = { publisher, slug, ...(rehearse === undefined ? {} : { rehearse }) };
  const title = `${publisher}: ${slug}${rehearse === undefined ? '' : ` (${rehearse})`}`;
  return { title, job: postJob, input, options: { whenFull: 'wait' } };
}

async function withText(item: Planned): Promise<DemoItem> {
  return { ...item, input: { ...item.input, text: await readPost(item.input.slug) } };
}
