// The posts in `posts/`, as their authors wrote them.
import { readFile } from 'node:fs/promises';

/** The slugs of the posts that are fit to print. */
export const SLUGS = ['why-jobs-get-stuck', 'a-slot-is-a-row', 'writing-in-the-margin'] as const;

/** The post whose front matter is broken. */
export const BROKEN = 'undated';

/** Reads a post of the example. */
export function readPost(slug: string): Promise<string> {
  return readFile(new URL(`./posts/${slug}.md`, import.meta.url), 'utf8');
}
