/** Running bridge: the loops of one bridge in one process. What has been taken is only known to Redis, so that nothing is lost with a process. */
import { randomUUID } from 'node:crypto';
import { deadEntry } from '../../domain/dead-entry.ts';
import type { BridgeDefinition } from '../../domain/define-bridge.ts';
import { JobIds } from '../../domain/job-id.ts';
import type { Log } from '../../domain/log.ts';
import { Loop } from '../../std/loop.ts';
import { settlesWithin } from '../../std/timer.ts';
import { storeAway, storeLook, takeLook } from '../../storage/bridges.ts';
import type { Database } from '../../storage/database.ts';
import { codeOf } from '../../storage/postgres-errors.ts';
import { BridgeHealth } from './bridge-health.ts';
import { type BridgeKeys, keysOf } from './bridge-keys.ts';
import { type Fate, type Sending, sendMessages, type TakenMessage } from './bridge-sender.ts';
import { measure } from './look.ts';
import { findLost } from './lost.ts';
import { RedisConnection } from './redis-connection.ts';
import { ADOPT, BURY, LEAVE, RENEW, TAKE } from './scripts.ts';

/** How long one wait for messages takes; an empty list costs two commands in this time. */
const WAIT_S = 1;
/** When nothing of a batch could be settled, although the database answers: somebody else is in the way. */
const BUSY_MS = 500;
const RENEWALS_PER_LEASE = 3;
const STOP_MS = 10_000;
const LEAVE_MS = 1_000;

/** A bridge that runs in this process, as one of its consumers. */
export class RunningBridge {
  readonly definition: BridgeDefinition;
  /** The connection of everything but the waits. */
  readonly redis: RedisConnection;
  readonly keys: BridgeKeys;
  #consumer = randomUUID();
  #database: Database;
  #sending: Sending;
  #log: Log;
  #url: string;
  #ids = new JobIds();
  #waiting: RedisConnection;
  #health: BridgeHealth;
  #loops: readonly Loop[];
  #stopping = false;

  constructor(
    definition: BridgeDefinition,
    url: string,
    database: Database,
    sending: Sending,
    log: Log,
  ) {
    this.definition = definition;
    this.keys = keysOf(definition);
    this.redis = new RedisConnection(url);
    this.#waiting = new RedisConnection(url);
    this.#url = url;
    this.#database = database;
    this.#sending = sending;
    this.#log = log;
    this.#health = new BridgeHealth(log, definition.name);
    this.#loops = [
      this.#loop('messages', () => this.#carry()),
      this.#loop('lease', () => this.#keep()),
      this.#loop('look', () => this.#look()),
    ];
  }

  /** Starts its loops, which go on through every outage. */
  start(): this {
    for (const loop of this.#loops) loop.start();
    return this;
  }

  /** Stops; what has been taken and not stored is adopted by another process, or by the next one. */
  async stop(): Promise<void> {
    this.#stopping = true;
    const stopped = Promise.all(this.#loops.map((loop) => loop.stop()));
    this.#waiting.close();
    await settlesWithin(stopped, STOP_MS);
    const { consumers, processing, lease } = this.keys;
    const keys = [lease(this.#consumer), processing(this.#consumer), consumers];
    await settlesWithin(this.redis.run(LEAVE, keys, [this.#consumer]), LEAVE_MS);
    this.redis.close();
  }

  #loop(name: string, round: () => Promise<number>): Loop {
    return new Loop({
      name: `bridge ${this.definition.name} ${name}`,
      round,
      onError: (error) => {
        if (!this.#stopping) this.#health.failed(name, error);
      },
    });
  }

  /** One batch from the list to the jobs. What Redis says to be processed by this consumer is all there is to do: also what is left of a round that failed. */
  async #carry(): Promise<number> {
    const taken = await this.#take();
    if (taken.length === 0) {
      await this.#wait();
      this.#health.worked('messages');
      return 0;
    }
    const fates = await sendMessages(this.#sending, this.definition, taken);
    await this.#settle(fates);
    const kept = fates.flatMap((fate) => (fate.kind === 'kept' ? [fate.error] : []));
    const away = kept.find((error) => !isBusy(error));
    if (away !== undefined) throw away;
    this.#health.worked('messages');
    return kept.length === fates.length ? BUSY_MS : 0;
  }

  async #take(): Promise<readonly TakenMessage[]> {
    const { batch, takeFrom, leaseMs } = this.definition;
    const { list, consumers, taken, processing, lease } = this.keys;
    const nowMs = Date.now();
    const ids = Array.from({ length: batch }, () => this.#ids.next(nowMs));
    const keys = [list, processing(this.#consumer), lease(this.#consumer), consumers, taken];
    const args = [this.#consumer, String(leaseMs), String(batch), takeFrom, ...ids];
    const flat = (await this.redis.run(TAKE, keys, args)) as readonly Buffer[];
    const messages: TakenMessage[] = [];
    for (let index = 0; index < flat.length; index += 2)
      messages.push({ id: String(flat[index]), raw: flat[index + 1] as Buffer });
    return messages.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  }

  /** The head of the list is moved to where it is: whoever is told of it has taken nothing yet. */
  async #wait(): Promise<void> {
    const { list } = this.keys;
    const end = this.definition.takeFrom;
    await this.#waiting.command(
      ['BLMOVE', list, list, end, end, String(WAIT_S)],
      WAIT_S * 1_000 + 5_000,
    );
  }

  /** Only now, after the commit, Redis forgets what it was asked to keep. */
  async #settle(fates: readonly Fate[]): Promise<void> {
    const { processing, dead } = this.keys;
    const own = processing(this.#consumer);
    const stored = fates.filter(({ kind }) => kind === 'stored').map(({ message }) => message.id);
    if (stored.length > 0) await this.redis.command(['HDEL', own, ...stored]);
    const refused = fates.filter((fate) => fate.kind === 'refused');
    if (refused.length === 0) return;
    const { name } = this.definition;
    const entries = refused.flatMap(({ message, code, reason }) => [
      message.id,
      deadEntry(message.raw, { bridge: name, code, reason }),
    ]);
    await this.redis.run(BURY, [own, dead], entries);
    const [{ code, reason } = { code: '', reason: '' }] = refused;
    this.#log.warn('bridge_messages_dead', { bridge: name, count: refused.length, code, reason });
  }

  /** Renews the lease, also while a batch waits for the database, and takes over what dead consumers have left. */
  async #keep(): Promise<number> {
    const { consumers, processing, lease } = this.keys;
    const { leaseMs, name } = this.definition;
    const own = [lease(this.#consumer), consumers];
    const all = (await this.redis.run(RENEW, own, [
      this.#consumer,
      String(leaseMs),
    ])) as readonly Buffer[];
    for (const consumer of all.map(String).filter((one) => one !== this.#consumer)) {
      const keys = [processing(consumer), lease(consumer), processing(this.#consumer), consumers];
      const moved = Number(await this.redis.run(ADOPT, keys, [consumer]));
      if (moved > 0)
        this.#log.warn('bridge_messages_adopted', { bridge: name, consumer, count: moved });
    }
    this.#health.worked('lease');
    return leaseMs / RENEWALS_PER_LEASE;
  }

  /** Whichever process takes the look measures the lists for all of them. */
  async #look(): Promise<number> {
    const { definition } = this;
    const { everyMs, name } = definition;
    const look = await takeLook(this.#database, definition, this.#url);
    if (look === undefined) {
      this.#health.worked('look', 'database');
      return everyMs / 2;
    }
    try {
      await storeLook(this.#database, name, await measure(this.redis, definition, this.keys));
    } catch (error) {
      if (codeOf(error).startsWith('REDIS_'))
        await storeAway(this.#database, name, (error as Error).message);
      throw error;
    }
    this.#health.worked('look');
    if (look.seek) await this.#seek();
    return everyMs;
  }

  /** Looks for lost messages. A query that fails keeps nobody from measuring; it is told, once, and asked again. */
  async #seek(): Promise<void> {
    const { definition, redis, keys } = this;
    const seeking = {
      database: this.#database,
      sending: this.#sending,
      log: this.#log,
      redis,
      keys,
    };
    try {
      await findLost(seeking, definition);
      this.#health.worked('lost');
    } catch (error) {
      this.#health.failed('lost', error);
    }
  }
}

function isBusy(error: unknown): boolean {
  return ['KEY_BUSY', 'POOL_BUSY'].includes(codeOf(error));
}
