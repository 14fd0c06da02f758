/** Alerts: which rules are looked at, by which channels people are told, and where a beat goes while all is well. */
import { type Duration, parseDuration } from '../std/duration.ts';
import { readUrl } from '../std/http-request.ts';
import { shown } from '../std/shown.ts';
import { type ChannelDefinition, isChannel } from './alert-channels.ts';
import { DEFAULT_RULES, parseRules, type Rule, type RuleOptions } from './alert-rules.ts';
import { unstuckError } from './errors.ts';
import { isOfKind } from './kinds.ts';
import { refuseUnknown } from './known-options.ts';
import { isName, NAME_WORDS } from './names.ts';

/** A beat outwards: a service that misses it knows that nobody here can tell any more. */
export interface BeatOptions {
  /** http or https; it is a secret, as whoever has it can beat. */
  readonly url: string;
  /** Default 1m; from 10s to 1d. */
  readonly every?: Duration;
  /** Default GET. */
  readonly method?: 'GET' | 'POST';
}

/** What `defineAlerts` takes. */
export interface AlertsOptions {
  /** By name: 1 to 20 of them. */
  readonly channels: Readonly<Record<string, ChannelDefinition>>;
  /** Default: the usual ones of docs/generated/alert-rules.md. */
  readonly rules?: readonly RuleOptions[];
  readonly beat?: BeatOptions;
  /** How often the rules are looked at. Default 10s; from 1s to 10m. */
  readonly interval?: Duration;
  /** How long the database must not have answered before this process tells so by itself. Default 30s; from 5s to 1h. */
  readonly databaseLostAfter?: Duration;
}

/** A parsed beat. `url` is not enumerable: it does not appear in JSON, logs or messages. */
export interface Beat {
  readonly everyMs: number;
  readonly method: 'GET' | 'POST';
  readonly url: string;
}

/** What `defineAlerts` returns. */
export interface AlertsDefinition {
  readonly kind: 'unstuck-alerts';
  readonly channels: ReadonlyMap<string, ChannelDefinition>;
  readonly rules: readonly Rule[];
  readonly beat: Beat | null;
  readonly intervalMs: number;
  readonly databaseLostAfterMs: number;
}

const CHANNELS_MAX = 20;

/** Defines alerts; every process of an installation that starts them should start the same. Throws ALERTS_INVALID or OPTION_UNKNOWN. */
export function defineAlerts(options: AlertsOptions): AlertsDefinition {
  if (typeof options !== 'object' || options === null)
    throw invalid(`the options of defineAlerts to be an object, got ${shown(options)}`);
  const known = ['channels', 'rules', 'beat', 'interval', 'databaseLostAfter'];
  refuseUnknown(options, known, 'defineAlerts');
  const channels = channelsOf(options.channels);
  const rules = parseRules(options.rules ?? DEFAULT_RULES, new Set(channels.keys()));
  checkChannels(channels, new Set(rules.map(({ name }) => name)));
  return Object.freeze({
    kind: 'unstuck-alerts' as const,
    channels,
    rules,
    beat: options.beat === undefined ? null : beatOf(options.beat),
    intervalMs: lengthOf(options.interval ?? '10s', 'interval', ['1s', '10m']),
    databaseLostAfterMs: lengthOf(options.databaseLostAfter ?? '30s', 'databaseLostAfter', [
      '5s',
      '1h',
    ]),
  });
}

/** Whether a value was made by `defineAlerts`, even by another copy of the package. */
export function isAlertsDefinition(value: unknown): value is AlertsDefinition {
  return isOfKind(value, 'unstuck-alerts');
}

function channelsOf(given: AlertsOptions['channels']): ReadonlyMap<string, ChannelDefinition> {
  const entries = typeof given === 'object' && given !== null ? Object.entries(given) : [];
  if (entries.length === 0 || entries.length > CHANNELS_MAX)
    throw invalid(`channels to be an object of 1 to ${CHANNELS_MAX} channels by their names`);
  for (const [name, channel] of entries) {
    if (!isName(name))
      throw invalid(`the name of a channel to be ${NAME_WORDS}, got ${shown(name)}`);
    if (!isChannel(channel))
      throw invalid(`channel ${name} to be made by smsChannel, slackChannel or another of these`);
  }
  return new Map(entries);
}

/** A fallback leads to another channel and never round in a circle, so that a message ends somewhere. */
function checkChannels(
  channels: ReadonlyMap<string, ChannelDefinition>,
  rules: ReadonlySet<string>,
): void {
  for (const [name, channel] of channels) {
    const stranger = channel.rules?.find((rule) => !rules.has(rule));
    if (stranger !== undefined)
      throw invalid(`rules of channel ${name} to name rules, got ${shown(stranger)}`);
    const passed = new Set<string>();
    for (let at: string | null = name; at !== null; at = channels.get(at)?.fallback ?? null) {
      if (!channels.has(at))
        throw invalid(`the fallback of channel ${name} to name a channel, got ${shown(at)}`);
      if (passed.has(at)) throw invalid(`the fallbacks of channel ${name} not to go in a circle`);
      passed.add(at);
    }
  }
}

function beatOf(given: BeatOptions): Beat {
  refuseUnknown(given, ['url', 'every', 'method'], 'beat', 'beat.');
  const { url, every = '1m', method = 'GET' } = given;
  if (typeof url !== 'string' || url.length > 2_000 || readUrl(url) === undefined)
    throw invalid('beat.url to be an http(s) address without a user in it');
  if (method !== 'GET' && method !== 'POST')
    throw invalid(`beat.method to be GET or POST, got ${shown(method)}`);
  const shownPart = { everyMs: lengthOf(every, 'beat.every', ['10s', '1d']), method };
  const hidden = { url: { value: url, enumerable: false } };
  return Object.freeze(Object.defineProperties(shownPart, hidden)) as Beat;
}

function lengthOf(given: unknown, name: string, [min, max]: readonly [string, string]): number {
  const ms = parseDuration(given);
  if (ms !== undefined && ms >= (parseDuration(min) ?? 0) && ms <= (parseDuration(max) ?? 0))
    return ms;
  throw invalid(`${name} to be a duration from ${min} to ${max}, got ${shown(given)}`);
}

function invalid(expected: string): Error {
  return unstuckError('ALERTS_INVALID', `Expected ${expected}.`);
}
