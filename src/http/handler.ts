/** The HTTP API as one function from Request to Response, to be mounted in any server. */
import { randomUUID } from 'node:crypto';
import { type Context, Hono } from 'hono';
import type { AnyJob } from '../domain/define-job.ts';
import { unstuckError } from '../domain/errors.ts';
import { apiViewOf, type Unstuck } from '../unstuck.ts';
import { Access } from './access/access.ts';
import type { Peer, Principal } from './access/principal.ts';
import type { Api } from './api.ts';
import { openApi } from './openapi.ts';
import { plainAnswer } from './plain-answer.ts';
import { toProblem } from './problem.ts';
import { Readiness } from './readiness.ts';
import { readParts } from './request.ts';
import type { Call, Reply, Route } from './route.ts';
import { ROUTES } from './routes.ts';

/** Answers one request; never rejects. `peer` says what the server knows of the other end. */
export type Handler = (request: Request, peer?: Peer) => Promise<Response>;

/** Who may use a handler, and what it knows. */
export interface HandlerOptions {
  /** A bearer token that may do everything. Without it, and without `open`, only requests to a loopback host are answered. */
  readonly token?: string | undefined;
  /** True: whoever gets here may use it, because your own server has checked. Default false. */
  readonly open?: boolean | undefined;
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
const EVERYWHERE = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' } as const;

/** Makes the handler of the probes and of /v1. Throws OPTION_INVALID for a prefix that is none. */
export function createHandler(unstuck: Unstuck, options: HandlerOptions = {}): Handler {
  const prefix = checkPrefix(options.prefix ?? '');
  const app = new Hono<Env>().basePath(prefix === '' ? '/' : prefix);
  const access = new Access(options);
  const api = makeApi(unstuck, options, prefix);
  addProbes(app, unstuck, options);
  for (const route of inOrder(ROUTES)) {
    const bytesMax = bytesMaxOf(route, unstuck, options);
    app.on(route.method, toHonoPath(route.path), async (c) => {
      const request = c.req.raw;
      const principal = await admit(access, route, request, c.env.peer);
      const parts = await readParts(route, request, { params: c.req.param(), bytesMax });
      const call = { api, principal, ...parts, request, requestId: c.env.requestId };
      return toResponse(await route.handle(call as Call<never, never, never>));
    });
  }
  refuseOtherMethods(app);
  app.notFound(async (c) => {
    if (c.req.path.startsWith(`${prefix}/v1/`)) await access.authenticate(c.req.raw, c.env.peer);
    throw unstuckError('ROUTE_NOT_FOUND', `There is nothing at ${c.req.path.slice(0, 200)}.`);
  });
  app.onError((error, c) => toProblem(error, c.req.path, unstuck.log, c.env.requestId));
  return async (request, peer = {}) => {
    const requestId = randomUUID();
    const answer = await app.fetch(request, { peer, requestId });
    answer.headers.set('x-request-id', requestId);
    return answer;
  };
}

function makeApi(unstuck: Unstuck, { jobs = [] }: HandlerOptions, prefix: string): Api {
  let document: object | undefined;
  return {
    unstuck: apiViewOf(unstuck),
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

async function admit(
  access: Access,
  { scope }: Route,
  request: Request,
  peer: Peer,
): Promise<Principal> {
  if (scope === 'open') return { name: 'nobody', scopes: [], via: 'open' };
  const principal = await access.authenticate(request, peer);
  access.authorize(principal, scope);
  return principal;
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
  if (json === undefined)
    return new Response(null, { status, headers: { ...EVERYWHERE, ...headers } });
  return plainAnswer(`${JSON.stringify(json)}\n`, {
    status,
    headers: { 'content-type': 'application/json', ...EVERYWHERE, ...headers },
  });
}
