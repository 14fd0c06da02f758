// A server that stands in for the API of a channel: it keeps what it is sent, and answers what its test says.
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { httpServer } from '../../std/support/servers.ts';

/** A request as it came. */
export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** What it answers. */
export interface Answer {
  readonly status: number;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The server. */
export interface Receiver {
  readonly url: string;
  readonly received: readonly Received[];
  /** From now on it answers this; undefined: nothing at all. */
  answer(next: ((request: Received) => Answer | undefined) | Answer): void;
}

/** Starts one; it answers 200 until its test says otherwise. */
export async function receiver(first: Answer = { status: 200, body: 'ok' }): Promise<Receiver> {
  const received: Received[] = [];
  let next: (request: Received) => Answer | undefined = () => first;
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { method = '', url = '', headers } = request;
    const one = { method, path: url, headers, body: await text(request) };
    received.push(one);
    const answer = next(one);
    if (answer !== undefined) response.writeHead(answer.status, answer.headers).end(answer.body);
  };
  const { port } = await httpServer((request, response) => void serve(request, response));
  return {
    url: `http://127.0.0.1:${port}`,
    received,
    answer: (given) => {
      next = typeof given === 'function' ? given : () => given;
    },
  };
}
