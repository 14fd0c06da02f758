/** Bridges: a Redis list that producers push to, whose messages become jobs. */
import type { Duration } from '../std/duration.ts';
import { parseDuration } from '../std/duration.ts';
import { shown } from '../std/shown.ts';
import { type AnyJob, isDefinition } from './define-job.ts';
import { unstuckError } from './errors.ts';
import type { EnqueueOptions } from './job.ts';
import { refuseUnknown } from './known-options.ts';
import { isName, NAME_WORDS } from './names.ts';
import { checkRedisUrl } from './redis-url.ts';

/** The job that a message means. */
export interface BridgedJob {
  /** A definition, whose schema checks the input, or the name of a type. */
  readonly type: AnyJob | string;
  readonly input: unknown;
  readonly options?: EnqueueOptions;
}

/** A row of the producers' own table whose message should have been taken by now. */
export interface ExpectedMessage {
  /** What `id` of the bridge says of its message. */
  readonly id: string | number | bigint;
  /** The message: its text, or the value of which it is the JSON. */
  readonly message: unknown;
}

/** How messages are found that were written into a table and never reached the list. */
export interface LostOptions {
  /** SQL on the database of Unstuck that returns `id` and `message` of rows that should have been taken; a message of type text is taken as it is. Excludes `find`. */
  readonly query?: string;
  /** Returns them, from wherever they are. Excludes `query`. Only the first 1,000 are looked at. */
  readonly find?: () => Promise<readonly ExpectedMessage[]>;
  /** How often. Default 1 minute, from 1 s to 1 day. */
  readonly every?: Duration;
}

/** What `defineBridge` takes. */
export interface BridgeOptions<Message> {
  /** 1 to 200 letters, digits and `. _ : / -`. Processes that run bridges of one name share the work; the name is part of the ids of the jobs. */
  readonly name: string;
  /** `redis://…` or `rediss://…`. Default UNSTUCK_REDIS_URL. */
  readonly redis?: string | undefined;
  /** The key of the list. */
  readonly list: string;
  /** The key of the list of dead messages. Default: that of the list and `:dead`. */
  readonly dead?: string;
  /** The end at which messages are taken. Default `right`: producers use LPUSH. */
  readonly takeFrom?: 'left' | 'right';
  /** The job type whose input a message is, or what a message means. What a function throws makes the message a dead one. */
  readonly job: AnyJob | ((message: Message) => BridgedJob);
  /** What tells one message from another: of all messages that have the same, one runs. Without it, or where it returns nothing, every push is a job of its own. */
  readonly id?: (message: Message) => string | number | bigint | null | undefined;
  /** When a message was sent, for its age. Default: its `sentAt`, `sent_at`, `createdAt`, `created_at`, `enqueuedAt`, `enqueued_at` or `timestamp`. */
  readonly at?: (message: Message) => Date | string | number | null | undefined;
  /** How many messages are taken at once. Default 100, from 1 to 1000. */
  readonly batch?: number;
  /** How often the lists are measured. Default 5 s, from 1 s to 1 hour; at least as often as lost messages are looked for. */
  readonly every?: Duration;
  /** How long a silent process keeps the messages that it has taken. Default 10 s, from 1 s to 1 hour. */
  readonly lease?: Duration;
  /** After how long in the list a message is late, and a finding says so. Default 5 minutes, from 1 s to 10 years. */
  readonly lateAfter?: Duration;
  /** How messages are found that never reached the list. Needs `id`. */
  readonly lost?: LostOptions;
}

/** A bridge with its defaults filled in; times in milliseconds. */
export interface BridgeDefinition {
  readonly kind: 'unstuck-bridge';
  readonly name: string;
  /** The address with its password, which is not enumerable, so that printing a definition does not show it; undefined for UNSTUCK_REDIS_URL. */
  readonly redis: string | undefined;
  readonly list: string;
  readonly dead: string;
  readonly takeFrom: 'left' | 'right';
  readonly job: AnyJob | ((message: never) => BridgedJob);
  readonly id: ((message: never) => unknown) | undefined;
  readonly at: ((message: never) => unknown) | undefined;
  readonly batch: number;
  readonly everyMs: number;
  readonly leaseMs: number;
  readonly lateMs: number;
  readonly lost: LostDefinition | undefined;
}

/** `LostOptions` with its defaults filled in. */
export interface LostDefinition {
  readonly query: string | undefined;
  readonly find: (() => Promise<readonly ExpectedMessage[]>) | undefined;
  readonly everyMs: number;
}

const KNOWN: readonly string[] = [
  'name',
  'redis',
  'list',
  'dead',
  'takeFrom',
  'job',
  'id',
  'at',
  'batch',
  'every',
  'lease',
  'lateAfter',
  'lost',
];
const SECOND = 1_000;
const HOUR = 3_600_000;
const DAY = 86_400_000;

/** Defines a bridge. Throws OPTION_INVALID, OPTION_UNKNOWN or REDIS_URL_INVALID when it cannot work. */
export function defineBridge<Message = unknown>(options: BridgeOptions<Message>): BridgeDefinition {
  const { name, list, dead = `${list}:dead`, takeFrom = 'right', batch = 100 } = options;
  demand(isName(name), `the name of a bridge to be ${NAME_WORDS}`, name);
  const where = `bridge ${name}`;
  refuseUnknown(options, KNOWN, where);
  demand(isKey(list), `list of ${where} to be a key of 1 to 500 characters`, list);
  demand(isKey(dead) && dead !== list, `dead of ${where} to be the key of another list`, dead);
  demand(
    ['left', 'right'].includes(takeFrom),
    `takeFrom of ${where} to be left or right`,
    takeFrom,
  );
  const { job, id, at } = options;
  demand(
    typeof job === 'function' || isDefinition(job),
    `job of ${where} to be a definition or a function`,
    job,
  );
  demand(isFunctionOrNone(id), `id of ${where} to be a function`, id);
  demand(isFunctionOrNone(at), `at of ${where} to be a function`, at);
  demand(
    Number.isInteger(batch) && batch >= 1 && batch <= 1_000,
    `batch of ${where} to be a whole number from 1 to 1000`,
    batch,
  );
  const lost = toLost(options.lost, id !== undefined, where);
  const everyMs = within(options.every ?? '5s', `every of ${where}`, HOUR);
  const definition = {
    kind: 'unstuck-bridge' as const,
    name,
    list,
    dead,
    takeFrom,
    job,
    id,
    at,
    batch,
    everyMs: Math.min(everyMs, lost?.everyMs ?? everyMs),
    leaseMs: within(options.lease ?? '10s', `lease of ${where}`, HOUR),
    lateMs: within(options.lateAfter ?? '5m', `lateAfter of ${where}`, 3_650 * DAY),
    lost,
  };
  const redis = options.redis === undefined ? undefined : checkRedisUrl(options.redis, where);
  Object.defineProperty(definition, 'redis', { value: redis, enumerable: false });
  return Object.freeze(definition) as unknown as BridgeDefinition;
}

function toLost(
  lost: LostOptions | undefined,
  named: boolean,
  where: string,
): LostDefinition | undefined {
  if (lost === undefined) return undefined;
  refuseUnknown(lost, ['query', 'find', 'every'], where, 'lost.');
  const { query, find } = lost;
  demand(
    named,
    `${where} to have id beside lost: a message without one cannot be recognised`,
    'none',
  );
  demand(
    (query === undefined) !== (find === undefined) &&
      (query === undefined
        ? isFunctionOrNone(find)
        : typeof query === 'string' && query.trim() !== ''),
    `lost of ${where} to have query (a text) or find (a function)`,
    Object.keys(lost).join(', '),
  );
  return { query, find, everyMs: within(lost.every ?? '1m', `lost.every of ${where}`, DAY) };
}

/** NUL is good for Redis and bad for the table in which the key is told. */
function isKey(value: unknown): value is string {
  return typeof value === 'string' && /^[^\0]{1,500}$/u.test(value);
}

function isFunctionOrNone(value: unknown): boolean {
  return value === undefined || typeof value === 'function';
}

function within(value: Duration, what: string, maxMs: number): number {
  const ms = parseDuration(value);
  if (ms !== undefined && ms >= SECOND && ms <= maxMs) return ms;
  throw unstuckError(
    'OPTION_INVALID',
    `Expected ${what} to be a duration from 1s to ${maxMs / SECOND}s such as '30s', got ${shown(value)}.`,
  );
}

function demand(good: boolean, wanted: string, got: unknown): void {
  if (!good) throw unstuckError('OPTION_INVALID', `Expected ${wanted}, got ${shown(got)}.`);
}
