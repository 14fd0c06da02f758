/** Bridge runner: the bridges of this process. */
import type { BridgeDefinition } from '../../domain/define-bridge.ts';
import { unstuckError } from '../../domain/errors.ts';
import type { Log } from '../../domain/log.ts';
import { checkRedisUrl } from '../../domain/redis-url.ts';
import { register } from '../../storage/bridges.ts';
import type { Database } from '../../storage/database.ts';
import type { Sending } from './bridge-sender.ts';
import { loadRedis, RedisConnection } from './redis-connection.ts';
import { RunningBridge } from './running-bridge.ts';

/** Starts bridges, stops them, and lends their connections. */
export class BridgeRunner {
  #database: Database;
  #sending: Sending;
  #log: Log;
  #running = new Map<string, RunningBridge>();
  #stopped = false;

  constructor(database: Database, sending: Sending, log: Log) {
    this.#database = database;
    this.#sending = sending;
    this.#log = log;
  }

  /** Starts a bridge; resolves when the database knows of it. Throws REDIS_PACKAGE_MISSING, REDIS_URL_INVALID, OPTION_INVALID, WORKER_STOPPED. */
  async start(definition: BridgeDefinition): Promise<void> {
    const { name } = definition;
    const url = urlOf(definition.redis, `bridge ${name}`);
    await loadRedis();
    await register(this.#database, definition, url);
    if (this.#stopped)
      throw unstuckError(
        'WORKER_STOPPED',
        'This connection has been closed. Connect again before you start a bridge.',
      );
    if (this.#running.has(name))
      throw unstuckError(
        'OPTION_INVALID',
        `Expected bridges of different names, got ${name} twice in one process.`,
      );
    const running = new RunningBridge(definition, url, this.#database, this.#sending, this.#log);
    this.#running.set(name, running.start());
    this.#log.info('bridge_started', { bridge: name, list: definition.list });
  }

  /** Gives the connection of a bridge that runs here, else one to UNSTUCK_REDIS_URL. Throws REDIS_URL_INVALID. */
  async lend<T>(name: string, work: (redis: RedisConnection) => Promise<T>): Promise<T> {
    const running = this.#running.get(name);
    if (running !== undefined) return work(running.redis);
    const redis = new RedisConnection(
      urlOf(undefined, `bridge ${name} (which does not run in this process)`),
    );
    try {
      return await work(redis);
    } finally {
      redis.close();
    }
  }

  /** Stops every bridge. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all([...this.#running.values()].map((bridge) => bridge.stop()));
  }
}

function urlOf(given: string | undefined, where: string): string {
  return checkRedisUrl(given ?? process.env['UNSTUCK_REDIS_URL'], where);
}
