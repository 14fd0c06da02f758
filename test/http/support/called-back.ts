// What tests of callbacks start from: a remote worker that accepts jobs, a server that it may call back, and a worker elsewhere that sends to it.
import { onTestFinished } from 'vitest';
import { type AnyJob, defineJob, type RemoteJobOptions } from '../../../src/domain/define-job.ts';
import type { TargetOptions } from '../../../src/domain/define-target.ts';
import { type HttpServer, type ServeSettings, serve } from '../../../src/http/index.ts';
import type { Unstuck } from '../../../src/unstuck.ts';
import {
  accepts,
  HERE,
  type RemoteWorker,
  remoteWorker,
  type Sent,
  targetAt,
} from '../../engine/targets/support/remote-worker.ts';
import { anything, eventually, type Setup, setup } from '../../support/unstuck.ts';

/** The token of the server: nobody is let in without one, though it is on this machine. */
export const TOKEN = 'a-token-of-sixteen-and-more';

/** An answer of the server. */
export interface Answered {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** What was made. */
export interface CalledBack extends Setup {
  readonly worker: RemoteWorker;
  readonly server: HttpServer;
  readonly assemble: AnyJob;
  /** The connection that sends. */
  readonly sender: Unstuck;
  /** Enqueues a job, and resolves with what its remote worker was sent of it. */
  readonly sent: (input?: unknown) => Promise<Sent>;
}

/** Makes them; the server and the sender are connections of their own, as in two processes. */
export async function calledBack(
  target: Partial<TargetOptions> = {},
  job: Partial<RemoteJobOptions<typeof anything>> = {},
  settings: ServeSettings = {},
): Promise<CalledBack> {
  const worker = await remoteWorker();
  worker.answer(accepts);
  const all = await setup(HERE);
  const server = await serve(all.unstuck, { port: 0, token: TOKEN, ...settings });
  onTestFinished(() => server.close());
  const sender = await all.connect({ publicUrl: server.url });
  const assemble = defineJob({
    type: 'assemble',
    input: anything,
    target: targetAt(worker, target),
    ...job,
  });
  await sender.work([assemble]);
  const sent = async (input: unknown = {}): Promise<Sent> => {
    const { id } = await sender.enqueue(assemble, input);
    return eventually(
      () => worker.posts.find((got) => got.sent.id === id)?.sent,
      'the job is sent',
    );
  };
  return { ...all, worker, server, sender, assemble, sent };
}

/** Calls back as a remote worker does: `what` below the URL that it was given, with the secret that it was given. */
export async function callBack(
  { callback, token }: Sent,
  what: string,
  more: object = {},
  authorization: string = callback?.authorization ?? '',
): Promise<Answered> {
  return post(`${callback?.url}/${what}`, { token, ...more }, authorization);
}

/** Sends JSON. */
export async function post(
  url: string,
  body: unknown,
  authorization: string | undefined,
): Promise<Answered> {
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(authorization === undefined ? {} : { authorization }),
    },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  return { status: response.status, body: text === '' ? {} : JSON.parse(text) };
}
