/** `unstuck alert rules`, `channels` and `test`: of the modules that are given, else of the server of --url. */

import type { Rule, RuleValue } from '../domain/alert-rules.ts';
import type { AlertsDefinition } from '../domain/define-alerts.ts';
import { parseDeliveryOptions } from '../domain/delivery-options.ts';
import { unstuckError } from '../domain/errors.ts';
import { snakeJson } from '../domain/json.ts';
import { lineLog } from '../domain/log.ts';
import { channelSender } from '../engine/senders/channels.ts';
import { type AlertChannel, shownChannels } from '../features/alerts/alerts.ts';
import { sendTest, type TestedChannel } from '../features/alerts/messenger.ts';
import { formatDuration } from '../std/duration.ts';
import { HttpCaller } from '../std/http-call.ts';
import { EXIT } from './exit-codes.ts';
import { loadJobs } from './load-jobs.ts';
import { openScreen } from './screen.ts';
import { type Globals, withUnstuck } from './session.ts';
import type { Column } from './table.ts';

const RULES: readonly Column[] = [
  { title: 'NAME' },
  { title: 'KIND' },
  { title: 'SEVERITY' },
  { title: 'FOR' },
  { title: 'EVERY' },
  { title: 'REPEAT' },
  { title: 'CHANNELS', cut: true },
  { title: 'PARAMETERS', cut: true },
];
const CHANNELS: readonly Column[] = [
  { title: 'NAME' },
  { title: 'PROTOCOL' },
  { title: 'TO', cut: true },
  { title: 'FROM SEVERITY' },
  { title: 'RULES', cut: true },
  { title: 'FALLBACK' },
];

/** Lists rules. */
export async function alertRules(options: Globals, modules: readonly string[]): Promise<number> {
  const screen = openScreen(options.output);
  const rules = await (modules.length > 0
    ? (await definitionOf(modules)).rules
    : withUnstuck(options, (unstuck) => unstuck.alerts.rules()));
  if (screen.json) screen.value({ rules: snakeJson(rules) });
  else screen.table(RULES, rules.map(rowOfRule));
  return EXIT.ok;
}

/** Lists channels. */
export async function alertChannels(options: Globals, modules: readonly string[]): Promise<number> {
  const screen = openScreen(options.output);
  const channels = await (modules.length > 0
    ? shownChannels(await definitionOf(modules))
    : withUnstuck(options, (unstuck) => unstuck.alerts.channels()));
  if (screen.json) screen.value({ channels: snakeJson(channels) });
  else screen.table(CHANNELS, channels.map(rowOfChannel));
  return EXIT.ok;
}

/** Tries a channel, from this process when modules are given: exit code 1 when its API refused. */
export async function alertTest(
  options: Globals,
  channel: string,
  modules: readonly string[],
): Promise<number> {
  const screen = openScreen(options.output);
  const tested = await (modules.length > 0
    ? testHere(await definitionOf(modules), channel)
    : withUnstuck(options, (unstuck) => unstuck.alerts.test(channel)));
  const { accepted, code, message } = tested;
  if (screen.json) screen.value(snakeJson(tested));
  else if (accepted) screen.line(screen.tty ? `${channel}: ${message}` : `${channel}\taccepted`);
  else screen.hint(`${channel}: ${code ?? 'refused'}: ${message}`);
  return accepted ? EXIT.ok : EXIT.failed;
}

async function definitionOf(modules: readonly string[]): Promise<AlertsDefinition> {
  const { alerts } = await loadJobs(modules);
  if (alerts !== undefined) return alerts;
  throw unstuckError(
    'ALERTS_NOT_STARTED',
    `Expected one of ${modules.join(', ')} to export a definition made with defineAlerts, found none.`,
  );
}

async function testHere(definition: AlertsDefinition, name: string): Promise<TestedChannel> {
  const channel = definition.channels.get(name);
  if (channel === undefined)
    throw unstuckError(
      'CHANNEL_NOT_FOUND',
      `There is no channel ${JSON.stringify(name)}. There are: ${[...definition.channels.keys()].join(', ')}.`,
    );
  const caller = new HttpCaller({ privateAddresses: 'allow' });
  const log = lineLog('silent', () => undefined);
  const { mail } = parseDeliveryOptions({}, process.env);
  try {
    return await sendTest(name, channelSender(channel, { caller, log, mail }));
  } finally {
    caller.close();
  }
}

function rowOfRule(rule: Rule): string[] {
  const { name, kind, severity, forMs, everyMs, repeatMs, channels, parameters } = rule;
  return [
    name,
    kind,
    severity,
    formatDuration(forMs),
    formatDuration(everyMs),
    repeatMs === null ? 'never' : formatDuration(repeatMs),
    channels?.join(',') ?? 'all',
    Object.entries(parameters)
      .flatMap(([key, value]) => (value === null ? [] : `${key}=${written(key, value)}`))
      .join(' '),
  ];
}

/** Of the numbers these two are lengths of time. */
function written(key: string, value: RuleValue): string {
  if (typeof value === 'number' && ['over', 'window'].includes(key)) return formatDuration(value);
  return Array.isArray(value) ? value.join(',') : String(value);
}

function rowOfChannel(channel: AlertChannel): string[] {
  const { name, protocol, to, minSeverity, rules, fallback } = channel;
  return [name, protocol, to, minSeverity, rules?.join(',') ?? 'all', fallback ?? '-'];
}
