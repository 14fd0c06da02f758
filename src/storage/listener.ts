/** Listener: one LISTEN connection that reconnects for ever, pings itself, and says when something may have been missed. */
import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import type { Log } from '../domain/log.ts';
import { notify } from '../sql/enqueue.ts';
import { listen } from '../sql/session.ts';
import { Loop, stalledOf } from '../std/loop.ts';
import { settlesWithin } from '../std/timer.ts';
import type { Database } from './database.ts';
import { endClient } from './end-client.ts';

/** What a listener hears. */
export interface Hearing {
  /** A notification: `ready:type,type`, `cancel:worker`, … */
  heard(payload: string): void;
  /** The connection is new: whatever was sent before is lost, so look. */
  missed(): void;
}

const PING_MS = 10_000;
const PONG_MS = 3_000;

/** Keeps one connection listening on the schema's channel. Notifications are hints: who hears nothing still polls. */
export class Listener {
  #database: Database;
  #hearing: Hearing;
  #log: Log;
  #client: pg.Client | undefined;
  #pongs = new Map<string, () => void>();
  #loop: Loop;

  constructor(database: Database, hearing: Hearing, log: Log) {
    this.#database = database;
    this.#hearing = hearing;
    this.#log = log;
    this.#loop = new Loop({
      name: 'listener',
      round: () => this.#round(),
      onError: (error) => this.#lost(error),
    });
  }

  /** Starts listening; the first connection may come later. */
  start(): this {
    this.#loop.start();
    return this;
  }

  /** Stops and closes the connection. */
  async stop(): Promise<void> {
    const stopped = this.#loop.stop();
    await this.#end();
    await stopped;
    // A connection that was being opened meanwhile.
    await this.#end();
  }

  /** Its loop's name when that has no pulse. */
  get stalled(): string[] {
    return stalledOf([this.#loop]);
  }

  /** Whether the connection was alive at the last ping. */
  get connected(): boolean {
    return this.#client !== undefined;
  }

  async #end(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    if (client !== undefined) await endClient(client);
  }

  async #round(): Promise<number> {
    if (this.#client === undefined) await this.#connect();
    await this.#ping();
    return PING_MS;
  }

  async #connect(): Promise<void> {
    const client = this.#database.newClient('unstuck listener', {
      queryMs: this.#database.config.connectTimeout,
    });
    client.on('notification', (message) => this.#hear(message.payload ?? ''));
    client.on('end', () => this.#ended(client));
    await client.connect();
    try {
      await client.query(listen(this.#database.config.schema).text);
    } catch (error) {
      void endClient(client);
      throw error;
    }
    this.#client = client;
    this.#hearing.missed();
  }

  /** A connection whose LISTEN died silently (I4) does not hear its own nonce, and is replaced. */
  async #ping(): Promise<void> {
    const client = this.#client;
    if (client === undefined) return;
    const nonce = randomUUID();
    const heard = new Promise<void>((resolve) => this.#pongs.set(nonce, resolve));
    try {
      await this.#database.run(notify, [`ping:${nonce}`], client);
      if (!(await settlesWithin(heard, PONG_MS)))
        throw new Error('the listener did not hear its own ping');
    } finally {
      this.#pongs.delete(nonce);
    }
  }

  #hear(payload: string): void {
    if (!payload.startsWith('ping:')) return this.#hearing.heard(payload);
    this.#pongs.get(payload.slice(5))?.();
  }

  #ended(client: pg.Client): void {
    if (this.#client !== client) return;
    this.#client = undefined;
    this.#loop.wake();
  }

  #lost(error: unknown): void {
    this.#log.warn('listener_lost', { error });
    const client = this.#client;
    this.#client = undefined;
    if (client !== undefined) void endClient(client);
  }
}
