/** PagerDuty: opens, acknowledges and resolves incidents by the Events API v2. */
import { createHash } from 'node:crypto';
import type { ChannelSettings } from '../../domain/alert-channels.ts';
import type { AlertItem } from '../../domain/alert-messages.ts';
import type { Message, Sent } from '../../domain/delivery.ts';
import { readObject } from '../../domain/json.ts';
import { cutText } from '../../domain/payload.ts';
import type { HttpCaller } from '../../std/http-call.ts';
import type { Sender } from '../senders.ts';
import { API_CALL, sentBy } from './answers.ts';

/** What the API is told. */
interface PagerdutyEvent {
  readonly event_action: 'trigger' | 'acknowledge' | 'resolve';
  readonly dedup_key: string;
  readonly payload?: object;
  readonly client?: string;
}

const KEY_MAX = 255;
const SUMMARY_MAX = 1_024;
/** One incident for all messages of many alerts: it ends when none fires any more. */
const DIGEST_KEY = 'unstuck:digest';
const TEST_KEY = 'unstuck:test';
const ACTIONS = { firing: 'trigger', acknowledged: 'acknowledge', resolved: 'resolve' } as const;

/** Makes the sender of a channel. All events of a message are sent again when one fails: by their keys a repeat changes nothing. */
export function pagerdutySender(
  { routingKey, apiUrl }: ChannelSettings['pagerduty'],
  caller: HttpCaller,
): Sender {
  const one = async (event: PagerdutyEvent, signal: AbortSignal): Promise<Sent> => {
    const answer = await caller.call({
      url: `${apiUrl}/v2/enqueue`,
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ routing_key: routingKey, ...event }),
      signal,
      ...API_CALL,
    });
    const note = (body: string): string | undefined => {
      const { dedup_key: key } = readObject(body) ?? {};
      return typeof key === 'string' ? `PagerDuty: ${event.event_action} ${key}` : undefined;
    };
    return sentBy(answer, { api: 'PagerDuty', note });
  };
  return {
    send: async (message, signal) => {
      let sent: Sent = { kind: 'accepted', note: 'PagerDuty: nothing to tell' };
      for (const event of eventsOf(message)) {
        sent = await one(event, signal);
        if (sent.kind === 'failed') return sent;
      }
      return sent;
    },
  };
}

/** The key of an incident: the same for whatever is told of one alert. */
export function incidentKey(rule: string, subject: string): string {
  const key = `unstuck:${rule}:${subject}`;
  if (key.length <= KEY_MAX) return key;
  const digest = createHash('sha256').update(key).digest('hex');
  return `${cutText(key, KEY_MAX - digest.length - 1)}:${digest}`;
}

function eventsOf(message: Message): readonly PagerdutyEvent[] {
  const items = (message.data['items'] ?? []) as readonly AlertItem[];
  const [only] = items;
  if (only === undefined)
    return [triggerOf(message, TEST_KEY), { event_action: 'resolve', dedup_key: TEST_KEY }];
  const total = Number(message.data['total'] ?? items.length);
  if (total === 1) return [eventOf(message, only), ...endOfDigest(message)];
  const fires = items.some(({ state }) => state === 'firing');
  const ended = items.filter(({ state }) => state !== 'firing');
  return [
    ...(fires ? [triggerOf(message, DIGEST_KEY)] : []),
    ...ended.map((item) => eventOf(message, item)),
    ...(fires ? [] : endOfDigest(message)),
  ];
}

function endOfDigest({ data }: Message): readonly PagerdutyEvent[] {
  return data['open'] === 0 ? [{ event_action: 'resolve', dedup_key: DIGEST_KEY }] : [];
}

function eventOf(message: Message, { rule, subject, state }: AlertItem): PagerdutyEvent {
  const key = incidentKey(rule, subject);
  if (state === 'firing') return triggerOf(message, key);
  return { event_action: ACTIONS[state], dedup_key: key };
}

function triggerOf(message: Message, key: string): PagerdutyEvent {
  return {
    event_action: 'trigger',
    dedup_key: key,
    client: 'Unstuck',
    payload: {
      summary: cutText(message.subject, SUMMARY_MAX),
      source: 'unstuck',
      severity: message.severity,
      timestamp: message.at.toISOString(),
      custom_details: { text: message.text, ...message.data },
    },
  };
}
