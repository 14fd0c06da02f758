// What tests of the HTTP API start from: a handler on a fresh database, and how to ask it.

import type { ConnectOptions } from '../../../src/domain/connect-options.ts';
import { createHandler, type Handler, type HandlerOptions } from '../../../src/http/index.ts';
import type { Unstuck } from '../../../src/unstuck.ts';
import { type Setup, setup } from '../../support/unstuck.ts';

/** Whatever of it an answer has. */
export interface Body {
  readonly id: string;
  readonly ids: readonly string[];
  readonly at: string;
  readonly state: string;
  readonly created: boolean | number;
  readonly enqueued: string;
  readonly job_id: string;
  readonly notify: readonly { readonly state: string }[];
  readonly problem: { readonly code: string; readonly errors: readonly object[] } | null;
  readonly data: readonly Body[];
  readonly next_cursor: string | null;
}

/** What a handler answered: its body is read as JSON where it is some. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
}

/** Asks a handler: `'GET /v1/jobs'`, with a body as JSON. */
export type Ask = (
  what: string,
  body?: unknown,
  headers?: Readonly<Record<string, string>>,
) => Promise<Answer>;

/** A handler on an installation of its own. */
export interface HttpSetup extends Setup {
  readonly ask: Ask;
  /** Asks a handler of another connection, as another process would have. */
  readonly askAs: (unstuck: Unstuck, options?: HandlerOptions) => Ask;
}

/** Makes a fresh installation and a handler that is open. */
export async function httpSetup(options: ConnectOptions & HandlerOptions = {}): Promise<HttpSetup> {
  const { jobs, token, prefix, ...own } = options;
  const all = await setup({ sweep: false, ...own });
  const askAs = (unstuck: Unstuck, more: HandlerOptions = {}): Ask =>
    askerOf(createHandler(unstuck, { open: true, jobs, prefix, ...more }));
  return { ...all, ask: askAs(all.unstuck, { token }), askAs };
}

function askerOf(handle: Handler): Ask {
  return async (what, body, headers = {}) => {
    const [method = 'GET', path = '/'] = what.split(' ');
    const json = { 'content-type': 'application/json', ...headers };
    const response = await handle(
      new Request(`http://localhost${path}`, {
        method,
        ...(body === undefined ? { headers } : { headers: json, body: JSON.stringify(body) }),
      }),
    );
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.includes('json') === true;
    return {
      status: response.status,
      headers: response.headers,
      body: isJson ? JSON.parse(text) : text,
    };
  };
}
