// The job type `blog-post`: renders a post of a publisher, who holds one of its slots until the job has ended.
import { setTimeout as wait } from 'node:timers/promises';
import { defineJob, Fail, type JobDefinition, type RunningJob } from 'unstuck';
import { z } from 'zod';
import { type Draft, FrontMatterError, parseDraft } from './front-matter.ts';
import { type Heading, renderMarkdown } from './markdown.ts';
import { slotsOf } from './publishers.ts';

const postInput = z.strictObject({
  /** Whose slot it takes. */
  publisher: z.string().regex(/^[a-z0-9-]{1,60}$/, 'Expected a publisher such as the-gazette.'),
  /** The last part of its address. */
  slug: z.string().regex(/^[a-z0-9-]{1,100}$/, 'Expected a slug such as my-first-post.'),
  /** Front matter and Markdown, as the author wrote them. */
  text: z.string().min(1).max(200_000),
  /** Rehearses trouble: the first attempt fails (`transient`), or takes two seconds (`slow`). */
  rehearse: z.enum(['transient', 'slow']).optional(),
});

/** What a post is made of. */
export type PostInput = z.infer<typeof postInput>;

/** A rendered post. */
export interface Post {
  readonly publisher: string;
  readonly slug: string;
  readonly title: string;
  readonly date: string;
  readonly tags: readonly string[];
  readonly headings: readonly Heading[];
  readonly words: number;
  readonly readingMinutes: number;
  readonly html: string;
}

const SLOW_MS = 2_000;

/**
 * Renders a post. Fails for good with the code `FRONT_MATTER_INVALID` when its front matter is broken (another attempt would find the same
 * text), and gives the slot back, as every end does.
 */
export const postJob: JobDefinition<PostInput, PostInput, Post> = defineJob({
  type: 'blog-post',
  input: postInput,
  slot: ({ publisher }) => slotsOf(publisher),
  timeout: '1m',
  retry: { attempts: 3, backoff: 'fixed', base: '1s' },
  run: renderPost,
});

async function renderPost(job: RunningJob<PostInput>): Promise<Post> {
  const { publisher, slug, text } = job.input;
  await rehearse(job);
  job.progress(0.1, 'reading the front matter');
  const { body, ...about } = draftOf(text);
  job.progress(0.3, 'rendering');
  return { publisher, slug, ...about, ...renderMarkdown(body) };
}

function draftOf(text: string): Draft {
  try {
    return parseDraft(text);
  } catch (error) {
    if (!(error instanceof FrontMatterError)) throw error;
    throw new Fail(error.message, { code: 'FRONT_MATTER_INVALID', cause: error });
  }
}

async function rehearse({ input, attempt, crashes, signal }: RunningJob<PostInput>): Promise<void> {
  if (attempt > 1 || crashes > 0) return;
  if (input.rehearse === 'slow') await wait(SLOW_MS, undefined, { signal });
  if (input.rehearse === 'transient')
    throw new Error('The image store did not answer (rehearsed: it will at the next attempt).');
}
