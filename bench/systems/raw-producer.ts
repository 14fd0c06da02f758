/** Enqueues for the floor: all calls of the process are committed together, at most two flushes on their way. */
import { Client } from 'pg';
import type { Payload } from '../core/payload.ts';

const FLUSHES_MAX = 2;
const JOBS_MAX = 1_000;
const INSERT = {
  name: 'insert',
  text: `with stored as (
    insert into ready (payload) select value from jsonb_array_elements($1::jsonb) as given (value)
  )
  select pg_notify('ready', '')`,
};
const INSERT_LATER = {
  name: 'later',
  text: `insert into later (run_at, payload)
    select now() + $2 * interval '1 ms', value from jsonb_array_elements($1::jsonb) as given (value)`,
};

interface Waiting {
  readonly payload: Payload;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** The enqueueing side of the floor. */
export class RawProducer {
  #idle: Client[];
  #clients: readonly Client[];
  #waiting: Waiting[] = [];
  #scheduled = false;

  private constructor(clients: readonly Client[]) {
    this.#clients = clients;
    this.#idle = [...clients];
  }

  /** Opens its two connections. */
  static async connect(connectionString: string): Promise<RawProducer> {
    const clients = Array.from({ length: FLUSHES_MAX }, () => new Client({ connectionString }));
    await Promise.all(clients.map((client) => client.connect()));
    return new RawProducer(clients);
  }

  /** Resolves after the commit that contains the job. */
  enqueue(payload: Payload): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.push({ payload, resolve, reject });
    this.#schedule();
    return promise;
  }

  /** Resolves after the commits that contain the jobs. */
  async enqueueMany(payloads: readonly Payload[], delayMs?: number): Promise<void> {
    if (delayMs === undefined) {
      await Promise.all(payloads.map((payload) => this.enqueue(payload)));
    } else {
      const client = this.#clients[0];
      await client?.query({ ...INSERT_LATER, values: [JSON.stringify(payloads), delayMs] });
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.end()));
  }

  #schedule(): void {
    if (this.#scheduled || this.#idle.length === 0) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#flushAll();
    });
  }

  #flushAll(): void {
    while (this.#waiting.length > 0) {
      const client = this.#idle.pop();
      if (client === undefined) return;
      const flushed = this.#waiting.splice(0, JOBS_MAX);
      void this.#flush(client, flushed);
    }
  }

  async #flush(client: Client, flushed: readonly Waiting[]): Promise<void> {
    try {
      const values = [JSON.stringify(flushed.map(({ payload }) => payload))];
      await client.query({ ...INSERT, values });
      for (const { resolve } of flushed) resolve();
    } catch (error) {
      for (const { reject } of flushed) reject(error);
    } finally {
      this.#idle.push(client);
      if (this.#waiting.length > 0) this.#schedule();
    }
  }
}
