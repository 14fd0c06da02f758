/** Sentry: reports alerts as events in its envelope protocol, by no client: the application's own one is left alone. */
import type { ChannelSettings } from '../../domain/alert-channels.ts';
import type { AlertItem } from '../../domain/alert-messages.ts';
import type { Message } from '../../domain/delivery.ts';
import { VERSION } from '../../domain/version.ts';
import type { HttpCaller } from '../../std/http-call.ts';
import type { Sender } from '../senders.ts';
import { API_CALL, sentBy } from './answers.ts';
import { loadPackage } from './package.ts';

const LEVELS = { info: 'info', warning: 'warning', critical: 'error' } as const;

/** Makes the sender of a channel. */
export function sentrySender(
  { dsn: text, environment }: ChannelSettings['sentry'],
  caller: HttpCaller,
): Sender {
  return {
    send: async (message, signal) => {
      const sdk = await loadPackage('@sentry/core', () => import('@sentry/core'));
      if ('kind' in sdk) return sdk;
      const dsn = sdk.makeDsn(text);
      if (dsn === undefined)
        return { kind: 'failed', again: false, code: 'SENDER_FAILED', message: 'The DSN is none.' };
      const envelope = sdk.createEventEnvelope(
        { ...eventOf(message), environment, timestamp: message.at.getTime() / 1_000 },
        dsn,
        { sdk: { name: 'unstuck', version: VERSION } },
      );
      const body = sdk.serializeEnvelope(envelope);
      const answer = await caller.call({
        url: sdk.getEnvelopeEndpointWithUrlEncodedAuth(dsn),
        method: 'POST',
        headers: { 'content-type': 'application/x-sentry-envelope' },
        body: typeof body === 'string' ? body : Buffer.from(body).toString('utf8'),
        signal,
        ...API_CALL,
      });
      return sentBy(answer, { api: 'Sentry' });
    },
  };
}

/** The id of the message is that of the event, by which Sentry knows a repeat; the alert is the issue that it belongs to. */
function eventOf(message: Message): {
  event_id: string;
  level: (typeof LEVELS)[keyof typeof LEVELS];
  message: string;
  fingerprint: string[];
  tags: Record<string, string>;
  extra: Record<string, unknown>;
  platform: 'node';
  logger: 'unstuck';
} {
  const [only, other] = (message.data['items'] ?? []) as readonly AlertItem[];
  const single = only !== undefined && other === undefined;
  const about = single ? [only.rule, only.subject] : ['digest'];
  return {
    event_id: message.id.replaceAll('-', ''),
    level: message.event === 'alert.firing' ? LEVELS[message.severity] : 'info',
    message: message.subject,
    fingerprint: ['unstuck', message.event, ...about],
    tags: {
      event: message.event,
      severity: message.severity,
      ...(single ? { rule: only.rule, subject: only.subject.slice(0, 200) } : {}),
    },
    extra: { text: message.text, ...message.data },
    platform: 'node',
    logger: 'unstuck',
  };
}
