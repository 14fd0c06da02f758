/** Pages: lists of the API, which go on behind a cursor, as the commands ask for them. */
import { fromJson } from './crossing.ts';

/** One page as the API answers it. */
interface Page {
  readonly data: readonly unknown[];
  readonly next_cursor: string | null;
}

const PAGE_MAX = 500;

/**
 * Returns at most `limit` items that `fits` lets through, in the order of the list. The commands go on behind a name and the API behind a cursor, so
 * the pages before are read too.
 */
export async function readList<T>(
  read: (page: { readonly limit: number; readonly cursor?: string }) => Promise<Page>,
  limit: number,
  fits: (item: T) => boolean = () => true,
): Promise<T[]> {
  const found: T[] = [];
  let cursor: string | null | undefined;
  while (cursor !== null && found.length < limit) {
    const { data, next_cursor }: Page = await read({
      limit: Math.min(PAGE_MAX, limit),
      ...(cursor === undefined ? {} : { cursor }),
    });
    found.push(...fromJson<T[]>(data).filter(fits));
    cursor = next_cursor;
  }
  return found.slice(0, limit);
}

/** Whether a name comes behind another in the order of the database, which is that of the bytes. */
export function isBehind(name: string, after: string | undefined): boolean {
  return after === undefined || Buffer.compare(Buffer.from(name), Buffer.from(after)) > 0;
}

/** Resolves with undefined where the API says that there is nothing of this name. */
export async function orUndefined<T>(call: Promise<T>, code: string): Promise<T | undefined> {
  return call.catch((error: unknown) => {
    if ((error as { code?: string }).code === code) return undefined;
    throw error;
  });
}
