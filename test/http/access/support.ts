// What the tests of access start from: a fresh installation, handlers with options, and requests to them.
import {
  createHandler,
  type Handler,
  type HandlerOptions,
  type Peer,
} from '../../../src/http/index.ts';
import type { Scope } from '../../../src/index.ts';
import { type Setup, setup } from '../../support/unstuck.ts';

/** The token of the environment in these tests. */
export const ROOT = 'correct-horse-battery';

/** An answer with its body read. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // oxlint-disable-next-line no-explicit-any -- the tests say what they expect of it
  readonly body: Record<string, unknown>;
}

/** One request. */
export interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly json?: unknown;
  /** The address of the whole server; its host is what is asked for. */
  readonly at?: string;
  readonly peer?: Peer;
}

/** Asks a handler. */
export type Ask = (path: string, asked?: Asked) => Promise<Answer>;

/** An installation and its handlers. */
export interface Guarded extends Setup {
  /** Makes a handler, which remembers nothing of the others. */
  readonly handler: (options?: HandlerOptions) => Ask;
  /** Makes a token and answers its text. */
  readonly token: (scope: Scope, name?: string) => Promise<string>;
}

/** Makes a fresh installation. */
export async function guarded(): Promise<Guarded> {
  const made = await setup();
  return {
    ...made,
    handler: (options = {}) => askOf(createHandler(made.unstuck, options)),
    token: async (scope, name = scope) =>
      (await made.unstuck.tokens.create({ name, scopes: [scope] })).token,
  };
}

/** The header of a token. */
export function bearer(token: string): Record<string, string> {
  return { authorization: `Bearer ${token}` };
}

function askOf(handle: Handler): Ask {
  return async (path, { method, headers = {}, json, at = 'http://localhost:8790', peer } = {}) => {
    const { host } = new URL(at);
    const hasBody = json !== undefined;
    const request = new Request(`${at}${path}`, {
      method: method ?? (hasBody ? 'POST' : 'GET'),
      headers: { host, ...(hasBody ? { 'content-type': 'application/json' } : {}), ...headers },
      ...(hasBody ? { body: JSON.stringify(json) } : {}),
    });
    const answer = await handle(request, peer);
    const text = await answer.text();
    const body = text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
    return { status: answer.status, headers: answer.headers, body };
  };
}
