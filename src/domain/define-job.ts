/** Job types: one definition that producer and worker share, with input and result inferred end to end. */
import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { ClientBase } from 'pg';
import type { Duration } from '../std/duration.ts';
import { parseDuration } from '../std/duration.ts';
import { shown } from '../std/shown.ts';
import { type QueueDefinition, toQueue } from './define-queue.ts';
import {
  parseRemote,
  type RemoteDefinition,
  type TargetOption,
  type TargetPick,
} from './define-target.ts';
import { unstuckError } from './errors.ts';
import type { Plan } from './executions.ts';
import { isOfKind } from './kinds.ts';
import { refuseUnknown } from './known-options.ts';
import { type Limit, type LimitOptions, parseLimit } from './limits.ts';
import type { Log } from './log.ts';
import { isName, NAME_WORDS } from './names.ts';
import { checkProviders, type ProvidersOption } from './providers.ts';
import { LONGEST_MS, parseRetry, type RetryOptions, type RetryPolicy } from './retry-policy.ts';
import { checkWhenFull, type SlotOption, type WhenFull } from './slots.ts';

/** What a handler gets: one attempt of one job. */
export interface RunningJob<Input = unknown> {
  /** The input as the schema of the type returns it. */
  readonly input: Input;
  readonly id: string;
  readonly type: string;
  /** 1 for the first charged attempt. Attempts lost with their worker are not charged. */
  readonly attempt: number;
  readonly attemptsMax: number;
  readonly crashes: number;
  /** Who is to do the work of this attempt; undefined for a type without providers. */
  readonly provider: string | undefined;
  /** The fencing token of this attempt, a bigint as text: pass it to systems that can refuse an older one. */
  readonly token: string;
  /** The same for every attempt of this job: pass it to systems that know idempotency keys. */
  readonly idempotencyKey: string;
  /** Aborted when the job is cancelled, timed out or lost, and when the worker must stop; its `reason` says which. */
  readonly signal: AbortSignal;
  readonly log: Log;
  /** How fresh the worker's lease is: milliseconds since it was last confirmed, and whether it still holds. */
  readonly heartbeat: { readonly confirmedMsAgo: number; readonly held: boolean };
  /** Notes how far the work is (0 to 1); written at most once a second, never throws. */
  progress(fraction: number, note?: string): void;
  /**
   * Runs `fn` and the completion of this job in one transaction: both happen, or neither. What `fn` returns is the job's result.
   * Throws StaleAttemptError, and rolls back, when the attempt has lost its lease.
   */
  transaction<T>(fn: (tx: ClientBase) => Promise<T>): Promise<T>;
}

/** What `defineJob` takes. */
export interface JobOptions<Schema extends StandardSchemaV1, Result> {
  /** 1 to 200 letters, digits and `. _ : / -`. */
  readonly type: string;
  /** Any Standard Schema (zod, valibot, arktype); checked at enqueue and again before the handler. */
  readonly input: Schema;
  /** An attempt is aborted after this long. Default 30 minutes, from 100 ms to 10 years. */
  readonly timeout?: Duration;
  readonly retry?: RetryOptions;
  /** How long a job may wait for a worker before a finding says why. Default 5 minutes, from 100 ms to 10 years. */
  readonly claimWithin?: Duration;
  /** How often a handler may snooze one job. Default 1000, from 0 to 1,000,000. */
  readonly snoozesMax?: number;
  /** The queue that this type belongs to: its name, or a definition that limits it. Default `default`. */
  readonly queue?: QueueDefinition | string;
  /** The pool that a job takes a slot from at its enqueue, and gives it back at its end; the pool must exist. */
  readonly slot?: SlotOption<StandardSchemaV1.InferInput<Schema>>;
  /** What an enqueue does when the pool is full. Default `refuse`. */
  readonly whenFull?: WhenFull;
  /** How many jobs may be in the queue or running at once, or start in a time. Not beside a limit of the queue. */
  readonly limit?: LimitOptions<StandardSchemaV1.InferInput<Schema>>;
  /** Who can do the work: each is tried `retry.attempts` times, with its backoff, then the next at once. */
  readonly providers?: ProvidersOption<StandardSchemaV1.InferInput<Schema>>;
  /** Runs each attempt in a child process that can be killed for real. Default false; needs `module`. */
  readonly isolate?: boolean;
  /** `import.meta.url` of the module that exports this definition; only needed with `isolate`. */
  readonly module?: string;
  run(job: RunningJob<StandardSchemaV1.InferOutput<Schema>>): Promise<Result> | Result;
}

/** What `defineJob` takes of a type whose jobs are sent to a remote worker. */
export interface RemoteJobOptions<Schema extends StandardSchemaV1>
  extends Omit<JobOptions<Schema, unknown>, 'run' | 'isolate' | 'module' | 'providers'> {
  /** Where its jobs are sent: the name of a target, its definition, or several, of which the next is taken when one is down. */
  readonly target: TargetOption;
  /** Which of several targets comes first: always the first (`fallback`, the default), or each in turn. */
  readonly targetPick?: TargetPick;
}

/** A job type with its defaults filled in. */
export interface JobDefinition<Input = never, Parsed = never, Result = unknown> {
  readonly kind: 'unstuck-job';
  readonly type: string;
  readonly queue: string;
  readonly schema: StandardSchemaV1;
  /** Milliseconds; undefined means the default of the process (30 minutes). */
  readonly timeoutMs: number | undefined;
  readonly claimWithinMs: number | undefined;
  readonly retry: RetryPolicy;
  readonly snoozesMax: number;
  readonly slot: SlotOption | undefined;
  readonly whenFull: WhenFull;
  /** That of the type or of its queue. */
  readonly limit: Limit | undefined;
  readonly providers: ProvidersOption | undefined;
  /** How it fans out; undefined for a job that does its work itself. */
  readonly executions: ExecutionsDefinition | undefined;
  /** Where its jobs are sent; undefined for a job that runs here. */
  readonly remote: RemoteDefinition | undefined;
  readonly isolate: boolean;
  readonly module: string | undefined;
  run(job: RunningJob<Parsed>): Promise<Result> | Result;
  /** Types only: what enqueue takes. */
  readonly $input?: (input: Input) => void;
}

/** How a job fans out into executions: jobs of another type, one for each cell of its plan. */
export interface ExecutionsDefinition {
  readonly of: AnyJob;
  readonly plan: (input: never) => Plan;
  readonly input: (cell: never, input: never) => unknown;
  /** The share that must complete; 0 means any one. */
  readonly share: number;
  /** The parent ends with what has ended by then; undefined: it waits for all. */
  readonly finishWithinMs: number | undefined;
  /** Whether the type has a `run` of its own, for when enough have completed. */
  readonly combines: boolean;
}

/** Any job definition, whatever its types. */
// oxlint-disable-next-line typescript/no-explicit-any -- The types of a definition are invariant: only `any` fits all.
export type AnyJob = JobDefinition<any, any, any>;

/** The input that a definition accepts at enqueue. */
export type InputOf<J> =
  J extends JobDefinition<infer Input, infer _Parsed, infer _Result> ? Input : never;

/** The result that a definition stores. */
export type ResultOf<J> =
  J extends JobDefinition<infer _Input, infer _Parsed, infer Result> ? Awaited<Result> : never;

/** What a value is when it is read back as JSON: a Date is text, nothing (`undefined`, `void`) is null. */
export type Stored<T> = 0 extends 1 & T
  ? T
  : T extends { toJSON(): infer Form }
    ? Stored<Form>
    : T extends undefined | void
      ? null
      : T extends object
        ? { [K in keyof T]: Stored<Exclude<T[K], undefined>> | Extract<T[K], undefined> }
        : T;

const KNOWN: ReadonlySet<string> = new Set([
  'type',
  'input',
  'timeout',
  'retry',
  'claimWithin',
  'snoozesMax',
  'queue',
  'slot',
  'whenFull',
  'limit',
  'providers',
  'isolate',
  'module',
  'run',
]);
const KNOWN_OF_REMOTE: ReadonlySet<string> = new Set([
  ...[...KNOWN].filter((name) => !['run', 'isolate', 'module', 'providers'].includes(name)),
  'target',
  'targetPick',
]);

/**
 * Defines a job type: with a handler (`run`), or with a remote worker (`target`) to which its jobs are sent. Throws JOB_TYPE_INVALID, OPTION_UNKNOWN,
 * OPTION_INVALID, TARGET_INVALID or ISOLATE_INVALID when the definition cannot work.
 */
export function defineJob<Schema extends StandardSchemaV1>(
  options: RemoteJobOptions<Schema>,
): JobDefinition<StandardSchemaV1.InferInput<Schema>, StandardSchemaV1.InferOutput<Schema>>;
export function defineJob<Schema extends StandardSchemaV1, Result>(
  options: JobOptions<Schema, Result>,
): JobDefinition<
  StandardSchemaV1.InferInput<Schema>,
  StandardSchemaV1.InferOutput<Schema>,
  Awaited<Result>
>;
export function defineJob(
  options: JobOptions<StandardSchemaV1, unknown> | RemoteJobOptions<StandardSchemaV1>,
): AnyJob {
  if (!('target' in options)) return makeDefinition(options, undefined);
  checkType(options.type);
  const where = `job type ${options.type}`;
  refuseUnknown(options, KNOWN_OF_REMOTE, `${where}, which has a target`);
  const { target, targetPick, ...rest } = options;
  const remote = parseRemote(target, targetPick, where);
  return makeDefinition({ ...rest, run: runElsewhere }, undefined, remote);
}

function runElsewhere(): never {
  throw new TypeError('A job that has a target is sent there, and never run here.');
}

/** Whether a value was made by `defineJob`, even by another copy of the package. */
export function isDefinition(value: unknown): value is AnyJob {
  return isOfKind(value, 'unstuck-job');
}

/** Makes a definition of options that are known by name already. Throws what `defineJob` throws. */
export function makeDefinition<Schema extends StandardSchemaV1, Result>(
  options: JobOptions<Schema, Result>,
  executions: ExecutionsDefinition | undefined,
  remote?: RemoteDefinition,
): JobDefinition<
  StandardSchemaV1.InferInput<Schema>,
  StandardSchemaV1.InferOutput<Schema>,
  Awaited<Result>
> {
  checkType(options.type);
  const where = `job type ${options.type}`;
  checkOptions(options as unknown as JobOptions<StandardSchemaV1, unknown>, where);
  const queue = toQueue(options.queue ?? 'default', where);
  return Object.freeze({
    kind: 'unstuck-job' as const,
    type: options.type,
    queue: queue.name,
    schema: options.input,
    timeoutMs: within(options.timeout, `timeout of ${where}`),
    claimWithinMs: within(options.claimWithin, `claimWithin of ${where}`),
    retry: parseRetry(options.retry, where),
    snoozesMax: snoozes(options.snoozesMax ?? 1_000, where),
    slot: checkSlot(options.slot, where),
    whenFull: checkWhenFull(options.whenFull, where),
    limit: oneLimit(parseLimit(options.limit, `type:${options.type}`, where), queue, where),
    providers: checkProvidersOption(options.providers, where),
    executions,
    remote,
    isolate: options.isolate ?? false,
    module: options.module,
    run: (job: RunningJob<StandardSchemaV1.InferOutput<Schema>>) =>
      options.run(job) as Promise<Awaited<Result>>,
  });
}

function checkSlot(slot: unknown, where: string): SlotOption | undefined {
  if (slot === undefined || typeof slot === 'function' || isName(slot))
    return slot as SlotOption | undefined;
  throw unstuckError(
    'POOL_INVALID',
    `Expected slot of ${where} to be the key of a pool (${NAME_WORDS}) or a function of the input, got ${shown(slot)}.`,
  );
}

/** Two limits would be let in by two locks, and a job that has one of both places would keep it from others. */
function oneLimit(
  own: Limit | undefined,
  queue: QueueDefinition,
  where: string,
): Limit | undefined {
  if (own === undefined || queue.limit === undefined) return own ?? queue.limit;
  throw unstuckError(
    'LIMIT_INVALID',
    `Expected one limit for ${where}, got one of its own and one of its queue ${queue.name}. Leave one out.`,
  );
}

function checkProvidersOption(
  providers: ProvidersOption | undefined,
  where: string,
): ProvidersOption | undefined {
  if (providers === undefined || typeof providers === 'function') return providers;
  return checkProviders(providers, where);
}

function checkOptions(options: JobOptions<StandardSchemaV1, unknown>, where: string): void {
  refuseUnknown(options, KNOWN, where);
  const { input, isolate = false, module } = options;
  demand(typeof options.run === 'function', `run of ${where} to be a function`, typeof options.run);
  demand(
    typeof input?.['~standard']?.validate === 'function',
    `input of ${where} to be a Standard Schema (zod, valibot, arktype, …)`,
    input,
  );
  demand(typeof isolate === 'boolean', `isolate of ${where} to be true or false`, isolate);
  if (isolate && typeof module !== 'string')
    throw unstuckError(
      'ISOLATE_INVALID',
      `Expected module of ${where}, which is isolated, to be a module's URL, got ${shown(module)}. Add module: import.meta.url.`,
    );
}

function demand(good: boolean, wanted: string, got: unknown): void {
  if (!good) throw unstuckError('OPTION_INVALID', `Expected ${wanted}, got ${shown(got)}.`);
}

/** Throws JOB_TYPE_INVALID when this cannot be the name of a job type. */
export function checkType(type: unknown): asserts type is string {
  if (isName(type)) return;
  throw unstuckError(
    'JOB_TYPE_INVALID',
    `Expected a job type of ${NAME_WORDS}, got ${shown(type)}.`,
  );
}

function within(value: Duration | undefined, what: string): number | undefined {
  if (value === undefined) return undefined;
  const ms = parseDuration(value);
  if (ms !== undefined && ms >= 100 && ms <= LONGEST_MS) return ms;
  throw unstuckError(
    'OPTION_INVALID',
    `Expected ${what} to be a duration from 100ms to 10 years such as '30m', got ${shown(value)}.`,
  );
}

function snoozes(value: number, where: string): number {
  if (Number.isInteger(value) && value >= 0 && value <= 1_000_000) return value;
  throw unstuckError(
    'OPTION_INVALID',
    `Expected snoozesMax of ${where} to be a whole number from 0 to 1,000,000, got ${shown(value)}.`,
  );
}
