/** Page: one page of a list that goes on behind a key, such as the name of a queue. */
import { z } from 'zod';
import { unstuckError } from '../domain/errors.ts';
import { isStorableText } from '../domain/payload.ts';
import { fromCursor, toCursor } from './cursor.ts';
import { queryInteger } from './schema/values.ts';

/** Which page is asked for. */
export interface PageQuery {
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
}

/** The parameters of a page; spread them into the query of a route. */
export const pageParameters: {
  readonly limit: z.ZodType<number | undefined, string | undefined>;
  readonly cursor: z.ZodType<string | undefined, string | undefined>;
} = {
  limit: queryInteger(1, 500).optional(),
  // A name of 200 letters may have 800 bytes.
  cursor: z.string().max(2_000).optional(),
};

/** A list as it is read. */
interface List<T> {
  /** What is listed; a cursor of another list is refused. */
  readonly of: unknown;
  /** Reads so many behind a key. */
  readonly read: (page: {
    readonly limit: number;
    readonly after?: string;
  }) => Promise<readonly T[]>;
  readonly keyOf: (item: T) => string;
  readonly toJson: (item: T) => unknown;
}

/** Reads a page, 50 long unless asked otherwise, and one item more, which tells whether another page follows. */
export async function readPage<T>(
  { limit = 50, cursor }: PageQuery,
  { of, read, keyOf, toJson }: List<T>,
): Promise<{ readonly data: readonly unknown[]; readonly next_cursor: string | null }> {
  const after = fromCursor(cursor, of);
  if (after !== undefined && !isStorableText(after))
    throw unstuckError(
      'REQUEST_INVALID',
      'Expected cursor to be the next_cursor of a page, got something else.',
    );
  const found = await read({ limit: limit + 1, ...(after === undefined ? {} : { after }) });
  const items = found.slice(0, limit);
  const last = items.at(-1);
  const place = found.length > limit && last !== undefined ? keyOf(last) : null;
  return { data: items.map(toJson), next_cursor: toCursor(place, of) };
}
