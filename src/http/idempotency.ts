/** Idempotency: by what a repeat of a request is known (the header `Idempotency-Key`), and how it is told that it is one. */
import { createHash } from 'node:crypto';
import type { RequestKey } from '../domain/request-key.ts';
import type { Principal } from './access/principal.ts';

/**
 * The key under which a request is remembered; undefined when it bears none. Keys of different principals and of different operations are apart.
 * What is asked is compared after it was read: another order of its fields is no other request.
 */
export function requestKeyOf(
  request: Request,
  principal: Principal,
  { operation, body }: { readonly operation: string; readonly body: unknown },
): RequestKey | undefined {
  const key = request.headers.get('idempotency-key');
  if (key === null) return undefined;
  const digest = createHash('sha256')
    .update(`${operation}\n${JSON.stringify(body, inOrder)}`)
    .digest('base64url');
  return { sender: `${principal.via}:${principal.name}`, key, digest };
}

/** The headers of an answer that had been given before. */
export function replayHeaders(replayed: boolean): Record<string, string> {
  return replayed ? { 'idempotency-replayed': 'true' } : {};
}

/** A replacer of `JSON.stringify` that sorts the fields of objects. */
function inOrder(_name: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
