/** Bridge health: tells in the log when something on the way of the messages goes away and comes back, once each. */
import type { Log } from '../../domain/log.ts';
import { isConnectionLost } from '../../storage/postgres-errors.ts';

/** What a bridge needs, or the work itself. */
type Part = 'redis' | 'database' | 'work';

const EVENTS: Readonly<Record<Part, readonly [gone: string, back: string]>> = {
  redis: ['bridge_redis_away', 'bridge_redis_back'],
  database: ['bridge_database_away', 'bridge_database_back'],
  work: ['bridge_failed', 'bridge_works_again'],
};

/** What is the matter with one bridge in this process. */
export class BridgeHealth {
  #log: Log;
  #bridge: string;
  #troubles = new Map<string, { readonly part: Part; readonly message: string }>();

  constructor(log: Log, bridge: string) {
    this.#log = log;
    this.#bridge = bridge;
  }

  /** A round of a loop has failed. */
  failed(loop: string, error: unknown): void {
    const part = partOf(error);
    const { message } = error as Error;
    const known = this.#troubles.get(loop);
    const told = [...this.#troubles.values()].some(
      (one) => one.part === part && (part !== 'work' || one.message === message),
    );
    this.#troubles.set(loop, { part, message });
    if (known !== undefined && known.part !== part) this.#tellBack(known.part);
    if (!told) this.#log.warn(EVENTS[part][0], { bridge: this.#bridge, error });
  }

  /** A round of a loop has gone well; with a part, only that has been seen to be there. */
  worked(loop: string, part?: Part): void {
    const known = this.#troubles.get(loop);
    if (known === undefined || (part !== undefined && known.part !== part)) return;
    this.#troubles.delete(loop);
    this.#tellBack(known.part);
  }

  #tellBack(part: Part): void {
    const others = [...this.#troubles.values()].some((one) => one.part === part);
    if (!others) this.#log.info(EVENTS[part][1], { bridge: this.#bridge });
  }
}

function partOf(error: unknown): Part {
  const { code } = error as { code?: unknown };
  if (code === 'REDIS_UNREACHABLE') return 'redis';
  return code === 'DATABASE_UNREACHABLE' || isConnectionLost(error) ? 'database' : 'work';
}
