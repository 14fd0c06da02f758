/** Notifier: tells other processes that jobs are ready; at most one notification per interval, and never loses the last one. */
import type { Log } from '../domain/log.ts';
import { notify } from '../sql/enqueue.ts';
import { monotonicMs } from '../std/timer.ts';
import type { Database } from '../storage/database.ts';

/** A job waits this long for its worker to hear of it at most; at 5 ms that was most of its way at thousands a second. */
const INTERVAL_MS = 2;
const TYPES_MAX = 50;

/** Throttles `ready:` notifications with a trailing edge. A notification per row cost 3.4 times the throughput at 16 clients. */
export class Notifier {
  #database: Database;
  #log: Log;
  #enabled: boolean;
  #lastAt = Number.NEGATIVE_INFINITY;
  #later = new Set<string>();
  #timer: NodeJS.Timeout | undefined;

  constructor(database: Database, log: Log) {
    this.#database = database;
    this.#log = log;
    this.#enabled = database.config.notify;
  }

  /** Returns what the inserting statement must send for these types, or null: then it is sent a little later. */
  take(types: Iterable<string>): string | null {
    if (!this.#enabled) return null;
    for (const type of types) this.#later.add(type);
    if (monotonicMs() - this.#lastAt >= INTERVAL_MS) return this.#takeLater();
    this.#timer ??= setTimeout(() => void this.#send(), INTERVAL_MS);
    return null;
  }

  async #send(): Promise<void> {
    const payload = this.#takeLater();
    await this.#database
      .run(notify, [payload])
      .catch((error: unknown) => this.#log.debug('notify_failed', { error }));
  }

  /** What waits to be sent goes with the next statement that may: one of its own would cost a commit. */
  #takeLater(): string {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#lastAt = monotonicMs();
    const payload = readyPayload(this.#later);
    this.#later.clear();
    return payload;
  }

  /** Sends what waits to be sent, and nothing more. */
  async stop(): Promise<void> {
    if (this.#timer !== undefined) await this.#send();
  }
}

/** The payload for these types; `ready:*` when there are too many to name (a payload has at most 8,000 bytes). */
export function readyPayload(types: Iterable<string>): string {
  const list = [...new Set(types)];
  const payload = `ready:${list.join(',')}`;
  return list.length > TYPES_MAX || payload.length > 2_000 ? 'ready:*' : payload;
}

/** The payload for jobs that stand before these keys of limits; `limit:*` when there are too many to name. */
export function limitPayload(keys: Iterable<string>): string {
  const payload = `limit:${JSON.stringify([...new Set(keys)])}`;
  return payload.length > 2_000 ? 'limit:*' : payload;
}
