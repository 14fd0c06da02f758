/** Targets: workers elsewhere that get their jobs by HTTP, and may be away for a while. */
import { type Duration, parseDuration } from '../std/duration.ts';
import { readUrl } from '../std/http-request.ts';
import { shown } from '../std/shown.ts';
import { unstuckError } from './errors.ts';
import { isOfKind } from './kinds.ts';
import { refuseUnknown } from './known-options.ts';
import { isName, NAME_WORDS } from './names.ts';
import { LONGEST_MS } from './retry-policy.ts';
import { checkWebhookSecret } from './webhook-signature.ts';

/** When a target that is down is asked whether it is back. */
export interface ProbeOptions {
  /** At first this often. Default 1 minute, at least 1 s. */
  readonly every?: Duration;
  /** For so long since it went down. Default 1 hour. */
  readonly for?: Duration;
  /** After that this often. Default 10 minutes, at least 1 s. */
  readonly then?: Duration;
}

/** What `defineTarget` takes. */
export interface TargetOptions {
  /** 1 to 200 letters, digits and `. _ : / -`. */
  readonly name: string;
  /** Where jobs are sent by POST: http or https, without a password in it. */
  readonly url: string;
  /**
   * Signs what is sent, by Standard Webhooks: `whsec_` and 24 to 64 bytes in base64. A list signs with each, while the target changes from one to
   * another. Default: the environment variable `UNSTUCK_TARGET_SECRET`. It is never stored.
   */
  readonly secret?: string | readonly string[];
  /** Asked by GET while it is down, and back when it answers 2xx. Default: `url`, and back when it answers anything below 500. */
  readonly health?: string;
  /** Asked by GET about one job (`{id}` and `{token}` are replaced) that it has accepted and not told of. Default: it is not asked. */
  readonly status?: string;
  /** The longest time for name, connection and TLS. Default 5 s, from 100 ms to 1 minute. */
  readonly connectTimeout?: Duration;
  /** The longest time for the whole answer. Default 30 s, from 100 ms to 10 minutes: what takes longer is accepted by 202 and told later. */
  readonly timeout?: Duration;
  /** A job that was accepted is looked after when nothing was heard of it for so long. Default 1 minute, at least 1 s. */
  readonly silence?: Duration;
  /** The largest answer in bytes. Default 1 MiB, from 1 KiB to 64 MiB. */
  readonly answerBytesMax?: number;
  /** It is down after so many failures in a row. Default 3, from 1 to 1000. */
  readonly failuresMax?: number;
  readonly probe?: ProbeOptions;
  /** When it is back, 1 waiting job is sent, then 2 in a second, then 4, up to so many. Default 100, from 1 to 10,000. */
  readonly rampMax?: number;
  /** Certificates (PEM) that are trusted beside the usual ones. */
  readonly ca?: string;
}

/** A target with its defaults filled in; durations in milliseconds. */
export interface TargetDefinition {
  readonly kind: 'unstuck-target';
  readonly name: string;
  readonly url: string;
  readonly healthUrl: string | undefined;
  readonly statusUrl: string | undefined;
  readonly connectMs: number;
  readonly timeoutMs: number;
  readonly silenceMs: number;
  readonly answerBytesMax: number;
  readonly failuresMax: number;
  readonly probeEveryMs: number;
  readonly probeForMs: number;
  readonly probeThenMs: number;
  readonly rampMax: number;
  readonly ca: string | undefined;
  /** Returns what signs; a function, so that no log of the definition shows it. Throws TARGET_INVALID when neither it nor the environment has any. */
  secrets(environment: Readonly<Record<string, string | undefined>>): readonly string[];
}

const KNOWN: readonly (keyof TargetOptions)[] = [
  'name',
  'url',
  'secret',
  'health',
  'status',
  'connectTimeout',
  'timeout',
  'silence',
  'answerBytesMax',
  'failuresMax',
  'probe',
  'rampMax',
  'ca',
];
const URL_MAX = 2_000;
const SECRET_VARIABLE = 'UNSTUCK_TARGET_SECRET';

/** Defines a remote worker. Throws TARGET_INVALID or OPTION_UNKNOWN. */
export function defineTarget(options: TargetOptions): TargetDefinition {
  refuseUnknown(options, KNOWN, 'a target');
  const { name, probe = {} } = options;
  if (!isName(name)) throw invalid('the name of a target', NAME_WORDS, shown(name));
  const where = `target ${name}`;
  refuseUnknown(probe, ['every', 'for', 'then'], `probe of ${where}`);
  const secrets = checkSecrets(options.secret, where);
  const ms = (value: Duration | undefined, fallback: Duration, bounds: Bounds): number =>
    within(value ?? fallback, { ...bounds, what: `${bounds.what} of ${where}` });
  return Object.freeze({
    kind: 'unstuck-target' as const,
    name,
    url: checkUrl(options.url, `url of ${where}`),
    healthUrl: optionalUrl(options.health, `health of ${where}`),
    statusUrl: statusUrl(options.status, `status of ${where}`),
    connectMs: ms(options.connectTimeout, '5s', { what: 'connectTimeout', min: 100, max: 60_000 }),
    timeoutMs: ms(options.timeout, '30s', { what: 'timeout', min: 100, max: 600_000 }),
    silenceMs: ms(options.silence, '1m', { what: 'silence', min: 1_000, max: LONGEST_MS }),
    answerBytesMax: count(options.answerBytesMax ?? 1_048_576, 1_024, 67_108_864, where),
    failuresMax: count(options.failuresMax ?? 3, 1, 1_000, where),
    probeEveryMs: ms(probe.every, '1m', { what: 'probe.every', min: 1_000, max: LONGEST_MS }),
    probeForMs: ms(probe.for, '1h', { what: 'probe.for', min: 0, max: LONGEST_MS }),
    probeThenMs: ms(probe.then, '10m', { what: 'probe.then', min: 1_000, max: LONGEST_MS }),
    rampMax: count(options.rampMax ?? 100, 1, 10_000, where),
    ca: options.ca,
    secrets: (environment: Readonly<Record<string, string | undefined>>) =>
      secrets ?? secretsOf(environment, where),
  });
}

/** Which of several targets a job is sent to. */
export type TargetPick = 'fallback' | 'round-robin';

/** Where the jobs of a type are sent. */
export interface RemoteDefinition {
  /** In the order in which they are tried. */
  readonly names: readonly string[];
  readonly pick: TargetPick;
  /** Those that were given with the type; others are given to `work`, by their names. */
  readonly known: readonly TargetDefinition[];
}

/** What the option `target` of a type takes. */
export type TargetOption =
  | string
  | TargetDefinition
  | readonly [string | TargetDefinition, ...(string | TargetDefinition)[]];

/** Whether a value was made by `defineTarget`, even by another copy of the package. */
export function isTarget(value: unknown): value is TargetDefinition {
  return isOfKind(value, 'unstuck-target');
}

/** Checks where the jobs of a type are sent; undefined for one that runs here. Throws TARGET_INVALID. */
export function parseRemote(
  target: TargetOption | undefined,
  pick: TargetPick | undefined,
  where: string,
): RemoteDefinition | undefined {
  if (target === undefined) return undefined;
  const given: readonly unknown[] = Array.isArray(target) ? target : [target];
  const names = given.map((one) => (isTarget(one) ? one.name : one));
  const good = names.every(isName) && new Set(names).size === names.length;
  if (!good || names.length === 0 || names.length > 20)
    throw invalid(
      `target of ${where}`,
      'the name of a target, a definition made with defineTarget, or up to 20 different ones',
      shown(target),
    );
  if (pick !== undefined && pick !== 'fallback' && pick !== 'round-robin')
    throw invalid(`targetPick of ${where}`, "'fallback' or 'round-robin'", shown(pick));
  return Object.freeze({
    names,
    pick: pick ?? 'fallback',
    known: given.filter(isTarget),
  });
}

interface Bounds {
  readonly what: string;
  readonly min: number;
  readonly max: number;
}

function within(value: Duration, { what, min, max }: Bounds): number {
  const ms = parseDuration(value);
  if (ms !== undefined && ms >= min && ms <= max) return ms;
  throw invalid(what, `a duration from ${min} ms to ${max} ms such as '30s'`, shown(value));
}

function count(value: number, min: number, max: number, where: string): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw invalid(`a number of ${where}`, `a whole number from ${min} to ${max}`, shown(value));
}

function optionalUrl(value: string | undefined, what: string): string | undefined {
  return value === undefined ? undefined : checkUrl(value, what);
}

function statusUrl(value: string | undefined, what: string): string | undefined {
  if (value === undefined) return undefined;
  if (!value.includes('{id}')) throw invalid(what, 'a URL with {id} in it', 'one without');
  checkUrl(value.replace('{id}', 'id').replace('{token}', 'token'), what);
  return value;
}

/** Never repeats the value: people put secrets into URLs. */
function checkUrl(value: unknown, what: string): string {
  const fits = typeof value === 'string' && value.length <= URL_MAX;
  if (fits && readUrl(value) !== undefined) return value;
  throw invalid(
    what,
    `an http or https URL of at most ${URL_MAX} characters, without a user or password`,
    typeof value === 'string' ? 'another text' : shown(value),
  );
}

function checkSecrets(
  given: TargetOptions['secret'],
  where: string,
): readonly string[] | undefined {
  if (given === undefined) return undefined;
  const list = typeof given === 'string' ? [given] : [...given];
  if (list.length === 0) throw withoutSecret(where);
  for (const secret of list) checkWebhookSecret(secret, `secret of ${where}`);
  return Object.freeze(list);
}

function secretsOf(
  environment: Readonly<Record<string, string | undefined>>,
  where: string,
): readonly string[] {
  const list = (environment[SECRET_VARIABLE] ?? '').split(',').filter((secret) => secret !== '');
  return checkSecrets(list, where) ?? list;
}

function withoutSecret(where: string): Error {
  return invalid(
    `secret of ${where}`,
    `a secret ('whsec_…'), given with it or in ${SECRET_VARIABLE}`,
    'none',
  );
}

function invalid(what: string, expected: string, got: string): Error {
  return unstuckError('TARGET_INVALID', `Expected ${what} to be ${expected}, got ${got}.`);
}
