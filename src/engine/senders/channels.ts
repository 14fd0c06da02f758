/** Channels: the senders of the channels of a definition. */
import type { ChannelDefinition, ChannelSettings, Protocol } from '../../domain/alert-channels.ts';
import type { Log } from '../../domain/log.ts';
import type { HttpCaller } from '../../std/http-call.ts';
import type { Sender } from '../senders.ts';
import { emailTo, type MailSettings } from './email.ts';
import { pagerdutySender } from './pagerduty.ts';
import { sentrySender } from './sentry.ts';
import { slackSender } from './slack.ts';
import { smsSender } from './sms.ts';
import { webhookTo } from './webhook.ts';

/** What senders of channels share. */
export interface ChannelTools {
  readonly caller: HttpCaller;
  readonly log: Log;
  /** The mail server of channels that name none. */
  readonly mail: MailSettings | undefined;
}

type Makers = {
  readonly [P in Protocol]: (settings: ChannelSettings[P], tools: ChannelTools) => Sender;
};

const MAKERS: Makers = {
  sms: (settings, { caller, log }) => smsSender(settings, caller, log),
  slack: (settings, { caller }) => slackSender(settings, caller),
  pagerduty: (settings, { caller }) => pagerdutySender(settings, caller),
  sentry: (settings, { caller }) => sentrySender(settings, caller),
  webhook: ({ url, secrets }, { caller }) => webhookTo(caller, url, secrets),
  email: ({ to, smtpUrl, from }, { mail }) => {
    const server = { url: smtpUrl ?? mail?.url, from: from ?? mail?.from };
    return isWhole(server) ? emailTo(server, to) : NO_MAIL;
  },
};

function isWhole(
  server: {
    readonly [Name in keyof MailSettings]: string | undefined;
  },
): server is MailSettings {
  return server.url !== undefined && server.from !== undefined;
}

const NO_MAIL: Sender = {
  send: async () => ({
    kind: 'failed',
    again: false,
    code: 'MAIL_FAILED',
    message: 'No mail server is set: give smtpUrl and from to the channel, or to the connection.',
  }),
};

/** Makes the sender of a channel. */
export function channelSender<P extends Protocol>(
  { protocol, settings }: ChannelDefinition<P>,
  tools: ChannelTools,
): Sender {
  return MAKERS[protocol](settings, tools);
}
