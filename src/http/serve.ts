/** Serves the HTTP API from a Node process. */
import type { Server, ServerResponse } from 'node:http';
import { createAdaptorServer } from '@hono/node-server';
import type { AnyJob } from '../domain/define-job.ts';
import { unstuckError } from '../domain/errors.ts';
import { parseServeOptions, type ServeConfig, type ServeOptions } from '../domain/serve-options.ts';
import { parseTickOptions, type TickOptions } from '../domain/tick-options.ts';
import { settlesWithin } from '../std/timer.ts';
import type { Unstuck } from '../unstuck.ts';
import { peerOf } from './access/connection.ts';
import { createHandler, type HandlerOptions } from './handler.ts';
import { sendPlain } from './plain-answer.ts';

/** Where to serve, who may use it, and whose inputs are checked. */
export interface ServeSettings extends ServeOptions {
  /** Definitions whose schemas inputs are checked against. */
  readonly jobs?: readonly AnyJob[] | undefined;
  /** How an outside scheduler proves who it is. Default UNSTUCK_TICK_SECRET and UNSTUCK_OIDC_…, then none. */
  readonly tick?: TickOptions | undefined;
  /** Knows who makes a request, instead of tokens: see `HandlerOptions`. */
  readonly authenticate?: HandlerOptions['authenticate'];
}

/** A server that runs. */
export interface HttpServer {
  /** For example `http://127.0.0.1:8790`. */
  readonly url: string;
  /** Whether /v1 asks everybody who they are. */
  readonly guarded: boolean;
  /** Makes /readyz answer 503 while requests are still served. */
  drain(): void;
  /** Takes no new connections, lets requests end for at most 5 s, then cuts the rest. */
  close(): Promise<void>;
}

const HEADER_BYTES_MAX = 16_384;
const IDLE_MS = 60_000;
const CLOSE_MS = 5_000;

/**
 * Starts to serve. Throws OPTION_INVALID for a wrong option, an address other than loopback without a token, and a port that is
 * taken or not ours; when nobody chose the port, a free one is taken instead.
 */
export async function serve(unstuck: Unstuck, settings: ServeSettings = {}): Promise<HttpServer> {
  const { jobs, authenticate, ...options } = settings;
  const config = parseServeOptions(options, process.env, authenticate !== undefined);
  let draining = false;
  const stop = new AbortController();
  const tick = parseTickOptions(options.tick, process.env);
  const handler = createHandler(unstuck, {
    ...config,
    authenticate,
    jobs,
    tick,
    draining: () => draining,
    stop: stop.signal,
  });
  const server = createAdaptorServer({
    fetch: async (request, { incoming, outgoing }) => {
      const answer = await handler(request, peerOf(incoming.socket));
      return sendPlain(answer, outgoing as ServerResponse);
    },
    overrideGlobalObjects: false,
    serverOptions: {
      headersTimeout: Math.min(config.headerTimeout, config.requestTimeout),
      requestTimeout: config.requestTimeout,
      // Node looks for slow requests every 30 s unless told otherwise.
      connectionsCheckingInterval: Math.min(1_000, config.headerTimeout / 2),
      maxHeaderSize: HEADER_BYTES_MAX,
    },
  }) as Server;
  // Whoever does not take the answer; long polls and streams say something more often.
  server.setTimeout(Math.max(IDLE_MS, 2 * config.requestTimeout));
  const port = await listenSomewhere(server, config);
  server.on('error', (error) => unstuck.log.error('http_failed', { error }));
  const drain = (): void => {
    draining = true;
    stop.abort();
  };
  return {
    url: `http://${config.host.includes(':') ? `[${config.host}]` : config.host}:${port}`,
    guarded:
      config.token !== undefined ||
      authenticate !== undefined ||
      process.env['NODE_ENV'] === 'production',
    drain,
    close: () => {
      drain();
      return close(server);
    },
  };
}

async function listenSomewhere(server: Server, config: ServeConfig): Promise<number> {
  try {
    return await listen(server, config.host, config.port);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE' && !config.portChosen) return listen(server, config.host, 0);
    throw unstuckError(
      'OPTION_INVALID',
      `Expected to serve ${config.host} port ${config.port}, got: ${message}. Choose another with UNSTUCK_PORT and UNSTUCK_HOST.`,
      { cause, detail: { option: 'port' } },
    );
  }
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
  });
}

async function close(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  if (!(await settlesWithin(closed, CLOSE_MS))) server.closeAllConnections();
  await closed;
}
