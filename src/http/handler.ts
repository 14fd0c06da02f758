/** The HTTP API as one function from Request to Response, to be mounted in any server. */
import { randomUUID } from 'node:crypto';
import { type Context, Hono } from 'hono';
import type { AnyJob } from '../domain/define-job.ts';
import { unstuckError } from '../domain/errors.ts';
import { type GuardOptions, type Guards, parseGuards } from '../domain/serve-options.ts';
import type { TickOptions } from '../domain/tick-options.ts';
import { withoutTokens } from '../domain/tokens.ts';
import { monotonicMs } from '../std/timer.ts';
import { apiViewOf, type Unstuck } from '../unstuck.ts';
import { Access } from './access/access.ts';
import { checkAddress, guardAnswer } from './access/headers.ts';
import type { Caller, Peer } from './access/principal.ts';
import { tickAuthenticator } from './access/tick.ts';
import { logRequest, type Trail } from './access-log.ts';
import { answerer } from './answerer.ts';
import type { Api } from './api.ts';
import { Metrics } from './metrics/metrics.ts';
import { openApi } from './openapi.ts';
import { addProbes, PROBES } from './probes.ts';
import { toProblem } from './problem.ts';
import type { Route } from './route.ts';
import { ROUTES } from './routes.ts';
import { traceRequest } from './server-span.ts';
import { Hub } from './stream/hub.ts';

/** Answers one request; never rejects. `peer` says what the server knows of the other end. */
export type Handler = (request: Request, peer?: Peer) => Promise<Response>;

/** Who may use a handler, and what it knows. */
export interface HandlerOptions extends GuardOptions {
  /**
   * A bearer token that may do everything, beside those of the database. No variable is read for it. Without it, `authenticate` and `open`, whoever
   * has no token must ask from this machine, and in production (NODE_ENV) nobody is let in without one.
   */
  readonly token?: string | undefined;
  /** True: whoever gets here may use it, because your own server has checked. Default false. */
  readonly open?: boolean | undefined;
  /** Knows who makes a request, for applications with a login of their own; undefined refuses it. Then no tokens are asked for, and none are known. */
  readonly authenticate?:
    | ((request: Request) => Caller | undefined | Promise<Caller | undefined>)
    | undefined;
  /** How an outside scheduler proves who it is, beside a token of the scope `tick`. */
  readonly tick?: TickOptions | undefined;
  /** The path below which the handler is mounted, such as `/admin/queue`. Default: the root. */
  readonly prefix?: string | undefined;
  /** Definitions whose schemas inputs are checked against; other types are stored unchecked. */
  readonly jobs?: readonly AnyJob[] | undefined;
  /** The largest body that is read. Default: `inputBytesMax` of the connection and 64 KiB more; of a batch at least 8 MiB. */
  readonly bodyBytesMax?: number | undefined;
  /** True makes /readyz answer 503: this process is going away. */
  readonly draining?: (() => boolean) | undefined;
  /** Ends the live streams, with the event `bye`, when it is aborted: this process is going away. */
  readonly stop?: AbortSignal | undefined;
}

/** What is known of one request before its route is. */
interface Env {
  readonly Bindings: { readonly peer: Peer; readonly requestId: string; readonly trail: Trail };
}

const PATH_MAX = 500;

/** Makes the handler of the probes and of /v1. Throws OPTION_INVALID for an option that is none. */
export function createHandler(unstuck: Unstuck, options: HandlerOptions = {}): Handler {
  const prefix = checkPrefix(options.prefix ?? '');
  const app = new Hono<Env>().basePath(prefix === '' ? '/' : prefix);
  const guards = parseGuards(options, {});
  const api = makeApi(unstuck, { options, guards, prefix });
  const answer = answerer(api, { ...guards, bodyBytesMax: options.bodyBytesMax });
  app.use(async (c, next) => {
    checkAddress(c.req.url);
    await next();
  });
  addProbes(app, api.access, {
    ping: () => unstuck.ping(),
    draining: options.draining ?? (() => false),
    stalled: () => unstuck.stalled,
  });
  for (const route of inOrder(ROUTES))
    app.on(route.method, toHonoPath(route.path), (c) =>
      answer(route, { ...c.env, request: c.req.raw, params: c.req.param() }),
    );
  refuseOtherMethods(app);
  app.notFound(async (c) => {
    if (c.req.path.startsWith(`${prefix}/v1/`))
      await api.access.authenticate(c.req.raw, c.env.peer);
    const path = withoutTokens(c.req.path).slice(0, 200);
    throw unstuckError('ROUTE_NOT_FOUND', `There is nothing at ${path}.`);
  });
  app.onError((error, c) =>
    toProblem(error, withoutTokens(c.req.path).slice(0, PATH_MAX), unstuck.log, c.env.requestId),
  );
  const fetch = async (request: Request, env: Env['Bindings']): Promise<Response> => {
    try {
      return await app.fetch(request, env);
    } catch (error) {
      // Hono passes on what is thrown and is no Error.
      const path = withoutTokens(new URL(request.url).pathname).slice(0, PATH_MAX);
      return toProblem(error, path, unstuck.log, env.requestId);
    }
  };
  return async (request, peer = {}) => {
    const requestId = randomUUID();
    const trail: Trail = { requestId, began: monotonicMs() };
    const response = await traceRequest(unstuck.config, request, trail, () =>
      fetch(request, { peer, requestId, trail }),
    );
    response.headers.set('x-request-id', requestId);
    guardAnswer(response, request.method);
    note(api, request, trail, response.status);
    return response;
  };
}

function makeApi(
  unstuck: Unstuck,
  given: {
    readonly options: HandlerOptions;
    readonly guards: Guards;
    readonly prefix: string;
  },
): Api {
  const { options, guards, prefix } = given;
  const view = apiViewOf(unstuck);
  const production = process.env['NODE_ENV'] === 'production';
  const tick = tickAuthenticator(options.tick, unstuck.log);
  let document: object | undefined;
  return {
    unstuck: view,
    access: new Access(
      {
        ...options,
        ...guards,
        production,
        tick,
        callback: (id, secret) => view.targets.verifyCallback(id, secret),
      },
      view.tokens,
    ),
    hub: new Hub(view, options.stop),
    metrics: new Metrics(view),
    definitions: new Map((options.jobs ?? []).map((job) => [job.type, job])),
    prefix,
    draining: options.draining ?? (() => false),
    document: () => {
      document ??= openApi(ROUTES, prefix);
      return document;
    },
  };
}

/** Counts and logs an answered request; the probes, which come every few seconds, only as a count. */
function note(
  { unstuck, metrics, prefix }: Api,
  request: Request,
  trail: Trail,
  status: number,
): void {
  const path = withoutTokens(new URL(request.url).pathname);
  const ms = monotonicMs() - trail.began;
  const probe = PROBES.find((one) => path === `${prefix}${one}`);
  metrics.requests.add(trail.route?.id ?? probe?.slice(1) ?? 'none', request.method, status, ms);
  if (probe === undefined)
    logRequest(unstuck.log, trail, { method: request.method, path, status, ms });
}

function checkPrefix(prefix: string): string {
  if (/^(?:\/[\w.~-]+)*$/.test(prefix)) return prefix;
  throw unstuckError(
    'OPTION_INVALID',
    `Expected prefix to be like /admin/queue, without a slash at its end, got ${JSON.stringify(prefix.slice(0, 80))}.`,
    { detail: { option: 'prefix' } },
  );
}

/** Paths without parameters first: `/v1/jobs/count` is no job called `count`. */
function inOrder(routes: readonly Route[]): readonly Route[] {
  const holes = ({ path }: Route): number => path.split('{').length;
  return routes.toSorted((a, b) => holes(a) - holes(b));
}

function toHonoPath(path: string): string {
  return path.replaceAll(/\{(\w+)\}/g, ':$1');
}

function refuseOtherMethods(app: Hono<Env>): void {
  const methods = new Map<string, string[]>(PROBES.map((path) => [path, ['GET']]));
  for (const { path, method } of ROUTES) methods.set(path, [...(methods.get(path) ?? []), method]);
  for (const [path, known] of methods) {
    const allow = known.join(', ');
    app.all(toHonoPath(path), (_c: Context) => {
      throw unstuckError('METHOD_NOT_ALLOWED', `Expected the method ${allow}.`, {
        detail: { allow },
      });
    });
  }
}
