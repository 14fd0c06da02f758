/** Limits: how many jobs of one key may be in the queue or running at once, and how many may start in a time. */
import { type Duration, parseDuration } from '../std/duration.ts';
import { shown } from '../std/shown.ts';
import { unstuckError } from './errors.ts';
import { refuseUnknown } from './known-options.ts';
import { isName, NAME_WORDS } from './names.ts';
import { isStorableText } from './payload.ts';

/** How much a limit allows; at least one of both. */
export interface LimitAmounts {
  /** Jobs of one key that may be in the queue or running at once: 1 to 100,000. */
  readonly running?: number;
  /**
   * Jobs of one key that may be let into the queue within a time: `count` from 1 to 1,000, `per` from 100 ms to 365 days, in any window of that
   * length. When workers were away, up to twice as many may start at once.
   */
  readonly rate?: { readonly count: number; readonly per: Duration };
}

/** The limit of a job type or a queue. */
export interface LimitOptions<Input = never> extends LimitAmounts {
  /** Counts apart for each key: a customer, a host. Default: one count for all. 1 to 400 characters. */
  readonly key?: (input: Input) => string;
  /** Shares a limit of this name, which `unstuck.limits.set` has given its amounts, instead of amounts of its own. */
  readonly name?: string;
}

/** The amounts of a limit as they are stored. */
export interface LimitSettings {
  readonly name: string;
  readonly running: number | null;
  readonly rateCount: number | null;
  readonly rateMs: number | null;
}

/** A limit with its name. */
export interface Limit {
  readonly name: string;
  /** Undefined for one that is shared: somebody has set it by its name. */
  readonly settings: LimitSettings | undefined;
  readonly key: ((input: never) => string) | undefined;
}

const KNOWN: ReadonlySet<string> = new Set(['running', 'rate', 'key', 'name']);
const YEAR_MS = 365 * 86_400_000;
const KEY_MAX = 400;

/** Checks a limit; `name` is what it is called unless it is shared. Throws LIMIT_INVALID or OPTION_UNKNOWN. */
export function parseLimit(
  options: LimitOptions | undefined,
  name: string,
  where: string,
): Limit | undefined {
  if (options === undefined) return undefined;
  demand(
    typeof options === 'object' && options !== null,
    `limit of ${where} to be an object`,
    options,
  );
  refuseUnknown(options, KNOWN, where, 'limit.');
  const { key } = options;
  demand(
    key === undefined || typeof key === 'function',
    `limit.key of ${where} to be a function of the input`,
    key,
  );
  if (options.name === undefined)
    return { name, settings: parseAmounts(name, options, where), key };
  demand(isLimitName(options.name), `limit.name of ${where} to be ${NAME_WORDS}`, options.name);
  demand(
    options.running === undefined && options.rate === undefined,
    `limit of ${where} to have a name or amounts`,
    'both',
  );
  return { name: options.name, settings: undefined, key };
}

/** Checks the amounts of a limit. Throws LIMIT_INVALID. */
export function parseAmounts(
  name: string,
  { running, rate }: LimitAmounts,
  where: string,
): LimitSettings {
  demand(
    running !== undefined || rate !== undefined,
    `${where} to have \`running\` or \`rate\``,
    'neither',
  );
  demand(
    running === undefined || within(running, 100_000),
    `running of ${where} to be a whole number from 1 to 100,000`,
    running,
  );
  demand(
    rate === undefined || within(rate?.count, 1_000),
    `rate.count of ${where} to be a whole number from 1 to 1,000`,
    rate?.count,
  );
  const perMs = rate === undefined ? null : (parseDuration(rate.per) ?? 0);
  demand(
    perMs === null || (perMs >= 100 && perMs <= YEAR_MS),
    `rate.per of ${where} to be a duration from 100ms to 365d`,
    rate?.per,
  );
  return { name, running: running ?? null, rateCount: rate?.count ?? null, rateMs: perMs };
}

/** Tells whether people may give a limit this name: those of types and queues follow from theirs. */
export function isLimitName(name: unknown): name is string {
  return isName(name) && !/^(type|queue):/.test(name);
}

/** Returns the key under which a job with this input counts. Throws LIMIT_INVALID when the key function gives none. */
export function limitKeyOf(limit: Limit, input: unknown, where: string): string {
  if (limit.key === undefined) return limit.name;
  const key = ask(limit.key as (given: unknown) => unknown, input, where);
  if (typeof key === 'string' && key.length >= 1 && key.length <= KEY_MAX && isStorableText(key))
    return `${limit.name}#${key}`;
  throw unstuckError(
    'LIMIT_INVALID',
    `Expected limit.key of ${where} to return a text of 1 to ${KEY_MAX} characters without NUL, got ${shown(key)}. Nothing was stored.`,
  );
}

function ask(key: (input: unknown) => unknown, input: unknown, where: string): unknown {
  try {
    return key(input);
  } catch (cause) {
    throw unstuckError(
      'LIMIT_INVALID',
      `limit.key of ${where} threw: ${String(cause)}. Nothing was stored.`,
      { cause },
    );
  }
}

function within(value: unknown, most: number): boolean {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= most;
}

function demand(good: boolean, wanted: string, got: unknown): void {
  if (!good) throw unstuckError('LIMIT_INVALID', `Expected ${wanted}, got ${shown(got)}.`);
}
