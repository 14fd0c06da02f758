/** Bridges: reads and writes how they stand. */
import type { Bridge, BridgeList } from '../domain/bridge.ts';
import type { BridgeDefinition } from '../domain/define-bridge.ts';
import { unstuckError } from '../domain/errors.ts';
import { toStorableText } from '../domain/payload.ts';
import { redisPlace } from '../domain/redis-url.ts';
import {
  type BridgeRow,
  deleteBridge,
  findBridge,
  listBridges,
  noteBridgeLost,
  registerBridge,
  storeBridgeAway,
  storeBridgeLook,
  takeBridgeLook,
} from '../sql/bridges.ts';
import { shown } from '../std/shown.ts';
import type { Database, Executor } from './database.ts';

const ERROR_MAX = 1_000;

/** What a look has found; times in ms since 1970, null when unknown. */
export interface Measured {
  readonly waiting: number;
  readonly processing: number;
  readonly dead: number;
  readonly headMark: string | null;
  readonly headMs: number | null;
  readonly processingMs: number | null;
  readonly deadMark: string | null;
  readonly deadMs: number | null;
  readonly takenTimes: number;
}

/** Makes a bridge known. */
export async function register(
  database: Database,
  bridge: BridgeDefinition,
  url: string,
): Promise<void> {
  await database.run(registerBridge, settingsOf(bridge, url));
}

/** Takes the next look when it is due; undefined when it is not. `seek`: lost messages are to be looked for too. */
export async function takeLook(
  database: Database,
  bridge: BridgeDefinition,
  url: string,
): Promise<{ readonly seek: boolean } | undefined> {
  const values = [...settingsOf(bridge, url), bridge.lost?.everyMs ?? null];
  return (await database.run(takeBridgeLook, values))[0];
}

/** Stores what a look has found. */
export async function storeLook(database: Database, name: string, found: Measured): Promise<void> {
  const { waiting, processing, dead, headMark, headMs, processingMs, deadMark, deadMs } = found;
  const values = [waiting, processing, dead, headMark, headMs, processingMs, deadMark, deadMs];
  await database.run(storeBridgeLook, [name, ...values, found.takenTimes]);
}

/** Notes that Redis could not be asked. */
export async function storeAway(database: Database, name: string, error: string): Promise<void> {
  await database.run(storeBridgeAway, [name, toStorableText(error).slice(0, ERROR_MAX)]);
}

/** Notes lost messages that were found and sent. */
export async function noteLost(
  database: Database,
  name: string,
  ids: readonly string[],
): Promise<void> {
  await database.run(noteBridgeLost, [name, ids]);
}

/** Reads one bridge. Throws BRIDGE_UNKNOWN. */
export async function readBridge(database: Database, name: string): Promise<Bridge> {
  const [row] = await database.run(findBridge, [name]);
  if (row === undefined) throw unknown(name);
  return toBridge(row);
}

/** Reads bridges behind a name, in the order of their names. */
export async function readBridges(
  database: Database,
  after: string,
  limit: number,
): Promise<Bridge[]> {
  return (await database.run(listBridges, [after, limit])).map(toBridge);
}

/** Deletes what is known of a bridge. Throws BRIDGE_UNKNOWN. */
export async function removeBridge(database: Database, name: string, on: Executor): Promise<void> {
  const [row] = await database.run(deleteBridge, [name], on);
  if (row === undefined) throw unknown(name);
}

function unknown(name: string): Error {
  return unstuckError('BRIDGE_UNKNOWN', `There is no bridge ${shown(name)}.`, { detail: { name } });
}

function settingsOf(
  { name, list, dead, everyMs, lateMs, takeFrom }: BridgeDefinition,
  url: string,
): unknown[] {
  return [name, list, dead, redisPlace(url), everyMs, lateMs, takeFrom];
}

function toBridge(row: BridgeRow): Bridge {
  return {
    name: row.name,
    list: row.list,
    deadList: row.dead_list,
    takeFrom: row.take_from as Bridge['takeFrom'],
    address: row.address,
    state: row.state as Bridge['state'],
    lastError: row.last_error,
    awayAt: row.away_at,
    lookedAt: row.looked_at,
    nextLook: row.next_look,
    lateAfter: Number(row.late_ms),
    waiting: listOf(row.waiting, row.waiting_oldest_at, row.waiting_growth),
    processing: listOf(row.processing, row.processing_oldest_at, row.processing_growth),
    dead: listOf(row.dead, row.dead_oldest_at, row.dead_growth),
    takenTimes: Number(row.taken_times),
    lostTimes: Number(row.lost_times),
    lostIds: row.lost_ids,
    lostLookAt: row.lost_look_at,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

function listOf(length: string, oldestAt: Date | null, growth: number | null): BridgeList {
  return { length: Number(length), oldestAt, growthPerMinute: growth };
}
