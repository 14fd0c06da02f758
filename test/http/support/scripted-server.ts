// A real HTTP server that answers as a test says, one answer for each request, and keeps what it was asked.
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

/** What the server was asked. */
export interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** How it answers one request; `lost` cuts the connection, `silent` never answers. */
export type Scripted =
  | 'lost'
  | 'silent'
  | {
      readonly status?: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly json?: unknown;
      readonly text?: string;
    };

/** A server with its script. */
export interface ScriptedServer {
  readonly url: string;
  readonly asked: readonly Asked[];
}

/** Starts a server; the last answer is repeated. Closed after the test. */
export async function scriptedServer(...script: readonly Scripted[]): Promise<ScriptedServer> {
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    void readBody(request).then((body) => {
      const { method = '', url = '', headers } = request;
      asked.push({ method, url, headers, body });
      answer(response, script[Math.min(asked.length, script.length) - 1] ?? 'lost');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

function answer(response: ServerResponse, how: Scripted): void {
  if (how === 'silent') return;
  if (how === 'lost') {
    response.socket?.destroy();
    return;
  }
  const { status = 200, headers = {}, json, text } = how;
  const type = status >= 400 ? 'application/problem+json' : 'application/json';
  response.writeHead(status, {
    'content-type': text === undefined ? type : 'text/html',
    ...headers,
  });
  response.end(text ?? JSON.stringify(json ?? {}));
}

async function readBody(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of request) body += String(chunk);
  return body;
}
