/** Redis connection: one connection to a Redis that is made anew after every failure; each command is bounded in time. */
import type * as redis from 'redis';
import { UnstuckError, unstuckError } from '../../domain/errors.ts';
import { redisPlace, withoutCredentials } from '../../domain/redis-url.ts';
import { settlesWithin } from '../../std/timer.ts';
import type { Script } from './scripts.ts';

/** What a command or a script is given. */
export type Argument = string | Buffer;

type RedisPackage = Pick<typeof redis, 'createClient' | 'RESP_TYPES'>;

/** What is used of a client. */
interface Client {
  on(event: 'error', listener: (error: Error) => void): unknown;
  connect(): Promise<unknown>;
  sendCommand(args: readonly Argument[]): Promise<unknown>;
  destroy(): void;
}

const COMMAND_MS = 5_000;
const CONNECT_MS = 5_000;
/** What a Redis answers that is there and cannot serve yet, or is not the one that writes. */
const PASSING = /^(?:LOADING|MASTERDOWN|READONLY|BUSY|TRYAGAIN|CLUSTERDOWN|NOREPLICAS|MISCONF)\b/;

/**
 * One connection. Whatever goes wrong with it, it is given up, the command throws REDIS_UNREACHABLE, and the next one connects again: the loops that use it repeat,
 * with backoff and for ever. An error that Redis answers is REDIS_REFUSED. No message holds the credentials of the address.
 */
export class RedisConnection {
  #url: string;
  #client: Promise<Client> | undefined;
  #closed = false;

  constructor(url: string) {
    this.#url = url;
  }

  /** Sends a command; bulk replies are buffers. `withinMs`: how long the answer may take, for those that block. */
  async command(args: readonly Argument[], withinMs: number = COMMAND_MS): Promise<unknown> {
    const opening = (this.#client ??= this.#connect());
    let opened = false;
    try {
      const client = await opening;
      opened = true;
      const reply = client.sendCommand(args);
      if (await settlesWithin(reply, withinMs)) return await reply;
      // It rejects when the client is destroyed, and nobody waits for it any more.
      reply.catch(() => undefined);
      throw new Error(`no answer within ${withinMs} ms`);
    } catch (error) {
      const told = isAnswer(error) ? this.#told(error) : this.#lost(error);
      // After a failover another server is behind the address.
      if (!opened || told.code !== 'REDIS_REFUSED') this.#giveUp(opening);
      throw told;
    }
  }

  /** Runs a script, as a whole or not at all. */
  run(script: Script, keys: readonly string[], args: readonly Argument[] = []): Promise<unknown> {
    return this.command(['EVAL', script.text, String(keys.length), ...keys, ...args]);
  }

  /** Ends the connection; commands that wait are rejected, and further ones refused. */
  close(): void {
    this.#closed = true;
    if (this.#client !== undefined) this.#giveUp(this.#client);
  }

  async #connect(): Promise<Client> {
    if (this.#closed) throw new Error('the connection has been closed');
    const client = await makeClient(this.#url);
    // Without a listener an error of the socket would end the process; the commands that it fails tell of it.
    client.on('error', () => undefined);
    const connecting = client.connect();
    if (await settlesWithin(connecting, CONNECT_MS + 500)) {
      await connecting;
      return client;
    }
    connecting.catch(() => undefined);
    client.destroy();
    throw new Error(`no connection within ${CONNECT_MS} ms`);
  }

  #giveUp(opening: Promise<Client>): void {
    if (this.#client === opening) this.#client = undefined;
    opening.then(
      (client) => destroy(client),
      () => undefined,
    );
  }

  #told(error: Error): UnstuckError {
    const message = withoutCredentials(error.message, this.#url);
    const code = PASSING.test(message) ? 'REDIS_UNREACHABLE' : 'REDIS_REFUSED';
    return unstuckError(code, `Redis (${redisPlace(this.#url)}) answered: ${message}`);
  }

  /** Without its cause: errors of addresses carry the address. */
  #lost(error: unknown): UnstuckError {
    if (error instanceof UnstuckError) return error;
    const message = withoutCredentials((error as Error).message, this.#url);
    const why = message === '' ? String((error as { code?: unknown }).code) : message;
    return unstuckError(
      'REDIS_UNREACHABLE',
      `Redis (${redisPlace(this.#url)}) could not be reached: ${why}.`,
    );
  }
}

/** Loads the package. Throws REDIS_PACKAGE_MISSING. */
export async function loadRedis(): Promise<RedisPackage> {
  try {
    return await import('redis');
  } catch (cause) {
    throw unstuckError(
      'REDIS_PACKAGE_MISSING',
      'A bridge needs the package redis, which could not be loaded. Install it: npm install redis.',
      { cause },
    );
  }
}

async function makeClient(url: string): Promise<Client> {
  const { createClient, RESP_TYPES } = await loadRedis();
  return createClient({
    url,
    RESP: 2,
    name: 'unstuck',
    disableClientInfo: true,
    disableOfflineQueue: true,
    socket: { reconnectStrategy: false, connectTimeout: CONNECT_MS, keepAlive: true },
    // Messages are bytes: as texts those that are no UTF-8 would be changed.
    commandOptions: { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } },
  });
}

/** Errors of the protocol are answers: `WRONGTYPE …`, `NOAUTH …`; those of sockets have other words or a code. */
function isAnswer(error: unknown): error is Error {
  return error instanceof Error && !('code' in error) && /^[A-Z]{2,}\b/.test(error.message);
}

function destroy(client: Client): void {
  try {
    client.destroy();
  } catch {
    // It had ended by itself.
  }
}
