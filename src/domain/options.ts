/** Every option once: its default, unit, bounds and environment variable; parsed once into a frozen configuration. */
import type { Duration } from '../std/duration.ts';
import { refuseUnknown } from './known-options.ts';
import { type Option, parseOption } from './parse-option.ts';

/** The table of options. The environment variable of `pollInterval` is `UNSTUCK_POLL_INTERVAL`, and so on. */
export const OPTIONS = {
  schema: {
    kind: 'text',
    default: 'unstuck',
    pattern: '^[a-z_][a-z0-9_]{0,39}$',
    about: 'The PostgreSQL schema that holds everything.',
  },
  directory: {
    kind: 'text',
    default: '.unstuck',
    pattern: '^.{1,1000}$',
    about: 'Where the embedded PostgreSQL keeps its data, when no address is given.',
  },
  migrate: {
    kind: 'switch',
    default: true,
    about: 'Whether connecting brings the schema up to date.',
  },
  unknownTypes: {
    kind: 'choice',
    default: 'accept',
    choices: ['accept', 'refuse'],
    about:
      'Whether a job of a type that nobody has ever defined may be enqueued; accepted ones are reported while they wait.',
  },
  inputBytesMax: {
    kind: 'number',
    default: 1_048_576,
    min: 100,
    max: 104_857_600,
    unit: 'bytes of JSON',
    about: 'The largest input.',
  },
  resultBytesMax: {
    kind: 'number',
    default: 1_048_576,
    min: 100,
    max: 104_857_600,
    unit: 'bytes of JSON',
    about: 'The largest result.',
  },
  depthMax: {
    kind: 'number',
    default: 100,
    min: 1,
    max: 1_000,
    unit: 'levels',
    about: 'The deepest nesting of inputs and results.',
  },
  timeout: {
    kind: 'duration',
    default: '30m',
    min: '100ms',
    max: '3650d',
    about:
      'The timeout of types that set none: an attempt is aborted after it, then retried or failed.',
  },
  claimWithin: {
    kind: 'duration',
    default: '5m',
    min: '100ms',
    max: '3650d',
    about:
      'How long a queued job may wait for a worker before a finding says why, for types that set none.',
  },
  pollInterval: {
    kind: 'duration',
    default: '1s',
    min: '10ms',
    max: '1h',
    about: 'How often a worker looks for work when no notification came.',
  },
  notify: {
    kind: 'switch',
    default: true,
    about: 'Whether LISTEN/NOTIFY wakes workers; polling is always on.',
  },
  lease: {
    kind: 'duration',
    default: '10s',
    min: '1s',
    max: '1h',
    about: 'How long a silent worker keeps its jobs; it is renewed every fifth of it.',
  },
  abortGrace: {
    kind: 'duration',
    default: '5s',
    min: '0ms',
    max: '1h',
    about:
      'How long a handler may go on after its signal was aborted before it is fenced off and left behind.',
  },
  drainTimeout: {
    kind: 'duration',
    default: '30s',
    min: '0ms',
    max: '1d',
    about: 'How long a stopping worker waits for its handlers before it gives their jobs back.',
  },
  ghostsMax: {
    kind: 'number',
    default: 10,
    min: 1,
    max: 10_000,
    unit: 'handlers',
    about: 'How many handlers that never returned a worker carries before it replaces itself.',
  },
  sweep: {
    kind: 'switch',
    default: true,
    about: 'Whether this process takes part in the sweep that moves whatever is late.',
  },
  sweepInterval: {
    kind: 'duration',
    default: '750ms',
    min: '10ms',
    max: '1h',
    about: 'The longest time between two rounds of the sweep.',
  },
  sweepTimeout: {
    kind: 'duration',
    default: '5s',
    min: '100ms',
    max: '10m',
    about: 'How long one statement of the sweep may take; a batch that takes longer is halved.',
  },
  watchInterval: {
    kind: 'duration',
    default: '400ms',
    min: '50ms',
    max: '1m',
    about: 'How often it is checked whether the processes of the workers are alive.',
  },
  keepCompleted: {
    kind: 'duration',
    default: '7d',
    min: '1d',
    max: '3650d',
    about: 'How long completed jobs are kept (whole days).',
  },
  keepFailed: {
    kind: 'duration',
    default: '30d',
    min: '1d',
    max: '3650d',
    about: 'How long failed jobs, attempts and events are kept (whole days).',
  },
  keepCancelled: {
    kind: 'duration',
    default: '7d',
    min: '1d',
    max: '3650d',
    about: 'How long cancelled jobs are kept (whole days).',
  },
  notifyFor: {
    kind: 'duration',
    default: '3d',
    min: '1s',
    max: '30d',
    about: 'How long it is tried to tell whoever an enqueue names that the job has ended.',
  },
  connections: {
    kind: 'number',
    default: 4,
    min: 2,
    max: 50,
    unit: 'connections',
    about:
      'The most connections for enqueues, claims and settles; a worker has up to four more (lifeline, listener, sweep).',
  },
  transactionConnections: {
    kind: 'number',
    default: 10,
    min: 1,
    max: 500,
    unit: 'connections',
    about: 'The most connections that job.transaction may use at once.',
  },
  connectTimeout: {
    kind: 'duration',
    default: '5s',
    min: '100ms',
    max: '5m',
    about: 'How long opening one connection may take.',
  },
  statementTimeout: {
    kind: 'duration',
    default: '10s',
    min: '100ms',
    max: '10m',
    about: 'How long one statement of the engine may take; its connection is destroyed afterwards.',
  },
  lockTimeout: {
    kind: 'duration',
    default: '2s',
    min: '10ms',
    max: '5m',
    about: 'How long one statement of the engine may wait for a lock.',
  },
  publicUrl: {
    kind: 'text',
    default: '',
    pattern: '^$|^https?://[^\\s?#@]{1,300}$',
    accepts: 'an http or https address without user and query, such as https://jobs.example.com',
    about: 'Where remote workers reach the HTTP API, to call back; empty: they are asked instead.',
  },
  traces: {
    kind: 'choice',
    default: 'link',
    choices: ['link', 'child', 'off'],
    about:
      'How the OpenTelemetry span of an attempt belongs to the trace of the enqueue: a trace of its own with a link, a child in the same trace, or no spans at all.',
  },
  logLevel: {
    kind: 'choice',
    default: 'info',
    choices: ['debug', 'info', 'warn', 'error', 'silent'],
    about: 'The least serious log lines that are written.',
  },
} as const;
// Checked here and not in the declaration, whose literal types must be readable without inference.
OPTIONS satisfies Record<string, Option>;

/** The name of an option. */
export type OptionName = keyof typeof OPTIONS;

type Given<O> = O extends { kind: 'duration' }
  ? Duration
  : O extends { kind: 'number' }
    ? number
    : O extends { kind: 'switch' }
      ? boolean
      : O extends { choices: readonly (infer C)[] }
        ? C
        : string;
type Parsed<O> = O extends { kind: 'duration' | 'number' }
  ? number
  : O extends { kind: 'switch' }
    ? boolean
    : O extends { choices: readonly (infer C)[] }
      ? C
      : string;

/** The options that a caller may give; durations as `'30s'` or milliseconds. */
export type Options = { readonly [Name in OptionName]?: Given<(typeof OPTIONS)[Name]> | undefined };

/** Every option with its value: durations in milliseconds. */
export type Config = { readonly [Name in OptionName]: Parsed<(typeof OPTIONS)[Name]> };

/** Parses options over environment over defaults. Throws OPTION_UNKNOWN or OPTION_INVALID, naming the option or the variable. */
export function parseConfig(
  given: Options,
  environment: Readonly<Record<string, string | undefined>>,
): Config {
  refuseUnknown(given, Object.keys(OPTIONS), 'a connection');
  const values = Object.entries(OPTIONS).map(([name, option]) => [
    name,
    parseOption(name, option, given[name as OptionName], environment),
  ]);
  return Object.freeze(Object.fromEntries(values)) as Config;
}
