/** Lost: finds messages that the producers have written into a table and that never reached the list, and sends them. */
import { idOfMessage, jobIdOf } from '../../domain/bridge-message.ts';
import { deadEntry, messageOfEntry, rowIdOfEntry } from '../../domain/dead-entry.ts';
import type {
  BridgeDefinition,
  ExpectedMessage,
  LostDefinition,
} from '../../domain/define-bridge.ts';
import { unstuckError } from '../../domain/errors.ts';
import type { Log } from '../../domain/log.ts';
import { isStorableText, toStorableText } from '../../domain/payload.ts';
import { findConflicts } from '../../sql/enqueue.ts';
import { shown } from '../../std/shown.ts';
import { noteLost } from '../../storage/bridges.ts';
import type { Database } from '../../storage/database.ts';
import type { BridgeKeys } from './bridge-keys.ts';
import { type Sending, sendMessages } from './bridge-sender.ts';
import type { RedisConnection } from './redis-connection.ts';
import { BURY_LOST } from './scripts.ts';

/** Where it looks, and through what it sends. */
interface Seeking {
  readonly database: Database;
  readonly sending: Sending;
  readonly log: Log;
  readonly redis: RedisConnection;
  readonly keys: BridgeKeys;
}

/** A message that should have been taken. */
interface Expected {
  readonly id: string;
  readonly jobId: string;
  readonly raw: Buffer;
}

const ROWS_MAX = 1_000;
const PAGE = 1_000;
/** In a longer list a message may be anywhere: there is a backlog then, which has its own finding. */
const LIST_MAX = 100_000;

/**
 * Looks for lost messages: expected, and neither a job (live, or ended and kept) nor in any list. Those are sent as jobs by their ids: one that comes after all, by the
 * list or by another process, is the same job. What cannot be one joins the dead.
 */
export async function findLost(seeking: Seeking, bridge: BridgeDefinition): Promise<void> {
  if (bridge.lost === undefined) return;
  const expected = await readExpected(seeking.database, bridge, bridge.lost);
  const unknown = await withoutJobs(seeking.database, expected);
  if (unknown.length === 0) return;
  const listed = await idsInLists(seeking, bridge);
  if (listed === undefined) return;
  // Once more: what was on its way has become a job while the lists were read.
  const lost = await withoutJobs(
    seeking.database,
    unknown.filter(({ id }) => !listed.has(id)),
  );
  if (lost.length > 0) await send(seeking, bridge, lost);
}

async function send(
  { database, sending, log, redis, keys }: Seeking,
  bridge: BridgeDefinition,
  lost: readonly Expected[],
): Promise<void> {
  const byJobId = new Map(lost.map((one) => [one.jobId, one]));
  // The id of the row counts, whatever the message says of itself.
  const rows = { ...bridge, id: undefined };
  const fates = await sendMessages(
    sending,
    rows,
    lost.map(({ jobId, raw }) => ({ id: jobId, raw })),
  );
  const named = (one: (typeof fates)[number]): string => byJobId.get(one.message.id)?.id ?? '';
  const sent = fates.filter((fate) => fate.kind === 'stored' && fate.created).map(named);
  const refused = fates.filter((fate) => fate.kind === 'refused');
  const entries = refused.map(({ message, code, reason }) =>
    deadEntry(message.raw, {
      bridge: bridge.name,
      code,
      reason,
      rowId: byJobId.get(message.id)?.id ?? '',
    }),
  );
  if (entries.length > 0) await redis.run(BURY_LOST, [keys.dead], entries);
  const ids = [...sent, ...refused.map(named)];
  if (ids.length > 0) {
    await noteLost(database, bridge.name, ids);
    const few = ids.slice(0, 20);
    log.warn('bridge_lost_found', {
      bridge: bridge.name,
      count: ids.length,
      dead: refused.length,
      ids: few,
    });
  }
  const kept = fates.find((fate) => fate.kind === 'kept');
  if (kept !== undefined) throw kept.error;
}

async function readExpected(
  database: Database,
  bridge: BridgeDefinition,
  { query, find }: LostDefinition,
): Promise<Expected[]> {
  const rows = query === undefined ? await find?.() : await queried(database, query);
  if (!Array.isArray(rows))
    throw unstuckError(
      'OPTION_INVALID',
      `Expected lost of bridge ${bridge.name} to return a list of { id, message }, got ${shown(rows)}.`,
    );
  const found = new Map<string, Expected>();
  for (const row of (rows as readonly ExpectedMessage[]).slice(0, ROWS_MAX)) {
    const id = String(row?.id ?? '');
    const { message } = row ?? {};
    const text = typeof message === 'string' ? message : JSON.stringify(message);
    if (id === '' || id.length > 1_000 || !isStorableText(id) || text === undefined)
      throw unstuckError(
        'OPTION_INVALID',
        `Expected lost of bridge ${bridge.name} to return rows with id and message, got ${shown(row)}.`,
      );
    checkSame(bridge, id, Buffer.from(text));
    found.set(id, { id, jobId: jobIdOf(bridge.name, id), raw: Buffer.from(text) });
  }
  return [...found.values()];
}

/** Else the message would be one job when it is found and another one when it comes by the list. */
function checkSame(bridge: BridgeDefinition, id: string, raw: Buffer): void {
  const own = idOfMessage(bridge, raw);
  if (own === undefined || own === id) return;
  throw unstuckError(
    'OPTION_INVALID',
    `Expected lost of bridge ${bridge.name} to return for each message the id that the bridge gives it, got ${shown(id)} for one with ${shown(own)}.`,
  );
}

async function queried(database: Database, text: string): Promise<readonly unknown[]> {
  return database.withClient(async (client) => (await client.query(text)).rows);
}

async function withoutJobs(
  database: Database,
  expected: readonly Expected[],
): Promise<readonly Expected[]> {
  if (expected.length === 0) return expected;
  const rows = await database.run(findConflicts, [expected.map(({ jobId }) => jobId), []]);
  const known = new Set(rows.map(({ id }) => id));
  return expected.filter(({ jobId }) => !known.has(jobId));
}

/**
 * The ids of the messages in the list, processed, and dead, read in the direction in which messages go, so that none is missed that moves on meanwhile;
 * undefined when the lists are too long to be read.
 */
async function idsInLists(
  { redis, keys, log }: Seeking,
  bridge: BridgeDefinition,
): Promise<ReadonlySet<string> | undefined> {
  const ids = new Set<string>();
  const add = (raw: Buffer): void => {
    const id = idOfMessage(bridge, raw);
    if (id !== undefined) ids.add(id);
  };
  // Producers push at the left when messages are taken from the right: from there pushes only move what has been read on.
  const whole = await eachOf(redis, keys.list, bridge.takeFrom === 'right', add);
  for (const consumer of (await redis.command(['SMEMBERS', keys.consumers])) as readonly Buffer[]) {
    const values = (await redis.command([
      'HVALS',
      keys.processing(String(consumer)),
    ])) as readonly Buffer[];
    values.forEach(add);
  }
  const wholeDead = await eachOf(redis, keys.dead, true, (entry) => {
    const rowId = rowIdOfEntry(entry);
    if (rowId !== undefined) ids.add(rowId);
    add(messageOfEntry(entry));
  });
  if (whole && wholeDead) return ids;
  log.warn('bridge_lost_not_sought', {
    bridge: bridge.name,
    reason: toStorableText(`a list has more than ${LIST_MAX} messages`),
  });
  return undefined;
}

async function eachOf(
  redis: RedisConnection,
  key: string,
  fromLeft: boolean,
  see: (raw: Buffer) => void,
): Promise<boolean> {
  for (let start = 0; start < LIST_MAX; start += PAGE) {
    const range = fromLeft ? [start, start + PAGE - 1] : [-start - PAGE, -start - 1];
    const page = (await redis.command(['LRANGE', key, ...range.map(String)])) as readonly Buffer[];
    page.forEach(see);
    if (page.length < PAGE) return true;
  }
  return false;
}
