// A remote worker for tests: a real HTTP server that answers as the test says, and keeps what it was sent.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import type { ConnectOptions } from '../../../../src/domain/connect-options.ts';
import {
  type AnyJob,
  defineJob,
  type RemoteJobOptions,
} from '../../../../src/domain/define-job.ts';
import {
  defineTarget,
  type TargetDefinition,
  type TargetOptions,
} from '../../../../src/domain/define-target.ts';
import { anything, eventually, type Setup, setup } from '../../../support/unstuck.ts';

/** Signs what is sent in tests. */
export const SECRET = `whsec_${Buffer.alloc(24, 7).toString('base64')}`;

/** What a remote worker was sent of a job. */
export interface Sent {
  readonly id: string;
  readonly token: string;
  readonly type: string;
  readonly input: unknown;
  readonly attempt: number;
  readonly attempts_max: number;
  readonly callback: { readonly url: string; readonly authorization: string } | null;
}

/** One request. */
export interface Got {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
  readonly sent: Sent;
}

/** How it answers: with a status and JSON, or by its own hand. */
export type Answer = (got: Got, response: ServerResponse) => void | Promise<void>;

/** A running remote worker. */
export interface RemoteWorker {
  readonly url: string;
  /** What came by POST. */
  readonly posts: Got[];
  /** What came by GET: probes and questions. */
  readonly gets: Got[];
  /** How it answers from now on. */
  readonly answer: (post: Answer, get?: Answer) => void;
  /** Stops to listen; whoever connects is refused. */
  readonly down: () => Promise<void>;
  /** Listens again, on the same port. */
  readonly up: () => Promise<void>;
}

/** Completes a job at once. */
export const completes: Answer = ({ sent }, response) =>
  json(response, 200, {
    id: sent.id,
    token: sent.token,
    status: 'completed',
    result: { done: sent.input },
  });

/** Accepts a job, to tell of it later. */
export const accepts: Answer = ({ sent }, response) =>
  json(response, 202, { id: sent.id, token: sent.token, status: 'accepted' });

/** Answers with a status and JSON. */
export function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

/** Starts one; stopped after the test. */
export async function remoteWorker(): Promise<RemoteWorker> {
  let post: Answer = completes;
  let get: Answer = (_, response) => void response.writeHead(204).end();
  const posts: Got[] = [];
  const gets: Got[] = [];
  const open = new Set<Socket>();
  const listen = (port: number): Promise<Server> =>
    new Promise((resolve, reject) => {
      const server = createServer((request, response) => void handle(request, response));
      server.on('connection', (socket) => {
        open.add(socket);
        socket.on('close', () => open.delete(socket));
      });
      server.on('error', reject);
      server.listen(port, '127.0.0.1', () => resolve(server));
    });
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const text = Buffer.concat(parts).toString();
    const { method = '', url: path = '', headers } = request;
    const got = { method, path, headers, text, sent: text === '' ? undefined : JSON.parse(text) };
    (method === 'POST' ? posts : gets).push(got);
    await (method === 'POST' ? post : get)(got, response);
  };
  let server: Server | undefined = await listen(0);
  const { port } = server.address() as AddressInfo;
  const down = async (): Promise<void> => {
    const closing = server;
    server = undefined;
    if (closing === undefined) return;
    const closed = new Promise((resolve) => closing.close(resolve));
    for (const socket of open) socket.destroy();
    await closed;
  };
  onTestFinished(down);
  return {
    url: `http://127.0.0.1:${port}/jobs`,
    posts,
    gets,
    answer: (nextPost, nextGet = get) => {
      post = nextPost;
      get = nextGet;
    },
    down,
    up: async () => {
      server = await listen(port);
    },
  };
}

/** Defines the target at a remote worker. */
export function targetAt(
  { url }: RemoteWorker,
  options: Partial<TargetOptions> = {},
): TargetDefinition {
  return defineTarget({ name: 'assembler', url, secret: SECRET, ...options });
}

/** What a test of targets starts from: a worker here whose type `assemble` is sent to a remote worker. */
export interface Begun extends Setup {
  readonly worker: RemoteWorker;
  readonly assemble: AnyJob;
  /** Enqueues a job of that type; answers its id. */
  readonly enqueue: (input?: unknown) => Promise<string>;
}

/** Loopback may be called, and the sweep comes often. */
export const HERE: ConnectOptions = { privateAddresses: ['127.0.0.0/8'], sweepInterval: '100ms' };

/** Starts a remote worker and a worker that sends to it; `status`: the path below its URL at which it is asked. */
export async function begin(
  target: Partial<TargetOptions> = {},
  job: Partial<RemoteJobOptions<typeof anything>> = {},
  options: ConnectOptions = {},
  status?: string,
): Promise<Begun> {
  const worker = await remoteWorker();
  const all = await setup({ ...HERE, ...options });
  const assemble = defineJob({
    type: 'assemble',
    input: anything,
    target: targetAt(worker, {
      ...(status === undefined ? {} : { status: `${worker.url}${status}` }),
      ...target,
    }),
    ...job,
  });
  await all.unstuck.work([assemble]);
  const enqueue = async (input: unknown = { episode: 1 }): Promise<string> =>
    (await all.unstuck.enqueue(assemble, input)).id;
  return { ...all, worker, assemble, enqueue };
}

/** How a target stands. */
export interface Standing {
  readonly state: 'up' | 'down' | 'half-open';
  readonly failures: number;
  readonly probes: number;
  readonly hold_until: Date | null;
  readonly last_error: { readonly code: string; readonly message: string } | null;
  /** Seconds to the next probe. */
  readonly probe_in: number | null;
}

/** Reads how a target stands. */
export async function standing({ query }: Setup, name = 'assembler'): Promise<Standing> {
  const [row] = await query<Standing>(
    `select state, failures, probes, hold_until, last_error, extract(epoch from next_probe_at - unstuck.clock())::float8 as probe_in
     from unstuck.targets where name = $1`,
    [name],
  );
  if (row === undefined) throw new Error(`There is no target ${name}.`);
  return row;
}

/** Resolves when a target stands so. */
export function stands(all: Setup, state: Standing['state'], name?: string): Promise<Standing> {
  return eventually(async () => {
    const now = await standing(all, name);
    return now.state === state ? now : undefined;
  }, `the target is ${state}`);
}

/** Resolves when so many jobs wait for targets. */
export async function parked({ query }: Setup, count: number): Promise<void> {
  await eventually(async () => {
    const rows = await query(`select from unstuck.jobs where waits_for = 'target'`);
    return rows.length === count;
  }, `${count} jobs wait for targets`);
}

/** How the attempts of all jobs ended that did not simply succeed. */
export async function allOutcomes({ query }: Setup): Promise<string[]> {
  const rows = await query<{ outcome: string }>(
    `select outcome from unstuck.attempts order by ended_at`,
  );
  return rows.map(({ outcome }) => outcome);
}
