/** New jobs: checks everything that an enqueue was given, before anything is sent. */
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { type Duration, parseDuration } from '../std/duration.ts';
import { shown } from '../std/shown.ts';
import type { AnyJob } from './define-job.ts';
import { checkType } from './define-job.ts';
import { unstuckError } from './errors.ts';
import { issueText } from './issues.ts';
import type { EnqueueOptions } from './job.ts';
import { refuseUnknown } from './known-options.ts';
import { isLimitName, limitKeyOf } from './limits.ts';
import { checkNotify } from './notify.ts';
import type { Config } from './options.ts';
import { encodePayload, isStorableText } from './payload.ts';
import { providersOf } from './providers.ts';
import { LONGEST_MS } from './retry-policy.ts';
import { checkPool, checkWhenFull, poolOf, type WhenFull } from './slots.ts';

/** A checked job without an id: what the database is sent. */
export interface CheckedJob {
  readonly type: string;
  /** JSON text. */
  readonly input: string;
  /** The negative of the priority. */
  readonly rank: number;
  readonly hold: true | undefined;
  /** RFC 3339. */
  readonly runAt: string | undefined;
  readonly delayMs: number | undefined;
  /** RFC 3339. */
  readonly finishBy: string | undefined;
  readonly claimWithinMs: number | undefined;
  readonly attemptsMax: number | undefined;
  readonly key: string | undefined;
  readonly tags: readonly string[] | undefined;
  readonly pool: string | undefined;
  readonly whenFull: WhenFull | undefined;
  readonly limitKey: string | undefined;
  readonly keyMode: KeyMode | undefined;
  readonly keyWindowMs: number | undefined;
  /** Whom to tell of its end, as JSON text. */
  readonly notify: string | undefined;
}

/** A job that is ready to be sent: checked, encoded, with its id. */
export interface NewJob extends CheckedJob {
  readonly id: string;
  /** Where it is enqueued, as JSON text (see `StoredTrace`); undefined when nobody traces that. */
  readonly trace?: string | undefined;
  /** About how many characters are sent for it. */
  readonly size: number;
}

/** What an enqueue does when a live job has its key: answer with it (default), refuse, or give it the new input. */
export type KeyMode = 'return' | 'refuse' | 'replace';

const KNOWN: ReadonlySet<string> = new Set([
  'priority',
  'runAt',
  'delay',
  'hold',
  'finishBy',
  'claimWithin',
  'key',
  'whenTaken',
  'keyWindow',
  'slot',
  'whenFull',
  'limit',
  'tags',
  'notify',
  'in',
]);

/**
 * Checks input and options of one job. `nowMs` is only used to refuse absurd times.
 * Throws INPUT_INVALID, INPUT_UNSTORABLE, INPUT_TOO_LARGE, TIME_INVALID, KEY_INVALID, PRIORITY_INVALID, NOTIFY_INVALID or OPTION_UNKNOWN.
 */
export function checkJob(
  type: string,
  definition: AnyJob | undefined,
  input: unknown,
  options: EnqueueOptions,
  config: Config,
  nowMs: number,
): CheckedJob {
  checkType(type);
  refuseUnknown(options, KNOWN, 'an enqueue');
  if (options.runAt !== undefined && options.delay !== undefined)
    throw unstuckError('TIME_INVALID', 'Expected runAt or delay, got both. Leave one out.');
  return {
    type,
    rank: 0 - checkPriority(options.priority ?? 0),
    hold: checkHold(options.hold) ? true : undefined,
    runAt: checkTime(options.runAt, 'runAt', nowMs),
    delayMs: checkDuration(options.delay, 'delay', 0),
    finishBy: checkTime(options.finishBy, 'finishBy', nowMs),
    claimWithinMs:
      checkDuration(options.claimWithin, 'claimWithin', 100) ??
      definition?.claimWithinMs ??
      (definition === undefined ? undefined : config.claimWithin),
    attemptsMax: attemptsOf(definition, input),
    key: checkKey(options.key),
    keyMode: checkKeyMode(options),
    keyWindowMs: checkKeyWindow(options),
    ...linksOf(type, definition, input, options),
    tags: checkTags(options.tags),
    notify: checkNotify(options.notify, config.notifyFor),
    input: encodeInput(`The input of a "${type}" job`, input, config),
  };
}

/** Adds what the stored settings of a type ask of a job that was checked without its definition. Throws POOL_INVALID or LIMIT_INVALID. */
export function applySettings<J extends CheckedJob>(
  job: J,
  { limitKey, needsPool }: { readonly limitKey: string | undefined; readonly needsPool: boolean },
): J {
  const where = `a "${job.type}" job`;
  if (needsPool && job.pool === undefined) checkPool(undefined, where);
  if (limitKey === undefined) return job;
  if (job.limitKey !== undefined)
    throw unstuckError(
      'LIMIT_INVALID',
      `Expected one limit for ${where}, got one in this call and one of its type. Leave one out.`,
    );
  return { ...job, limitKey };
}

/** Each provider has as many attempts as a type without providers. */
function attemptsOf(definition: AnyJob | undefined, input: unknown): number | undefined {
  if (definition?.providers === undefined) return definition?.retry.attemptsMax;
  const where = `job type ${definition.type}`;
  const providers = providersOf(definition.providers, input, where);
  return Math.min(1_000, definition.retry.attemptsMax * providers.length);
}

/** The pool and the limit of a job: what the call names, else what its type says. */
function linksOf(
  type: string,
  definition: AnyJob | undefined,
  input: unknown,
  { slot, whenFull, limit }: EnqueueOptions,
): Pick<CheckedJob, 'pool' | 'whenFull' | 'limitKey'> {
  const where = `a "${type}" job`;
  const asked = slot ?? definition?.slot;
  return {
    pool: asked === undefined ? undefined : poolOf(asked, input, where),
    whenFull:
      asked === undefined ? undefined : checkWhenFull(whenFull ?? definition?.whenFull, where),
    limitKey: limitOf(limit, definition, input, where),
  };
}

function limitOf(
  own: EnqueueOptions['limit'],
  definition: AnyJob | undefined,
  input: unknown,
  where: string,
): string | undefined {
  const limit = definition?.limit;
  if (own === undefined) return limit === undefined ? undefined : limitKeyOf(limit, input, where);
  if (limit !== undefined)
    throw unstuckError(
      'LIMIT_INVALID',
      `Expected one limit for ${where}, got one in this call and one of its type. Leave one out.`,
    );
  const { name, key } = typeof own === 'string' ? { name: own, key: undefined } : own;
  if (!isLimitName(name))
    throw unstuckError(
      'LIMIT_INVALID',
      `Expected the limit of ${where} to have a name that limits.set was given, got ${shown(name)}.`,
    );
  return limitKeyOf(
    { name, settings: undefined, key: key === undefined ? key : () => key },
    input,
    where,
  );
}

function checkKeyMode({ key, whenTaken }: EnqueueOptions): KeyMode | undefined {
  if (whenTaken === undefined) return undefined;
  const known = whenTaken === 'return' || whenTaken === 'refuse' || whenTaken === 'replace';
  if (known && key !== undefined) return whenTaken;
  throw unstuckError(
    'KEY_INVALID',
    `Expected whenTaken to be 'return', 'refuse' or 'replace' beside a key, got ${shown(whenTaken)} ${key === undefined ? 'without a key' : ''}.`,
  );
}

function checkKeyWindow({ key, keyWindow }: EnqueueOptions): number | undefined {
  if (keyWindow !== undefined && key === undefined)
    throw unstuckError('KEY_INVALID', 'Expected a key beside keyWindow, got none.');
  return checkDuration(keyWindow, 'keyWindow', 1_000);
}

function checkHold(hold: boolean | undefined): boolean {
  if (hold === undefined || typeof hold === 'boolean') return hold ?? false;
  throw unstuckError(
    'OPTION_INVALID',
    `Expected enqueue option hold to be true or false, got ${shown(hold)}.`,
  );
}

/** Checks an input against the schema of its type; a schema may answer later. Throws INPUT_INVALID. */
export function checkInput(definition: AnyJob, input: unknown): Promise<void> | undefined {
  const result = definition.schema['~standard'].validate(input);
  if (result instanceof Promise)
    return result.then((later) => refuseIssues(definition.type, later.issues));
  refuseIssues(definition.type, result.issues);
  return undefined;
}

function refuseIssues(type: string, issues: readonly StandardSchemaV1.Issue[] | undefined): void {
  if (issues === undefined) return;
  const list = listIssues(issues);
  throw unstuckError(
    'INPUT_INVALID',
    `The input of a "${type}" job does not fit its schema. ${list.join('; ')}. Nothing was stored.`,
    { detail: { issues: list } },
  );
}

/** Returns a stored input as the schema of its type gives it to a handler; a schema may answer later. Throws INPUT_REFUSED_BY_WORKER. */
export function parseInput(definition: AnyJob, input: unknown): unknown {
  const result = definition.schema['~standard'].validate(input);
  return result instanceof Promise ? result.then(accepted) : accepted(result);
}

function accepted(result: StandardSchemaV1.Result<unknown>): unknown {
  if (result.issues === undefined) return result.value;
  throw unstuckError(
    'INPUT_REFUSED_BY_WORKER',
    `The stored input does not fit the schema of this worker. ${listIssues(result.issues).join('; ')}. Correct it where it was enqueued, or deploy a worker that understands it and retry the job.`,
  );
}

function listIssues(issues: readonly StandardSchemaV1.Issue[]): string[] {
  return issues.slice(0, 10).map((issue) => issueText(pathOf(issue), issue.message));
}

function pathOf(issue: StandardSchemaV1.Issue): PropertyKey[] {
  return (issue.path ?? []).map((part) => (typeof part === 'object' ? part.key : part));
}

/** Returns an input as JSON text; `what` names it in messages. Throws INPUT_UNSTORABLE or INPUT_TOO_LARGE. */
export function encodeInput(what: string, input: unknown, config: Config): string {
  if (input === undefined)
    throw unstuckError(
      'INPUT_UNSTORABLE',
      `${what} is undefined, which JSON cannot hold. Pass {} or null.`,
    );
  const encoded = encodePayload(input, {
    bytesMax: config.inputBytesMax,
    depthMax: config.depthMax,
  });
  if ('json' in encoded) return encoded.json;
  const message = `${what} cannot be stored: ${encoded.path} ${encoded.problem}. Nothing was stored.`;
  throw unstuckError(encoded.tooLarge ? 'INPUT_TOO_LARGE' : 'INPUT_UNSTORABLE', message, {
    detail: { path: encoded.path },
  });
}

function checkPriority(priority: number): number {
  if (Number.isInteger(priority) && Math.abs(priority) <= 1_000) return priority;
  throw unstuckError(
    'PRIORITY_INVALID',
    `Expected priority to be a whole number from -1000 to 1000, got ${shown(priority)}.`,
  );
}

function checkKey(key: string | undefined): string | undefined {
  if (key === undefined) return undefined;
  if (typeof key === 'string' && key.length >= 1 && key.length <= 500 && isStorableText(key))
    return key;
  throw unstuckError(
    'KEY_INVALID',
    `Expected key to be a text of 1 to 500 characters without NUL, got ${shown(key)}.`,
  );
}

function checkTags(tags: readonly string[] | undefined): readonly string[] | undefined {
  if (tags === undefined) return undefined;
  const good =
    Array.isArray(tags) &&
    tags.length <= 20 &&
    tags.every(
      (tag) =>
        typeof tag === 'string' && tag.length >= 1 && tag.length <= 100 && isStorableText(tag),
    );
  if (good) return tags;
  throw unstuckError(
    'KEY_INVALID',
    `Expected tags to be at most 20 texts of 1 to 100 characters without NUL, got ${shown(tags)}.`,
  );
}

/** A10: an instant must be one, and within ten years of now. */
function checkTime(value: Date | undefined, name: string, nowMs: number): string | undefined {
  if (value === undefined) return undefined;
  const ms = value instanceof Date ? value.getTime() : Number.NaN;
  if (Math.abs(ms - nowMs) <= LONGEST_MS) return new Date(ms).toISOString();
  throw unstuckError(
    'TIME_INVALID',
    `Expected ${name} to be a valid Date within ten years of now, got ${shown(value)}.`,
  );
}

function checkDuration(
  value: Duration | undefined,
  name: string,
  minMs: number,
): number | undefined {
  if (value === undefined) return undefined;
  const ms = parseDuration(value);
  if (ms !== undefined && ms >= minMs && ms <= LONGEST_MS) return ms;
  throw unstuckError(
    'TIME_INVALID',
    `Expected ${name} to be a duration from ${minMs}ms to 10 years such as '30s', got ${shown(value)}.`,
  );
}
