/** Fan-outs: a job whose work is done by many executions, each a job of its own, and that ends when they have. */
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { type Duration, parseDuration } from '../std/duration.ts';
import { shown } from '../std/shown.ts';
import {
  type AnyJob,
  type InputOf,
  type JobDefinition,
  type JobOptions,
  makeDefinition,
  type ResultOf,
  type RunningJob,
  type Stored,
} from './define-job.ts';
import { unstuckError } from './errors.ts';
import { type Plan, type Success, successShare } from './executions.ts';
import type { JobError } from './job.ts';
import { refuseUnknown } from './known-options.ts';
import { LONGEST_MS } from './retry-policy.ts';

/** One execution of a fan-out that has ended. */
export interface Execution<Result = unknown> {
  readonly ordinal: number;
  /** The combination, or the item, of the plan. */
  readonly cell: unknown;
  readonly state: 'completed' | 'failed' | 'cancelled';
  readonly result: Result | null;
  readonly error: JobError | null;
  readonly childId: string;
}

/** What the `run` of a fan-out gets, once enough executions have completed. */
export interface FanOutJob<Input = unknown, Result = unknown> extends RunningJob<Input> {
  /** In the order of the plan; those that had not ended in time are left out. */
  readonly executions: readonly Execution<Result>[];
}

/** The result of a fan-out without a `run` of its own. */
export interface FanOutResult<Result = unknown> {
  readonly expected: number;
  readonly completed: number;
  readonly failed: number;
  readonly cancelled: number;
  /** Completed of expected, 0 to 1. */
  readonly success_rate: number;
  /** By ordinal, null where none was completed; null as a whole when it would be larger than a result may be. */
  readonly results: readonly (Result | null)[] | null;
}

/** How a job fans out. */
export interface ExecutionsOptions<Input, Child extends AnyJob> {
  /** The type of the executions. */
  readonly of: Child;
  /** Which executions there are: lists by name, whose combinations they are, or one list. At most 100,000. Asked once for each job. */
  readonly plan: (input: Input) => Plan;
  /** The input of one execution. */
  // oxlint-disable-next-line typescript/no-explicit-any -- What a cell is follows from the plan, at run time.
  readonly input: (cell: any, input: Input) => InputOf<Child>;
  /** How many must complete. Default `all`. */
  readonly success?: Success;
  /** The job ends with what has ended by then; what has not is cancelled. Default: it waits for all, however long that takes. */
  readonly finishWithin?: Duration;
}

/** What `defineFanOut` takes. */
export type FanOutOptions<Schema extends StandardSchemaV1, Child extends AnyJob, Result> = Omit<
  JobOptions<Schema, Result>,
  'run' | 'isolate' | 'module' | 'providers'
> & {
  readonly executions: ExecutionsOptions<StandardSchemaV1.InferOutput<Schema>, Child>;
  /** Makes the result of the executions. Default: their counts and results (`FanOutResult`). */
  run?(
    job: FanOutJob<StandardSchemaV1.InferOutput<Schema>, Stored<ResultOf<Child>>>,
  ): Promise<Result> | Result;
};

const KNOWN: ReadonlySet<string> = new Set(['of', 'plan', 'input', 'success', 'finishWithin']);

/**
 * Defines a job that fans out. It fails with EXECUTIONS_FAILED when too few executions complete. Throws what `defineJob` throws, and
 * EXECUTIONS_INVALID.
 */
export function defineFanOut<
  Schema extends StandardSchemaV1,
  Child extends AnyJob,
  Result = FanOutResult<Stored<ResultOf<Child>>>,
>(
  options: FanOutOptions<Schema, Child, Result>,
): JobDefinition<
  StandardSchemaV1.InferInput<Schema>,
  StandardSchemaV1.InferOutput<Schema>,
  Awaited<Result>
> {
  const { executions, ...rest } = options;
  const combines = options.run !== undefined;
  const run = (job: FanOutJob<never, never>): unknown => options.run?.(job);
  const where = `job type ${options.type}`;
  checkExecutions(executions, where);
  const finishWithinMs = parseFinishWithin(executions.finishWithin, where);
  const given = { ...rest, run } as unknown as JobOptions<Schema, Result>;
  return makeDefinition(given, {
    of: executions.of,
    plan: executions.plan,
    input: executions.input as never,
    share: successShare(executions.success, where),
    finishWithinMs,
    combines,
  });
}

function checkExecutions(given: ExecutionsOptions<never, AnyJob>, where: string): void {
  refuseUnknown(given, KNOWN, where, 'executions.');
  demand(
    given?.of?.kind === 'unstuck-job',
    `executions.of of ${where} to be a job definition`,
    given?.of,
  );
  demand(
    typeof given.plan === 'function',
    `executions.plan of ${where} to be a function`,
    given.plan,
  );
  demand(
    typeof given.input === 'function',
    `executions.input of ${where} to be a function`,
    given.input,
  );
}

function parseFinishWithin(value: Duration | undefined, where: string): number | undefined {
  if (value === undefined) return undefined;
  const ms = parseDuration(value);
  demand(
    ms !== undefined && ms >= 100 && ms <= LONGEST_MS,
    `executions.finishWithin of ${where} to be a duration from 100ms to 10 years`,
    value,
  );
  return ms;
}

function demand(good: boolean, wanted: string, got: unknown): void {
  if (!good) throw unstuckError('EXECUTIONS_INVALID', `Expected ${wanted}, got ${shown(got)}.`);
}
