// Asks a handler, and holds every answer against the shape that its route declares: nothing missing, nothing more.
import { expect } from 'vitest';
import { createHandler, type Handler, type HandlerOptions } from '../../../src/http/index.ts';
import type { Route } from '../../../src/http/route.ts';
import { ROUTES } from '../../../src/http/routes.ts';
import type { Unstuck } from '../../../src/unstuck.ts';

/** Whatever of it an answer has. */
interface Body {
  readonly [field: string]: unknown;
  readonly id: string;
  readonly data: readonly Readonly<Record<string, unknown>>[];
  readonly next_cursor: string | null;
  readonly cells: readonly unknown[];
}

/** An answer; of one without a body, or with another, what is read is undefined. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
}

/** Sends one request: a body makes it JSON. */
export type Ask = (
  request: string,
  body?: unknown,
  headers?: Readonly<Record<string, string>>,
) => Promise<Answer>;

/** Makes a function that asks `'PUT /v1/pools/p'` of a handler of its own. */
export function asking(unstuck: Unstuck, options: HandlerOptions = {}): Ask {
  return askOf(createHandler(unstuck, options));
}

/** Everything that a list has, in pages of this length. */
export async function everyPage(
  ask: Ask,
  path: string,
  limit: number,
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const first = await ask(`GET ${path}?limit=${limit}`);
  const items = [...first.body.data];
  for (let next = first.body.next_cursor; next !== null; ) {
    const { body } = await ask(`GET ${path}?limit=${limit}&cursor=${next}`);
    expect(body.data.length).toBeGreaterThan(0);
    items.push(...body.data);
    next = body.next_cursor;
  }
  return items;
}

/** Makes a function that asks this handler. */
function askOf(handle: Handler): Ask {
  return async (request, body, headers = {}) => {
    const [method = '', path = ''] = request.split(' ');
    const json = body === undefined ? {} : { body: JSON.stringify(body) };
    const type = body === undefined ? {} : { 'content-type': 'application/json' };
    const response = await handle(
      new Request(`http://localhost${path}`, { method, ...json, headers: { ...type, ...headers } }),
    );
    const text = await response.text();
    const answer = {
      status: response.status,
      headers: response.headers,
      body: JSON.parse(text === '' ? '{}' : text) as Body,
    };
    expectDeclared(method, path, answer);
    return answer;
  };
}

function expectDeclared(method: string, path: string, { status, body }: Answer): void {
  const route = ROUTES.toSorted((a, b) => holes(a) - holes(b)).find(
    (one) => one.method === method && patternOf(one).test(path.split('?')[0] ?? ''),
  );
  expect(route, `${method} ${path}`).toBeDefined();
  if (status >= 400) return;
  const answer = route?.answers[status];
  expect(answer, `${method} ${path} answers ${status}`).toBeDefined();
  if (answer?.schema !== undefined) expect(answer.schema.parse(body)).toEqual(body);
}

function holes({ path }: Route): number {
  return path.split('{').length;
}

function patternOf({ path }: Route): RegExp {
  return new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}$`);
}
