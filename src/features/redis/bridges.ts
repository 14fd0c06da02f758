/** Bridges: Redis lists whose messages become jobs: what users do with them. */
import { randomUUID } from 'node:crypto';
import type { Bridge, DeadChange, DeadMessage, DeadPlace } from '../../domain/bridge.ts';
import { checkActor } from '../../domain/bulk.ts';
import { digestOfEntry, messageOfEntry, toDeadMessage } from '../../domain/dead-entry.ts';
import type { BridgeDefinition } from '../../domain/define-bridge.ts';
import { unstuckError } from '../../domain/errors.ts';
import { checkCount } from '../../domain/job-filter.ts';
import { JobIds } from '../../domain/job-id.ts';
import { noteAudit, openAudit } from '../../sql/audit.ts';
import { shown } from '../../std/shown.ts';
import { readBridge, readBridges, removeBridge } from '../../storage/bridges.ts';
import type { Database } from '../../storage/database.ts';
import type { Actor } from '../../storage/jobs.ts';
import type { BridgeRunner } from './bridge-runner.ts';
import type { RedisConnection } from './redis-connection.ts';
import { MOVE_DEAD } from './scripts.ts';

/** Which bridges to list. */
export interface BridgeFilter {
  /** 1 to 1000, default 1000. */
  readonly limit?: number;
  /** The name of the last bridge of the page before. */
  readonly after?: string;
}

/** Which dead messages to list: from the oldest on. */
export interface DeadFilter {
  /** 1 to 1000, default 50. */
  readonly limit?: number;
  /** The position of the last one of the page before. */
  readonly after?: number;
}

const PLACES_MAX = 1_000;
const POSITION_MAX = 1_000_000_000;

/** The bridges of an installation. */
export class Bridges {
  #database: Database;
  #runner: BridgeRunner;

  constructor(database: Database, runner: BridgeRunner) {
    this.#database = database;
    this.#runner = runner;
  }

  /**
   * Runs a bridge in this process until the connection is closed, through outages of Redis and of PostgreSQL; resolves when the database knows of it. Throws
   * REDIS_PACKAGE_MISSING, REDIS_URL_INVALID, OPTION_INVALID when one of this name runs here, or WORKER_STOPPED.
   */
  start(bridge: BridgeDefinition): Promise<void> {
    return this.#runner.start(bridge);
  }

  /** Returns a bridge as it was last looked at; undefined when there is none. */
  async get(name: string): Promise<Bridge | undefined> {
    return readBridge(this.#database, name).catch((error: unknown) => {
      if ((error as { code?: unknown }).code === 'BRIDGE_UNKNOWN') return undefined;
      throw error;
    });
  }

  /** Returns bridges in the order of their names. Throws REQUEST_INVALID for a limit outside 1 to 1000. */
  async list({ limit = 1_000, after = '' }: BridgeFilter = {}): Promise<Bridge[]> {
    return readBridges(this.#database, after, checkCount('limit', limit));
  }

  /** Forgets a bridge that is not run any more; its lists stay. A process that runs it brings it back. Throws BRIDGE_UNKNOWN. */
  async delete(name: string, actor: Actor = {}): Promise<void> {
    checkActor(actor);
    await this.#database.transaction(async (on) => {
      await removeBridge(this.#database, name, on);
      await this.#audit(['bridge-delete', actor, { bridge: name }], on);
    });
  }

  /** Returns dead messages, the oldest first. Throws BRIDGE_UNKNOWN, REQUEST_INVALID, REDIS_URL_INVALID or REDIS_UNREACHABLE. */
  async dead(name: string, { limit = 50, after = -1 }: DeadFilter = {}): Promise<DeadMessage[]> {
    const count = checkCount('limit', limit);
    const first = checkPosition(after + 1);
    const { deadList } = await readBridge(this.#database, name);
    const range = [-first - count, -first - 1].map(String);
    const entries = await this.#runner.lend(name, (redis) =>
      redis.command(['LRANGE', deadList, ...range]),
    );
    const oldestFirst = (entries as readonly Buffer[]).toReversed();
    return oldestFirst.map((entry, index) => toDeadMessage(entry, first + index));
  }

  /** Puts dead messages back into the list, as they came. Those that do not stand where they were seen are left alone. Throws what `dead` throws. */
  requeueDead(name: string, places: readonly DeadPlace[], actor: Actor = {}): Promise<DeadChange> {
    return this.#move('dead-requeue', name, places, actor);
  }

  /** Deletes dead messages. Those that do not stand where they were seen are left alone. Throws what `dead` throws. */
  deleteDead(name: string, places: readonly DeadPlace[], actor: Actor = {}): Promise<DeadChange> {
    return this.#move('dead-delete', name, places, actor);
  }

  /** The entry of the audit is there first: Redis and PostgreSQL have no transaction in common. */
  async #move(
    action: 'dead-requeue' | 'dead-delete',
    name: string,
    places: readonly DeadPlace[],
    actor: Actor,
  ): Promise<DeadChange> {
    checkActor(actor);
    const distinct = checkPlaces(places);
    const bridge = await readBridge(this.#database, name);
    return this.#runner.lend(name, async (redis) => {
      const asked = { bridge: name, list: bridge.deadList, places: distinct, done: null };
      const auditId = await this.#audit([action, actor, asked]);
      const moved = await move(redis, bridge, action === 'dead-requeue', distinct);
      const changed = distinct.filter((place) => !moved.has(place));
      const done = moved.size;
      await this.#database.run(noteAudit, [auditId, JSON.stringify({ done }), true]);
      return { done, changed };
    });
  }

  async #audit(
    [action, { by, reason }, detail]: readonly [action: string, actor: Actor, detail: object],
    on?: Parameters<Database['run']>[2],
  ): Promise<string> {
    const id = new JobIds().next(Date.now());
    const values = [id, by ?? null, action, reason ?? null, JSON.stringify(detail)];
    await this.#database.run(openAudit, values, on);
    return id;
  }
}

/** Moves the entries that stand at these places with these digests; returns which did. */
async function move(
  redis: RedisConnection,
  { deadList, list, takeFrom }: Bridge,
  back: boolean,
  places: readonly DeadPlace[],
): Promise<ReadonlySet<DeadPlace>> {
  const found = await messagesAt(redis, deadList, places);
  if (found.size === 0) return new Set();
  const there = [...found.keys()];
  const end = takeFrom === 'right' ? 'left' : 'right';
  const triples = [...found].flatMap(([{ position, digest }, message]) => [
    String(position),
    digest,
    message,
  ]);
  const args = [back ? end : 'nowhere', randomUUID(), ...triples];
  const marks = (await redis.run(MOVE_DEAD, [deadList, list], args)) as readonly number[];
  return new Set(there.filter((_, index) => marks[index] === 1));
}

/** The messages of the entries that are what they were seen to be: a message is only sent with the digest of its own entry. */
async function messagesAt(
  redis: RedisConnection,
  list: string,
  places: readonly DeadPlace[],
): Promise<ReadonlyMap<DeadPlace, Buffer>> {
  const messages = new Map<DeadPlace, Buffer>();
  for (const place of places) {
    const at = String(-1 - place.position);
    const entry = (await redis.command(['LINDEX', list, at])) as Buffer | null;
    if (entry !== null && digestOfEntry(entry) === place.digest)
      messages.set(place, messageOfEntry(entry));
  }
  return messages;
}

function checkPosition(position: unknown): number {
  if (
    Number.isInteger(position) &&
    (position as number) >= 0 &&
    (position as number) <= POSITION_MAX
  )
    return position as number;
  throw unstuckError(
    'REQUEST_INVALID',
    `Expected a position to be a whole number from 0, got ${shown(position)}.`,
  );
}

/** Of places that are named twice the first counts. */
function checkPlaces(places: readonly DeadPlace[]): readonly DeadPlace[] {
  const good = Array.isArray(places) && places.length >= 1 && places.length <= PLACES_MAX;
  if (!good)
    throw unstuckError(
      'REQUEST_INVALID',
      `Expected 1 to ${PLACES_MAX} places of dead messages, got ${shown(places)}.`,
    );
  const known = new Map<number, DeadPlace>();
  for (const { position, digest } of places) {
    checkPosition(position);
    if (typeof digest !== 'string' || !/^[0-9a-f]{40}$/.test(digest))
      throw unstuckError(
        'REQUEST_INVALID',
        `Expected the digest of a dead message, 40 hexadecimal digits, got ${shown(digest)}.`,
      );
    if (!known.has(position)) known.set(position, { position, digest });
  }
  return [...known.values()];
}
