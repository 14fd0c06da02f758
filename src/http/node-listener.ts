/** Node listener: a handler as `node:http` calls one, and with it Express, Connect and Fastify. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import { unstuckError } from '../domain/errors.ts';
import { peerOf } from './access/connection.ts';
import type { Handler } from './handler.ts';
import { sendPlain } from './plain-answer.ts';

/** Answers one request of a Node server; never rejects. */
export type NodeListener = (incoming: IncomingMessage, outgoing: ServerResponse) => Promise<void>;

/** What frameworks add to a request. */
interface Given {
  /** The path before the one of the mount was taken off. */
  readonly originalUrl?: string;
  /** What a body parser made of the body. */
  readonly body?: unknown;
}

/**
 * Makes a listener of a handler whose `prefix` is where it is mounted. Streams pass as they come, and end for the handler when the client goes away.
 * A body that a parser of the framework has read is taken from `request.body`; what may have been changed in it (a whole number past 2^53) is
 * refused, so mount it before any parser.
 */
export function toNodeListener(handler: Handler): NodeListener {
  const listen = getRequestListener(
    async (request, { incoming, outgoing }) => {
      const given = withParsedBody(request, incoming as IncomingMessage & Given);
      const answer = await handler(given, peerOf(incoming.socket));
      return sendPlain(answer, outgoing as ServerResponse);
    },
    { overrideGlobalObjects: false },
  );
  return (incoming, outgoing) => {
    const { originalUrl } = incoming as IncomingMessage & Given;
    if (originalUrl !== undefined) incoming.url = originalUrl;
    return listen(incoming, outgoing);
  };
}

function withParsedBody(request: Request, incoming: IncomingMessage & Given): Request {
  const { method, headers, signal, url } = request;
  if (!incoming.readableDidRead || method === 'GET' || method === 'HEAD') return request;
  return new Request(url, { method, headers, signal, body: bodyOf(incoming), duplex: 'half' });
}

/** The bytes of a body that has been read, or a stream that fails with the reason why there are none. */
function bodyOf({ body }: Given): string | Uint8Array<ArrayBuffer> | ReadableStream {
  if (typeof body === 'string') return body;
  if (body instanceof Uint8Array) return new Uint8Array(body);
  try {
    if (body !== undefined) return JSON.stringify(body, asItCame);
  } catch (error) {
    return failing(error);
  }
  return failing(
    unstuckError(
      'REQUEST_INVALID',
      'The body had been read before the request came here. Mount the handler before what reads bodies. Nothing was changed.',
      { detail: { issues: ['the body had been read'] } },
    ),
  );
}

/** A parser has no way to tell of a number that became another one. */
function asItCame(_name: string, value: unknown): unknown {
  const kept = typeof value !== 'number' || Number.isSafeInteger(value);
  if (kept || (Number.isFinite(value) && !Number.isInteger(value))) return value;
  throw unstuckError(
    'INPUT_UNSTORABLE',
    `The number ${String(value)} in the body may not be the one that was sent: a parser before this handler has read it. Send it as a text, or mount the handler before the parser; nothing was stored.`,
  );
}

function failing(reason: unknown): ReadableStream {
  return new ReadableStream({ start: (controller) => controller.error(reason) });
}
