/** Bridge sender: makes jobs of messages, stores each once, and says what became of which. */
import {
  type BridgeMessage,
  jobIdOf,
  readMessage,
  refusalOf,
} from '../../domain/bridge-message.ts';
import type { BridgeDefinition } from '../../domain/define-bridge.ts';
import { ERRORS, UnstuckError } from '../../domain/errors.ts';
import type { Enqueued } from '../../domain/job.ts';
import type { NewJob } from '../../domain/new-job.ts';
import type { Enqueuer } from '../../engine/enqueuer.ts';
import type { Preparer } from '../../engine/preparer.ts';
import { codeOf, isConnectionLost } from '../../storage/postgres-errors.ts';

/** A message that was taken. */
export interface TakenMessage {
  /** A job id that was given to it when it was taken: that of its job, unless the message has an id of its own. */
  readonly id: string;
  readonly raw: Buffer;
}

/** What became of a message. */
export type Fate =
  | { readonly message: TakenMessage; readonly kind: 'stored'; readonly created: boolean }
  | {
      readonly message: TakenMessage;
      readonly kind: 'refused';
      readonly code: string;
      readonly reason: string;
    }
  /** Neither: it is sent again. */
  | { readonly message: TakenMessage; readonly kind: 'kept'; readonly error: Error };

/** A message with the job that it means, or why there is none. */
type Prepared =
  | { readonly message: TakenMessage; readonly job: NewJob }
  | Exclude<Fate, { readonly kind: 'stored' }>;

/** What stores jobs. */
export interface Sending {
  readonly enqueuer: Pick<Enqueuer, 'enqueueOnce'>;
  readonly preparer: Preparer;
}

/** Codes that say nothing about the message: somebody else's transaction is in the way. */
const BUSY: ReadonlySet<string> = new Set(['KEY_BUSY', 'POOL_BUSY']);

/** Classes of errors of PostgreSQL: values, constraints, limits. */
const OF_VALUES = /^(?:22|23|54)/;

/** Sends messages; never throws. In the order of the messages. */
export async function sendMessages(
  { enqueuer, preparer }: Sending,
  bridge: BridgeDefinition,
  messages: readonly TakenMessage[],
): Promise<readonly Fate[]> {
  const prepared = await Promise.all(messages.map((one) => prepare(preparer, bridge, one)));
  // Two messages of one id are one job, which an insert may name once.
  const jobs = new Map(
    prepared.flatMap((one) => ('job' in one ? [[one.job.id, one.job] as const] : [])).toReversed(),
  );
  const ordered = [...jobs.values()].toReversed();
  const settled = await enqueuer.enqueueOnce(ordered);
  const outcomes = new Map(ordered.map(({ id }, index) => [id, settled[index]]));
  return prepared.map((one) =>
    'job' in one ? fateOf(one.message, outcomes.get(one.job.id)) : one,
  );
}

async function prepare(
  preparer: Preparer,
  bridge: BridgeDefinition,
  message: TakenMessage,
): Promise<Prepared> {
  let meant: BridgeMessage;
  try {
    meant = readMessage(bridge, message.raw);
  } catch (error) {
    return { message, kind: 'refused', ...refusalOf(error) };
  }
  try {
    const { type, input, options = {}, id } = meant;
    const job = await preparer.prepare(type, input, patient(type, options));
    return {
      message,
      job: { ...job, id: id === undefined ? message.id : jobIdOf(bridge.name, id) },
    };
  } catch (error) {
    return unsent(message, error);
  }
}

/** A producer cannot be told that a pool is full: its message waits for a slot as a job. */
function patient(
  type: BridgeMessage['type'],
  options: NonNullable<BridgeMessage['options']>,
): NonNullable<BridgeMessage['options']> {
  const slotted =
    options.slot !== undefined || (typeof type !== 'string' && type.slot !== undefined);
  return slotted && options.whenFull === undefined ? { ...options, whenFull: 'wait' } : options;
}

function fateOf(message: TakenMessage, settled: PromiseSettledResult<Enqueued> | undefined): Fate {
  if (settled?.status === 'fulfilled')
    return { message, kind: 'stored', created: settled.value.created };
  return unsent(message, settled?.reason);
}

function unsent(message: TakenMessage, error: unknown): Exclude<Fate, { readonly kind: 'stored' }> {
  if (isOfMessage(error)) return { message, kind: 'refused', ...refusalOf(error) };
  return { message, kind: 'kept', error: error as Error };
}

/**
 * Whether it is the message that cannot be stored: what the catalogue says to be the fault of a request, values that PostgreSQL refuses, and what functions of the
 * definition throw. A missing permission, a table that is gone, a database that is away would bury every message.
 */
function isOfMessage(error: unknown): boolean {
  if (!(error instanceof UnstuckError)) return codeOf(error) === '' && !isConnectionLost(error);
  if (error.code === 'ENQUEUE_REFUSED') return OF_VALUES.test(codeOf(error.cause));
  return ERRORS[error.code].status < 500 && !BUSY.has(error.code);
}
