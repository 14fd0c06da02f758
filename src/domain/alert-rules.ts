/** Alert rules: what is looked for, as data; parsed once. */
import { type Duration, parseDuration } from '../std/duration.ts';
import { shown } from '../std/shown.ts';
import { SEVERITIES } from './alert.ts';
import type { Severity } from './delivery.ts';
import { unstuckError } from './errors.ts';
import { refuseUnknown } from './known-options.ts';
import { isName, NAME_WORDS } from './names.ts';

/** A parameter of a kind of rule. */
export interface RuleParameter {
  readonly kind: 'duration' | 'number' | 'share' | 'names';
  /** Null: no limit to what it names. */
  readonly default: string | number | null;
  readonly about: string;
}

/** What is true of every rule of a kind. */
export interface RuleKindFacts {
  readonly about: string;
  /** What its subjects are. */
  readonly subject: string;
  readonly severity: Severity;
  /** How long it must hold before it fires. */
  readonly for: string;
  readonly parameters: Readonly<Record<string, RuleParameter>>;
}

/** Every kind of rule, with its defaults; docs/generated/alert-rules.md shows this table. */
export const RULE_KINDS = {
  stuck: {
    about: 'Jobs are late, and no current finding explains why.',
    subject: 'the type',
    severity: 'critical',
    for: '30s',
    parameters: {},
  },
  findings: {
    about:
      'A group of jobs is late, a worker, a schedule or a bridge does not get on: there is a finding.',
    subject: 'kind and subject of the finding',
    severity: 'warning',
    for: '5m',
    parameters: {
      kinds: { kind: 'names', default: null, about: 'Only findings of these kinds; default all.' },
    },
  },
  oldest: {
    about: 'The oldest job that waits for a worker has waited for too long.',
    subject: 'the type',
    severity: 'warning',
    for: '0s',
    parameters: {
      over: { kind: 'duration', default: '15m', about: 'How long it must have lasted.' },
      types: { kind: 'names', default: null, about: 'Only these types; default all.' },
    },
  },
  'oldest-of-queue': {
    about: 'The oldest job of a queue that waits for a worker has waited for too long.',
    subject: 'the queue',
    severity: 'warning',
    for: '0s',
    parameters: {
      over: { kind: 'duration', default: '15m', about: 'How long it must have lasted.' },
      queues: { kind: 'names', default: null, about: 'Only these queues; default all.' },
    },
  },
  'dead-letters': {
    about: 'Jobs fail for good: so many in a time.',
    subject: 'the type',
    severity: 'warning',
    for: '0s',
    parameters: {
      count: { kind: 'number', default: 10, about: 'How many.' },
      window: { kind: 'duration', default: '10m', about: 'How far back it looks.' },
      types: { kind: 'names', default: null, about: 'Only these types; default all.' },
    },
  },
  'failure-rate': {
    about: 'Of the jobs that ended in a time too many failed.',
    subject: 'the type',
    severity: 'warning',
    for: '0s',
    parameters: {
      share: { kind: 'share', default: 0.5, about: 'Of failed among ended ones, 0 to 1.' },
      atLeast: { kind: 'number', default: 20, about: 'So many must have ended.' },
      window: { kind: 'duration', default: '10m', about: 'How far back it looks.' },
      types: { kind: 'names', default: null, about: 'Only these types; default all.' },
    },
  },
  'worker-lost': {
    about: 'A worker died, and none of its name has come back.',
    subject: 'the name of the worker',
    severity: 'warning',
    for: '30s',
    parameters: { window: { kind: 'duration', default: '1h', about: 'How far back it looks.' } },
  },
  'schedule-missed': {
    about: 'A schedule was not fired at its time, or cannot be fired.',
    subject: 'the schedule',
    severity: 'warning',
    for: '30s',
    parameters: {
      over: { kind: 'duration', default: '30s', about: 'How long it must have lasted.' },
    },
  },
  'paused-with-backlog': {
    about: 'Work piles up behind a pause: somebody may have forgotten it.',
    subject: 'kind and name of what is paused: a type, a queue, a target',
    severity: 'warning',
    for: '0s',
    parameters: {
      over: { kind: 'duration', default: '1h', about: 'How long it must have lasted.' },
    },
  },
  'target-down': {
    about: 'A remote worker does not answer; its jobs wait.',
    subject: 'the target',
    severity: 'critical',
    for: '0s',
    parameters: {
      targets: { kind: 'names', default: null, about: 'Only these targets; default all.' },
    },
  },
  'target-waits': {
    about: 'Jobs wait for a remote worker that is not down: it is paused, busy, or gone.',
    subject: 'the target',
    severity: 'warning',
    for: '30m',
    parameters: {
      targets: { kind: 'names', default: null, about: 'Only these targets; default all.' },
    },
  },
  'dead-messages': {
    about: 'Messages of a Redis list cannot become jobs: its dead list grows.',
    subject: 'the bridge',
    severity: 'warning',
    for: '0s',
    parameters: {
      bridges: { kind: 'names', default: null, about: 'Only these bridges; default all.' },
    },
  },
  'detector-dead': {
    about: 'What moves late jobs, or says why they are late, has had no good round for too long.',
    subject: 'the tick',
    severity: 'critical',
    // Where everything was stopped for a while, the first look may come before the first round of the detectors.
    for: '10s',
    parameters: {
      over: { kind: 'duration', default: '30s', about: 'How long it must have lasted.' },
    },
  },
  'channel-failing': {
    about: 'Messages to a channel do not arrive; the other channels tell.',
    subject: 'the channel',
    severity: 'critical',
    for: '0s',
    parameters: {
      attempts: { kind: 'number', default: 2, about: 'How often one was tried in vain.' },
      window: { kind: 'duration', default: '1h', about: 'How far back it looks.' },
    },
  },
} as const;
// Checked here and not in the declaration, whose literal types must be readable without inference.
RULE_KINDS satisfies Record<string, RuleKindFacts>;

/** What a rule looks for. */
export type RuleKind = keyof typeof RULE_KINDS;

type Given<P> = P extends { kind: 'duration' }
  ? Duration
  : P extends { kind: 'names' }
    ? readonly string[]
    : number;

/** What every rule takes. */
export interface CommonRuleOptions {
  /** How it is called; default its kind. Needed for a second rule of one kind. */
  readonly name?: string;
  readonly severity?: Severity;
  /** How long it must hold before it fires; the default is that of its kind. */
  readonly for?: Duration;
  /** How long it must not hold before it resolves. Default 1m. */
  readonly clearAfter?: Duration;
  /** A channel gets at most one message for each subject in this time. Default 5m. */
  readonly every?: Duration;
  /** How often it is told again while it holds and nobody has acknowledged it; `false` for never. Default 1h. */
  readonly repeat?: Duration | false;
  /** Which channels are told; default all that take its severity. */
  readonly channels?: readonly string[];
}

/** A rule as it is given: its kind, what every rule takes, and the parameters of the kind. */
export type RuleOptions = {
  [K in RuleKind]: CommonRuleOptions & { readonly kind: K } & {
    readonly [P in keyof (typeof RULE_KINDS)[K]['parameters']]?: Given<
      (typeof RULE_KINDS)[K]['parameters'][P]
    >;
  };
}[RuleKind];

/** The value of a parameter: durations in milliseconds, null for names without a limit. */
export type RuleValue = number | readonly string[] | null;

/** A parsed rule; lengths of time in milliseconds. */
export interface Rule {
  readonly name: string;
  readonly kind: RuleKind;
  readonly severity: Severity;
  readonly forMs: number;
  readonly clearAfterMs: number;
  readonly everyMs: number;
  /** Null for never. */
  readonly repeatMs: number | null;
  /** Null: all that take its severity. */
  readonly channels: readonly string[] | null;
  readonly parameters: Readonly<Record<string, RuleValue>>;
}

/** The rules of a definition that gives none. Findings that have a rule of their own are left to it. */
export const DEFAULT_RULES: readonly RuleOptions[] = [
  { kind: 'stuck' },
  {
    kind: 'findings',
    kinds: ['queued', 'hold', 'gate', 'slot', 'limit', 'running', 'loop', 'bridge'],
  },
  { kind: 'dead-letters' },
  { kind: 'failure-rate' },
  { kind: 'worker-lost' },
  { kind: 'schedule-missed' },
  { kind: 'paused-with-backlog' },
  { kind: 'target-down' },
  { kind: 'target-waits' },
  { kind: 'dead-messages' },
  { kind: 'detector-dead' },
  { kind: 'channel-failing' },
];

const COMMON = ['kind', 'name', 'severity', 'for', 'clearAfter', 'every', 'repeat', 'channels'];
const CLEAR_AFTER = '1m';
const EVERY = '5m';
const REPEAT = '1h';
const LONGEST_MS = 365 * 86_400_000;
const RULES_MAX = 100;
const NAMES_MAX = 1_000;

/** Parses rules; their names must differ, and their channels be among `channels`. Throws ALERTS_INVALID or OPTION_UNKNOWN. */
export function parseRules(
  given: readonly RuleOptions[],
  channels: ReadonlySet<string>,
): readonly Rule[] {
  if (!Array.isArray(given) || given.length === 0 || given.length > RULES_MAX)
    throw invalid(`rules to be a list of 1 to ${RULES_MAX} rules`, given);
  const rules = given.map((options: RuleOptions, index) =>
    parseRule(options, `rules[${index}]`, channels),
  );
  const names = rules.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined)
    throw invalid('every rule to have a name of its own (`name`)', `${twice} twice`);
  return rules;
}

function parseRule(options: RuleOptions, at: string, channels: ReadonlySet<string>): Rule {
  const kind: unknown = (options as Partial<RuleOptions> | null | undefined)?.kind;
  if (typeof kind !== 'string' || !Object.hasOwn(RULE_KINDS, kind))
    throw invalid(`${at}.kind to be one of ${Object.keys(RULE_KINDS).join(', ')}`, kind);
  const facts: RuleKindFacts = RULE_KINDS[kind as RuleKind];
  refuseUnknown(options, [...COMMON, ...Object.keys(facts.parameters)], `the alert rule ${at}`);
  const { name = kind, severity = facts.severity, repeat = REPEAT } = options;
  if (!isName(name)) throw invalid(`${at}.name to be ${NAME_WORDS}`, name);
  if (!SEVERITIES.includes(severity))
    throw invalid(`${at}.severity to be one of ${SEVERITIES.join(', ')}`, severity);
  const parameters = Object.entries(facts.parameters).map(([key, parameter]) => [
    key,
    parseParameter(parameter, (options as unknown as Record<string, unknown>)[key], `${at}.${key}`),
  ]);
  return Object.freeze({
    name,
    kind: kind as RuleKind,
    severity,
    forMs: durationOf(options.for ?? facts.for, `${at}.for`),
    clearAfterMs: durationOf(options.clearAfter ?? CLEAR_AFTER, `${at}.clearAfter`),
    everyMs: durationOf(options.every ?? EVERY, `${at}.every`),
    repeatMs: repeat === false ? null : durationOf(repeat, `${at}.repeat`),
    channels: channelsOf(options.channels, `${at}.channels`, channels),
    parameters: Object.fromEntries(parameters),
  });
}

function parseParameter(parameter: RuleParameter, given: unknown, at: string): RuleValue {
  const value = given ?? parameter.default;
  if (value === null) return null;
  switch (parameter.kind) {
    case 'duration':
      return durationOf(value, at);
    case 'names':
      return namesOf(value, at);
    case 'share':
      if (typeof value === 'number' && value > 0 && value <= 1) return value;
      throw invalid(`${at} to be a number above 0 and up to 1`, value);
    case 'number':
      if (Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 1_000_000)
        return value as number;
      throw invalid(`${at} to be a whole number from 1 to 1,000,000`, value);
  }
}

function durationOf(value: unknown, at: string): number {
  const ms = parseDuration(value);
  if (ms !== undefined && ms <= LONGEST_MS) return ms;
  throw invalid(`${at} to be a duration up to 365d such as '5m'`, value);
}

function namesOf(value: unknown, at: string): readonly string[] {
  const fits = Array.isArray(value) && value.length > 0 && value.length <= NAMES_MAX;
  if (fits && value.every(isName)) return value;
  throw invalid(`${at} to be a list of 1 to ${NAMES_MAX} names`, value);
}

function channelsOf(
  given: readonly string[] | undefined,
  at: string,
  channels: ReadonlySet<string>,
): readonly string[] | null {
  if (given === undefined) return null;
  const names = namesOf(given, at);
  const unknown = names.find((name) => !channels.has(name));
  if (unknown === undefined) return names;
  throw invalid(`${at} to name channels of the definition`, unknown);
}

function invalid(expected: string, got: unknown): Error {
  return unstuckError('ALERTS_INVALID', `Expected ${expected}, got ${shown(got)}.`);
}
