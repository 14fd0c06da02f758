// A worker in another language, as the API sees it.
import { randomUUID } from 'node:crypto';
import { createHandler, type Handler } from '../../src/http/index.ts';
import type { Unstuck } from '../../src/unstuck.ts';
import { eventually, type Setup } from './unstuck.ts';

/** A job as a worker is given it. */
export interface Pulled {
  readonly id: string;
  readonly token: string;
  readonly type: string;
  readonly input: unknown;
  readonly attempt: number;
  readonly crashes: number;
  readonly expires_at: string;
}

/** An answer of the API. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: { readonly jobs: readonly Pulled[] } & Readonly<Record<string, unknown>>;
}

/** One worker in another language: what it would send. */
export class Remote {
  readonly id: string = randomUUID();
  /** Sends what a fetch is given; its signal ends it. */
  #send: (path: string, init: RequestInit) => Promise<Response>;

  /** Speaks to a handler, to one of an Unstuck, or to a server at an address. */
  constructor(to: Unstuck | Handler | string) {
    if (typeof to === 'string') this.#send = (path, init) => fetch(`${to}${path}`, init);
    else {
      const handle = typeof to === 'function' ? to : createHandler(to);
      this.#send = (path, init) => handle(new Request(`http://localhost${path}`, init));
    }
  }

  async post(path: string, body: unknown, signal?: AbortSignal): Promise<Answer> {
    const headers = { 'content-type': 'application/json' };
    const init = { method: 'POST', headers, body: JSON.stringify(body), signal: signal ?? null };
    const response = await this.#send(`/v1/${path}`, init);
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      body: text === '' ? {} : JSON.parse(text),
    };
  }

  claim(body: object, signal?: AbortSignal): Promise<Answer> {
    return this.post(`workers/${this.id}/claim`, body, signal);
  }

  /** Claims one job of a type, which must be there or come. */
  async take(type: string, more: object = {}): Promise<Pulled> {
    const { body } = await this.claim({ types: [type], wait: '20s', ...more });
    return body.jobs[0] as Pulled;
  }

  say(what: string, { id, token }: Pulled, more: object = {}): Promise<Answer> {
    return this.post(`claims/${id}/${what}`, { token, ...more });
  }
}

/** How the attempts of a job ended that did not simply succeed, oldest first. */
export async function outcomes({ query }: Setup, id: string): Promise<string[]> {
  const rows = await query<{ outcome: string }>(
    'select outcome from unstuck.attempts where job_id = $1 order by ended_at',
    [id],
  );
  return rows.map(({ outcome }) => outcome);
}

/** Makes a worker silent for longer than its lease, and lets the sweep find out. */
export async function die(
  { query, unstuck }: Setup,
  { id: worker }: Remote,
  id: string,
): Promise<void> {
  await query(
    `update unstuck.workers set lease_until = unstuck.clock() - interval '1 s' where id = $1`,
    [worker],
  );
  await eventually(
    async () => (await unstuck.get(id))?.state !== 'running',
    'the job is taken back',
  );
}
