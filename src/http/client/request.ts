/** Request: the flat fields of a call as path, query and body. */
import { unstuckError } from '../../domain/errors.ts';
import type { OperationPlace } from './call.ts';

/** What is given to an operation: path parameters, and the fields of its query or its body. */
export type Fields = Readonly<Record<string, unknown>>;

/** Makes what `fetch` takes. Throws REQUEST_INVALID for a path parameter that is none, and INPUT_UNSTORABLE for what JSON cannot hold. */
export function toRequest(
  {
    name,
    place,
    base,
  }: { readonly name: string; readonly place: OperationPlace; readonly base: string },
  fields: Fields,
  key: string | undefined,
): { readonly url: string; readonly init: RequestInit } {
  const rest = new Map(Object.entries(fields).filter(([, value]) => value !== undefined));
  const path = place.path.replaceAll(/\{(\w+)\}/g, (_, parameter: string) => {
    const value = checkParameter(name, parameter, rest.get(parameter));
    rest.delete(parameter);
    return encodeURIComponent(value);
  });
  const inQuery = place.method === 'GET' || place.method === 'DELETE';
  const query = inQuery ? queryOf(rest) : '';
  return {
    url: `${base}${path}${query}`,
    init: {
      method: place.method,
      headers: {
        accept: 'application/json',
        ...(inQuery ? {} : { 'content-type': 'application/json' }),
        ...(key === undefined ? {} : { 'idempotency-key': key }),
      },
      ...(inQuery ? {} : { body: toJson(name, Object.fromEntries(rest)) }),
    },
  };
}

/** `.` and `..` would name another path, however they are encoded. */
function checkParameter(name: string, parameter: string, value: unknown): string {
  const text = typeof value === 'number' ? String(value) : value;
  if (typeof text === 'string' && !/^\.{0,2}$/.test(text) && text.isWellFormed()) return text;
  throw unstuckError(
    'REQUEST_INVALID',
    `Expected ${parameter} of ${name} to be a text that can stand in a path, got ${JSON.stringify(value)?.slice(0, 80)}. Nothing was sent.`,
    { detail: { issues: [`/${parameter}: not a text that can stand in a path`] } },
  );
}

function queryOf(fields: ReadonlyMap<string, unknown>): string {
  const query = new URLSearchParams();
  for (const [field, value] of fields)
    for (const one of Array.isArray(value) ? value : [value])
      query.append(field, one instanceof Date ? one.toISOString() : String(one));
  const text = query.toString();
  return text === '' ? '' : `?${text}`;
}

/** What JSON would leave out or change without a word is refused. */
function toJson(name: string, body: object): string {
  try {
    return JSON.stringify(body, (field, value: unknown) => {
      if (isJson(value)) return value;
      throw new Error(`${JSON.stringify(field)} holds a ${typeof value} that JSON cannot hold`);
    });
  } catch (cause) {
    throw unstuckError(
      'INPUT_UNSTORABLE',
      `The request of ${name} cannot be sent as JSON: ${(cause as Error).message}. Nothing was sent.`,
      { cause },
    );
  }
}

function isJson(value: unknown): boolean {
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value !== 'object' || value === null)
    return ['string', 'boolean', 'undefined', 'object'].includes(typeof value);
  const prototype: unknown = Object.getPrototypeOf(value);
  return Array.isArray(value) || prototype === null || Object.getPrototypeOf(prototype) === null;
}
