/** Fills a queue through the bulk interface, as W1b does and every drain begins. */
import type { Measured } from '../process/measured.ts';
import type { Timed } from '../process/messages.ts';
import { type Context, TYPES } from './workload.ts';

const PER_CALL = 1_000;
const CALLERS = 2;

/** What differs from W1b. */
export interface Filling {
  readonly jobs: number;
  readonly types?: readonly string[];
  readonly bytes?: number;
  readonly delayMs?: number;
}

/** Prepares the system in its fresh database and returns a producer. */
export async function openProducer(
  context: Context,
  types: readonly string[] = TYPES,
): Promise<Measured> {
  const producer = await context.fork();
  await producer.ask('prepare', { types });
  await producer.ask('produce', { types });
  return producer;
}

/** Enqueues in bulk: 1,000 jobs per call from two callers, fewer when the payload is large. */
export function fill(producer: Measured, { types = TYPES, ...filling }: Filling): Promise<Timed> {
  const room = Math.floor(8_000_000 / (filling.bytes ?? 1));
  const each = Math.ceil(filling.jobs / types.length);
  const perCall = Math.max(1, Math.min(PER_CALL, each, room));
  return producer.ask('many', { ...filling, types, perCall, callers: CALLERS });
}
