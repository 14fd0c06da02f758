/** Plain answers: texts that are known as a whole are written at once, past the streams of a Response, which cost more than all else of a request. */
import type { ServerResponse } from 'node:http';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';

const TEXTS = new WeakMap<Response, string>();

/** Makes an answer whose text is known. */
export function plainAnswer(text: string, init: ResponseInit): Response {
  const response = new Response(text, init);
  TEXTS.set(response, text);
  return response;
}

/** Writes an answer whose text is known to a connection, and returns that it is written; any other is returned as it is. */
export function sendPlain(response: Response, outgoing: ServerResponse): Response {
  const text = TEXTS.get(response);
  if (text === undefined || response.bodyUsed) return response;
  const headers = [...response.headers].flat();
  outgoing.writeHead(response.status, [
    ...headers,
    'content-length',
    String(Buffer.byteLength(text)),
  ]);
  outgoing.end(text);
  return RESPONSE_ALREADY_SENT;
}
