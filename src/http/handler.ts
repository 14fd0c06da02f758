/** The HTTP API as one function from Request to Response, to be mounted in any server. */
import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import type { AnyJob } from '../domain/define-job.ts';
import { unstuckError } from '../domain/errors.ts';
import type { Unstuck } from '../unstuck.ts';
import { checkAccess } from './access.ts';
import { getJob, postJob } from './jobs.ts';
import { toProblem } from './problem.ts';
import { Readiness } from './readiness.ts';

/** Answers one request; never rejects. */
export type Handler = (request: Request) => Promise<Response>;

/** Who may use a handler, and what it knows. */
export interface HandlerOptions {
  /** The bearer token that /v1 demands. Without it, and without `open`, only requests to a loopback host are answered. */
  readonly token?: string | undefined;
  /** True: whoever gets here may use it, because your own server has checked. Default false. */
  readonly open?: boolean | undefined;
  /** Definitions whose schemas inputs are checked against; other types are stored unchecked. */
  readonly jobs?: readonly AnyJob[] | undefined;
  /** The largest body that is read. Default: `inputBytesMax` of the connection and 64 KiB more. */
  readonly bodyBytesMax?: number | undefined;
  /** True makes /readyz answer 503: this process is going away. */
  readonly draining?: (() => boolean) | undefined;
}

const ENVELOPE_BYTES = 65_536;

/** Makes the handler of /livez, /readyz and /v1; it holds no resources of its own. */
export function createHandler(unstuck: Unstuck, options: HandlerOptions = {}): Handler {
  const app = new Hono();
  const readiness = new Readiness(() => unstuck.ping(), options.draining ?? (() => false));
  const definitions = new Map((options.jobs ?? []).map((job) => [job.type, job]));
  const limit = bodyLimit({
    maxSize: options.bodyBytesMax ?? unstuck.config.inputBytesMax + ENVELOPE_BYTES,
    onError: () => {
      throw unstuckError('REQUEST_TOO_LARGE', 'The body is larger than this server reads.');
    },
  });

  app.get('/livez', (c) => c.text('ok\n'));
  app.get('/readyz', async (c) =>
    (await readiness.ready()) ? c.text(`ok\n${pulse(unstuck)}`) : c.text('not ok\n', 503),
  );
  app.use('/v1/*', async (c, next) => {
    checkAccess(c.req.raw, options);
    await next();
  });
  app.post('/v1/jobs', limit, (c) => postJob(unstuck, definitions, c.req.raw));
  app.get('/v1/jobs/:id', (c) => getJob(unstuck, c.req.param('id')));
  app.all('/livez', () => refuseMethod('GET'));
  app.all('/readyz', () => refuseMethod('GET'));
  app.all('/v1/jobs', () => refuseMethod('POST'));
  app.all('/v1/jobs/:id', () => refuseMethod('GET'));
  app.notFound((c) => {
    throw unstuckError('ROUTE_NOT_FOUND', `There is nothing at ${c.req.path.slice(0, 200)}.`);
  });
  app.onError((error, c) => toProblem(error, c.req.path, unstuck.log));
  return async (request) => app.fetch(request);
}

function refuseMethod(allow: string): never {
  throw unstuckError('METHOD_NOT_ALLOWED', `Expected the method ${allow}.`, { detail: { allow } });
}

/** A loop that hangs is for a person to see; it does not take the process out of service. */
function pulse(unstuck: Unstuck): string {
  return unstuck.stalled.map((name) => `no pulse: ${name}\n`).join('');
}
