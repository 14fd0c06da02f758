/** The HTTP API as one function from Request to Response, to be mounted in any server. */
import { randomUUID } from 'node:crypto';
import { type Context, Hono } from 'hono';
import type { AnyJob } from '../domain/define-job.ts';
import { unstuckError } from '../domain/errors.ts';
import { type GuardOptions, type Guards, parseGuards } from '../domain/serve-options.ts';
import { withoutTokens } from '../domain/tokens.ts';
import { apiViewOf, type Unstuck } from '../unstuck.ts';
import { Access } from './access/access.ts';
import { checkAddress, guardAnswer } from './access/headers.ts';
import { LongRequests } from './access/long-requests.ts';
import type { Caller, Peer } from './access/principal.ts';
import type { Api } from './api.ts';
import { answeredWithin, arrivesWithin } from './deadline.ts';
import { openApi } from './openapi.ts';
import { toProblem } from './problem.ts';
import { Readiness } from './readiness.ts';
import { readParts } from './request.ts';
import type { Call, Reply, Route } from './route.ts';
import { ROUTES } from './routes.ts';

/** Answers one request; never rejects. `peer` says what the server knows of the other end. */
export type Handler = (request: Request, peer?: Peer) => Promise<Response>;

/** Who may use a handler, and what it knows. */
export interface HandlerOptions extends GuardOptions {
  /**
   * A bearer token that may do everything, beside those of the database. Without it, `authenticate` and `open`, whoever has no token must ask from
   * this machine; in production (NODE_ENV) the server must also say where a request comes from.
   */
  readonly token?: string | undefined;
  /** True: whoever gets here may use it, because your own server has checked. Default false. */
  readonly open?: boolean | undefined;
  /** Knows who makes a request, for applications with a login of their own; undefined refuses it. Then no tokens are asked for, and none are known. */
  readonly authenticate?:
    | ((request: Request) => Caller | undefined | Promise<Caller | undefined>)
    | undefined;
  /** The path below which the handler is mounted, such as `/admin/queue`. Default: the root. */
  readonly prefix?: string | undefined;
  /** Definitions whose schemas inputs are checked against; other types are stored unchecked. */
  readonly jobs?: readonly AnyJob[] | undefined;
  /** The largest body that is read. Default: `inputBytesMax` of the connection and 64 KiB more; of a batch at least 8 MiB. */
  readonly bodyBytesMax?: number | undefined;
  /** True makes /readyz answer 503: this process is going away. */
  readonly draining?: (() => boolean) | undefined;
}

/** What is known of one request before its route is. */
interface Env {
  readonly Bindings: { readonly peer: Peer; readonly requestId: string };
}

const ENVELOPE_BYTES = 65_536;
const BATCH_BYTES = 8_388_608;
const PATH_MAX = 500;

/** Makes the handler of the probes and of /v1. Throws OPTION_INVALID for an option that is none. */
export function createHandler(unstuck: Unstuck, options: HandlerOptions = {}): Handler {
  const prefix = checkPrefix(options.prefix ?? '');
  const app = new Hono<Env>().basePath(prefix === '' ? '/' : prefix);
  const api = makeApi(unstuck, options, prefix);
  const serve = server(api, parseGuards(options, {}));
  app.use(async (c, next) => {
    checkAddress(c.req.url);
    await next();
  });
  addProbes(app, unstuck, options);
  for (const route of inOrder(ROUTES)) {
    const bytesMax = bytesMaxOf(route, unstuck, options);
    app.on(route.method, toHonoPath(route.path), (c) =>
      serve(route, { ...c.env, request: c.req.raw, params: c.req.param(), bytesMax }),
    );
  }
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
  return async (request, peer = {}) => {
    const requestId = randomUUID();
    const answer = await app.fetch(request, { peer, requestId });
    answer.headers.set('x-request-id', requestId);
    guardAnswer(answer, request.method);
    return answer;
  };
}

/** One request to a route, with what is known of it. */
interface Asked {
  readonly request: Request;
  readonly peer: Peer;
  readonly requestId: string;
  readonly params: Record<string, string>;
  readonly bytesMax: number;
}

/** What every request goes through: who asks, what is asked, the answer, each within its time. */
function server(
  api: Api,
  { requestTimeout, longRequests }: Guards,
): (route: Route, asked: Asked) => Promise<Response> {
  const longs = new LongRequests(longRequests);
  return async (route, { request, peer, requestId, params, bytesMax }) => {
    const principal = await api.access.admit(request, peer, route.scope);
    const reading = readParts(route, request, { params, bytesMax });
    const parts = await (route.body === undefined
      ? reading
      : arrivesWithin(reading, requestTimeout));
    const call = { api, principal, peer, ...parts, request, requestId } as Call<
      never,
      never,
      never
    >;
    if (route.long !== true)
      return toResponse(await answeredWithin(route.handle(call), requestTimeout));
    return longs.run(`${principal.via}:${principal.name}`, async () =>
      toResponse(await route.handle(call)),
    );
  };
}

function makeApi(unstuck: Unstuck, options: HandlerOptions, prefix: string): Api {
  const { jobs = [] } = options;
  const view = apiViewOf(unstuck);
  let document: object | undefined;
  return {
    unstuck: view,
    access: new Access(
      {
        ...options,
        ...parseGuards(options, {}),
        production: process.env['NODE_ENV'] === 'production',
      },
      view.tokens,
    ),
    definitions: new Map(jobs.map((job) => [job.type, job])),
    prefix,
    document: () => {
      document ??= openApi(ROUTES, prefix);
      return document;
    },
  };
}

function checkPrefix(prefix: string): string {
  if (/^(?:\/[\w.~-]+)*$/.test(prefix)) return prefix;
  throw unstuckError(
    'OPTION_INVALID',
    `Expected prefix to be like /admin/queue, without a slash at its end, got ${JSON.stringify(prefix.slice(0, 80))}.`,
    { detail: { option: 'prefix' } },
  );
}

function addProbes(app: Hono<Env>, unstuck: Unstuck, { draining }: HandlerOptions): void {
  const readiness = new Readiness(() => unstuck.ping(), draining ?? (() => false));
  app.get('/livez', (c) => c.text('ok\n'));
  app.get('/readyz', async (c) =>
    (await readiness.ready()) ? c.text(`ok\n${pulse(unstuck)}`) : c.text('not ok\n', 503),
  );
}

/** A loop that hangs is for a person to see; it does not take the process out of service. */
function pulse(unstuck: Unstuck): string {
  return unstuck.stalled.map((name) => `no pulse: ${name}\n`).join('');
}

/** Paths without parameters first: `/v1/jobs/count` is no job called `count`. */
function inOrder(routes: readonly Route[]): readonly Route[] {
  const holes = ({ path }: Route): number => path.split('{').length;
  return routes.toSorted((a, b) => holes(a) - holes(b));
}

function toHonoPath(path: string): string {
  return path.replaceAll(/\{(\w+)\}/g, ':$1');
}

function bytesMaxOf(route: Route, unstuck: Unstuck, { bodyBytesMax }: HandlerOptions): number {
  const one = bodyBytesMax ?? unstuck.config.inputBytesMax + ENVELOPE_BYTES;
  return route.bodySize === 'batch' ? Math.max(one, bodyBytesMax ?? BATCH_BYTES) : one;
}

function refuseOtherMethods(app: Hono<Env>): void {
  const methods = new Map<string, string[]>([
    ['/livez', ['GET']],
    ['/readyz', ['GET']],
  ]);
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

function toResponse(reply: Reply): Response {
  if (reply instanceof Response) return reply;
  const { status = 200, json, headers = {} } = reply;
  if (json === undefined) return new Response(null, { status, headers });
  return new Response(`${JSON.stringify(json)}\n`, {
    status,
    headers: { 'content-type': 'application/json', ...headers },
  });
}
