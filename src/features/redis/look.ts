/** Look: measures the lists of a bridge. */
import { timeOfMessage } from '../../domain/bridge-message.ts';
import { digestOfEntry, timeOfEntry } from '../../domain/dead-entry.ts';
import type { BridgeDefinition } from '../../domain/define-bridge.ts';
import { timeOf } from '../../domain/job-id.ts';
import type { Measured } from '../../storage/bridges.ts';
import type { BridgeKeys } from './bridge-keys.ts';
import type { RedisConnection } from './redis-connection.ts';
import { LOOK } from './scripts.ts';

type Reply = readonly [
  waiting: number,
  processing: number,
  dead: number,
  taken: number,
  head: Buffer | null,
  least: Buffer | null,
  oldestDead: Buffer | null,
];

/** Measures, all at one moment. */
export async function measure(
  redis: RedisConnection,
  bridge: BridgeDefinition,
  { list, dead, consumers, taken, prefix }: BridgeKeys,
): Promise<Measured> {
  const reply = (await redis.run(
    LOOK,
    [list, dead, consumers, taken],
    [bridge.takeFrom, prefix],
  )) as Reply;
  const [waiting, processing, deadLength, takenTimes, head, least, oldestDead] = reply;
  return {
    waiting,
    processing,
    dead: deadLength,
    headMark: head === null ? null : digestOfEntry(head),
    headMs: head === null ? null : (timeOfMessage(bridge, head) ?? null),
    processingMs: least === null ? null : timeOf(String(least)),
    deadMark: oldestDead === null ? null : digestOfEntry(oldestDead),
    deadMs: oldestDead === null ? null : (timeOfEntry(oldestDead) ?? null),
    takenTimes,
  };
}
