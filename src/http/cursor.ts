/** Cursor: where the next page of a list begins, in a text that only fits the same question. */
import { createHash } from 'node:crypto';
import { unstuckError } from '../domain/errors.ts';

/** Makes the cursor of the page behind `place`; null when there is none. `question` is whatever the list was asked for beside its page. */
export function toCursor(place: string | null, question: unknown): string | null {
  if (place === null) return null;
  return Buffer.from(JSON.stringify([place, digest(question)])).toString('base64url');
}

/** Reads a cursor. Throws REQUEST_INVALID for one that is none, and for one of another question. */
export function fromCursor(cursor: string | undefined, question: unknown): string | undefined {
  if (cursor === undefined) return undefined;
  const [place, of] = decode(cursor);
  if (typeof place !== 'string' || typeof of !== 'string')
    throw invalid('Expected cursor to be the next_cursor of a page, got something else.');
  if (of !== digest(question))
    throw invalid('Expected the cursor of a list with the same filter, got one of another.');
  return place;
}

function decode(cursor: string): readonly unknown[] {
  try {
    const value: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}

/** A small fingerprint: it guards against a mistake, not against an enemy. */
function digest(question: unknown): string {
  return createHash('sha256').update(JSON.stringify(question)).digest('base64url').slice(0, 8);
}

function invalid(message: string): Error {
  return unstuckError('REQUEST_INVALID', message, {
    detail: { issues: [`/cursor: ${message}`] },
  });
}
