/** Alert channels: by what way and to whom alerts are told. Their secrets are in this process's memory only. */
import { readUrl } from '../std/http-request.ts';
import { shown } from '../std/shown.ts';
import { SEVERITIES } from './alert.ts';
import type { Severity } from './delivery.ts';
import { unstuckError } from './errors.ts';
import { isOfKind } from './kinds.ts';
import { refuseUnknown } from './known-options.ts';
import { checkWebhookSecret } from './webhook-signature.ts';

/** What every channel takes. */
export interface CommonChannelOptions {
  /** Takes alerts that are at least so serious. Default `info`: all. */
  readonly minSeverity?: Severity;
  /** Takes alerts of these rules only, by their names. Default all. */
  readonly rules?: readonly string[];
  /** The channel that gets what this one could not deliver; none by default. */
  readonly fallback?: string;
}

/** SMS by Twilio, to one telephone; needs the package `twilio`. */
export interface SmsOptions extends CommonChannelOptions {
  /** `AC…`. */
  readonly accountSid: string;
  readonly authToken: string;
  /** E.164, such as `+15005550006`, or the SID of a messaging service (`MG…`). */
  readonly from: string;
  /** E.164. */
  readonly to: string;
  /** Where the API is. Default `https://api.twilio.com`. */
  readonly apiUrl?: string;
}

/** A webhook that is signed as Standard Webhooks says. */
export interface WebhookOptions extends CommonChannelOptions {
  readonly url: string;
  /** `whsec_…`, or several of them while they are rotated. */
  readonly secret: string | readonly string[];
}

/** An incoming webhook of Slack, or of what understands the same. */
export interface SlackOptions extends CommonChannelOptions {
  /** It is a secret: whoever has it can write into the channel. */
  readonly url: string;
}

/** Mail over SMTP, to one address; needs the package `nodemailer`. */
export interface EmailOptions extends CommonChannelOptions {
  readonly to: string;
  /** `smtp://` or `smtps://`, with user and password. Default: the option `smtpUrl` of the connection. */
  readonly smtpUrl?: string;
  /** Default: the option `mailFrom` of the connection. */
  readonly from?: string;
}

/** An event of Sentry; needs the package `@sentry/core`, which `@sentry/node` contains. */
export interface SentryOptions extends CommonChannelOptions {
  readonly dsn: string;
  readonly environment?: string;
}

/** PagerDuty, Events API v2: an alert triggers, acknowledges and resolves one incident. */
export interface PagerdutyOptions extends CommonChannelOptions {
  readonly routingKey: string;
  /** Where the API is. Default `https://events.pagerduty.com`. */
  readonly apiUrl?: string;
}

/** What each protocol needs to send. */
export interface ChannelSettings {
  readonly sms: Required<Omit<SmsOptions, keyof CommonChannelOptions>>;
  readonly webhook: { readonly url: string; readonly secrets: readonly string[] };
  readonly slack: { readonly url: string };
  readonly email: Omit<EmailOptions, keyof CommonChannelOptions>;
  readonly sentry: { readonly dsn: string; readonly environment: string };
  readonly pagerduty: { readonly routingKey: string; readonly apiUrl: string };
}

/** How a channel sends. */
export type Protocol = keyof ChannelSettings;

/** A channel as one of the functions here makes it. */
export interface ChannelDefinition<P extends Protocol = Protocol> {
  readonly kind: 'unstuck-channel';
  readonly protocol: P;
  readonly minSeverity: Severity;
  /** Null: all. */
  readonly rules: readonly string[] | null;
  readonly fallback: string | null;
  /** Whom it tells, as far as it may be shown: no secret, of a telephone the last two digits. */
  readonly to: string;
  /** What it sends with. Not enumerable: it does not appear in JSON, logs or messages. */
  readonly settings: ChannelSettings[P];
}

const COMMON = ['minSeverity', 'rules', 'fallback'];
const TWILIO_URL = 'https://api.twilio.com';
const PAGERDUTY_URL = 'https://events.pagerduty.com';
const TEXT_MAX = 2_000;

/** Makes a channel that sends SMS by Twilio. Throws ALERTS_INVALID or OPTION_UNKNOWN. */
export function smsChannel(options: SmsOptions): ChannelDefinition<'sms'> {
  const known = ['accountSid', 'authToken', 'from', 'to', 'apiUrl'];
  const where = check(options, 'smsChannel', known);
  const { accountSid, authToken, from, to, apiUrl = TWILIO_URL } = options;
  expect(/^AC[0-9a-zA-Z]{1,64}$/.test(accountSid), where('accountSid'), 'to begin with AC');
  expectSecret(authToken, where('authToken'));
  expect(isTelephone(from) || /^MG\w{1,64}$/.test(from), where('from'), TELEPHONE);
  expect(isTelephone(to), where('to'), TELEPHONE);
  const settings = { accountSid, authToken, from, to, apiUrl: urlOf(apiUrl, where('apiUrl')) };
  return channel('sms', options, { to: shownTelephone(to), settings });
}

/** Makes a channel that calls a webhook. Throws ALERTS_INVALID, OPTION_INVALID (its secret) or OPTION_UNKNOWN. */
export function webhookChannel(options: WebhookOptions): ChannelDefinition<'webhook'> {
  const where = check(options, 'webhookChannel', ['url', 'secret']);
  const secrets = [options.secret].flat();
  expect(secrets.length > 0 && secrets.length <= 5, where('secret'), 'to be 1 to 5 secrets');
  const checked = secrets.map((secret) => checkWebhookSecret(secret, where('secret')));
  const url = urlOf(options.url, where('url'));
  return channel('webhook', options, { to: originOf(url), settings: { url, secrets: checked } });
}

/** Makes a channel that writes to Slack. Throws ALERTS_INVALID or OPTION_UNKNOWN. */
export function slackChannel(options: SlackOptions): ChannelDefinition<'slack'> {
  const where = check(options, 'slackChannel', ['url']);
  const url = urlOf(options.url, where('url'));
  return channel('slack', options, { to: originOf(url), settings: { url } });
}

/** Makes a channel that sends mail. Throws ALERTS_INVALID or OPTION_UNKNOWN. */
export function emailChannel(options: EmailOptions): ChannelDefinition<'email'> {
  const where = check(options, 'emailChannel', ['to', 'smtpUrl', 'from']);
  const { to, smtpUrl, from } = options;
  expect(isAddress(to), where('to'), 'to be an address such as ops@example.com');
  expect(from === undefined || isAddress(from), where('from'), 'to be an address');
  const server = smtpUrl === undefined || /^smtps?:\/\/\S{1,500}$/.test(smtpUrl);
  expect(server, where('smtpUrl'), 'to be like smtps://user:password@host:465');
  const given = {
    ...(smtpUrl === undefined ? {} : { smtpUrl }),
    ...(from === undefined ? {} : { from }),
  };
  return channel('email', options, { to, settings: { to, ...given } });
}

/** Makes a channel that reports to Sentry, through no client of the application. Throws ALERTS_INVALID or OPTION_UNKNOWN. */
export function sentryChannel(options: SentryOptions): ChannelDefinition<'sentry'> {
  const where = check(options, 'sentryChannel', ['dsn', 'environment']);
  const { dsn, environment = 'production' } = options;
  expect(/^https?:\/\/\w+(?::\w+)?@[^\s@]+\/\d+$/.test(dsn), where('dsn'), 'to be a DSN of Sentry');
  expect(/^[^\s/]{1,64}$/.test(environment), where('environment'), 'to be a short name');
  const to = originOf(dsn.replace(/\/\/.*@/, '//'));
  return channel('sentry', options, { to, settings: { dsn, environment } });
}

/** Makes a channel that opens and resolves incidents of PagerDuty. Throws ALERTS_INVALID or OPTION_UNKNOWN. */
export function pagerdutyChannel(options: PagerdutyOptions): ChannelDefinition<'pagerduty'> {
  const where = check(options, 'pagerdutyChannel', ['routingKey', 'apiUrl']);
  const { routingKey, apiUrl = PAGERDUTY_URL } = options;
  expectSecret(routingKey, where('routingKey'));
  const url = urlOf(apiUrl, where('apiUrl'));
  return channel('pagerduty', options, {
    to: originOf(url),
    settings: { routingKey, apiUrl: url },
  });
}

/** Whether a value was made by one of the functions here, even by another copy of the package. */
export function isChannel(value: unknown): value is ChannelDefinition {
  return isOfKind(value, 'unstuck-channel');
}

/** The last two digits of a telephone number: enough to know which, too few to know whose. */
export function shownTelephone(number: string): string {
  return `…${number.slice(-2)}`;
}

const TELEPHONE = 'to be a telephone number such as +15005550006';

function channel<P extends Protocol>(
  protocol: P,
  { minSeverity = 'info', rules, fallback }: CommonChannelOptions,
  { to, settings }: { readonly to: string; readonly settings: ChannelSettings[P] },
): ChannelDefinition<P> {
  const shownPart = {
    kind: 'unstuck-channel' as const,
    protocol,
    minSeverity,
    rules: rules ?? null,
    fallback: fallback ?? null,
    to,
  };
  const hidden = { settings: { value: Object.freeze(settings), enumerable: false } };
  return Object.freeze(Object.defineProperties(shownPart, hidden)) as ChannelDefinition<P>;
}

/** Checks what every channel takes; returns how an option is called in a message. */
function check(
  options: CommonChannelOptions,
  name: string,
  known: readonly string[],
): (option: string) => string {
  if (typeof options !== 'object' || options === null)
    throw invalid(`the options of ${name} to be an object, got ${shown(options)}`);
  refuseUnknown(options, [...known, ...COMMON], name);
  const where = (option: string): string => `${option} of ${name}`;
  const { minSeverity = 'info', rules = ['all'], fallback = 'none' } = options;
  expect(SEVERITIES.includes(minSeverity), where('minSeverity'), `in ${SEVERITIES.join(', ')}`);
  const names = Array.isArray(rules) && rules.length > 0 && rules.length <= 100;
  expect(names && rules.every(isText), where('rules'), 'to be a list of names of rules');
  expect(isText(fallback), where('fallback'), 'to be the name of a channel');
  return where;
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== '' && value.length <= 200;
}

function isTelephone(value: unknown): boolean {
  return typeof value === 'string' && /^\+[1-9]\d{6,14}$/.test(value);
}

function isAddress(value: unknown): value is string {
  return (
    typeof value === 'string' && value.length <= 254 && /^[^\s@<>,;"]+@[^\s@<>,;"]+$/.test(value)
  );
}

function urlOf(value: string, where: string): string {
  const fits = typeof value === 'string' && value.length <= TEXT_MAX;
  expect(
    fits && readUrl(value) !== undefined,
    where,
    'to be an http(s) address without a user in it',
  );
  return value.replace(/\/+$/, '');
}

function originOf(url: string): string {
  return new URL(url).host;
}

/** The value itself is never shown: it may be a secret, or hold one. */
function expect(fits: unknown, where: string, words: string): void {
  if (fits !== true) throw invalid(`${where} ${words}, got another value`);
}

function expectSecret(value: unknown, where: string): void {
  const fits = typeof value === 'string' && /^\S{1,500}$/.test(value);
  expect(fits, where, 'to be a text without spaces');
}

function invalid(expected: string): Error {
  return unstuckError('ALERTS_INVALID', `Expected ${expected}.`);
}
