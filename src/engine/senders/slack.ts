/** Slack: writes messages by an incoming webhook. */
import type { ChannelSettings } from '../../domain/alert-channels.ts';
import type { Message } from '../../domain/delivery.ts';
import { cutText } from '../../domain/payload.ts';
import type { HttpCaller } from '../../std/http-call.ts';
import type { Sender } from '../senders.ts';
import { API_CALL, sentBy } from './answers.ts';

const TEXT_MAX = 3_000;
const SIGNS = { info: ':information_source:', warning: ':warning:', critical: ':rotating_light:' };

/** Makes the sender of a channel. */
export function slackSender({ url }: ChannelSettings['slack'], caller: HttpCaller): Sender {
  return {
    send: async (message, signal) => {
      const answer = await caller.call({
        url,
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ text: textOf(message) }),
        signal,
        ...API_CALL,
      });
      return sentBy(answer, { api: 'Slack' });
    },
  };
}

function textOf({ event, severity, subject, text }: Message): string {
  const sign = event === 'alert.resolved' ? ':white_check_mark:' : SIGNS[severity];
  return cutText(`${sign} *${escaped(subject)}*\n${escaped(text)}`, TEXT_MAX);
}

/** The three characters that Slack gives a meaning: a name in an alert must not call everybody (`<!channel>`). */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
