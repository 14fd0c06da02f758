/** Delivery: what people and other systems are told, to whom, and when a try that failed is made again. */

/** A JSON object. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** How urgent a message is. */
export type Severity = 'info' | 'warning' | 'critical';

/** What a delivery is for: somebody asked for a job and is told of its end, or something must be looked at. */
export type Purpose = (typeof PURPOSES)[number];
/** All of them. */
export const PURPOSES = ['notify', 'alert'] as const;
/** The states of a delivery. */
export const STATES_OF_DELIVERY = ['pending', 'delivered', 'failed'] as const;

/** Whether a value is one of a list. */
export function isOneOf(list: readonly unknown[], value: unknown): boolean {
  return list.includes(value);
}

/** Why a try failed. */
export interface DeliveryError {
  /** Stable code of the catalogue. */
  readonly code: string;
  readonly message: string;
}

/** How telling one address of the end of a job stands. */
export interface JobDelivery {
  readonly channel: 'webhook' | 'email';
  /** Of a URL without query and fragment, which may be secret. */
  readonly address: string;
  /** `waiting` for the end; `forgotten`: told, or given up, more than 7 days ago. */
  readonly state: 'waiting' | 'forgotten' | Delivery['state'];
  /** Tries so far. */
  readonly attempts: number;
  /** Null while it waits and when it is forgotten. */
  readonly deliveryId: string | null;
  /** Why the latest try failed. */
  readonly error: DeliveryError | null;
}

/** One thing that somebody is told, and how that stands. */
export interface Delivery {
  /** The same for every try: the `webhook-id`, and the key by which receivers know a repeat. */
  readonly id: string;
  readonly purpose: Purpose;
  /** `webhook` or `email`; of an alert the name of its channel. */
  readonly channel: string;
  /** Where to; of a URL without query and fragment, which may be secret. Null for an alert. */
  readonly address: string | null;
  readonly jobId: string | null;
  readonly state: (typeof STATES_OF_DELIVERY)[number];
  /** Tries so far. */
  readonly attempts: number;
  /** Whether a process is sending it now. */
  readonly sending: boolean;
  /** When it is tried next; null when it has ended. */
  readonly nextAt: Date | null;
  /** When it is given up. */
  readonly expiresAt: Date;
  /** Why the latest try failed; null when none has, or when it was accepted. */
  readonly error: DeliveryError | null;
  /** What is told. */
  readonly payload: unknown;
  readonly createdAt: Date;
  readonly deliveredAt: Date | null;
  readonly failedAt: Date | null;
}

/** One message, whatever the way in which it is sent. */
export interface Message {
  /** The same for every try: receivers know a repeat by it. */
  readonly id: string;
  readonly purpose: Purpose;
  /** `job.ended`, `alert.firing`, `alert.resolved` or `alert.test`. */
  readonly event: string;
  /** One line. */
  readonly subject: string;
  /** For people. */
  readonly text: string;
  readonly severity: Severity;
  /** When it became true. */
  readonly at: Date;
  /** For programs. */
  readonly data: JsonObject;
}

/** What became of one try. `again`: whether another one may succeed; `afterMs`: not before so many milliseconds. */
export type Sent =
  | { readonly kind: 'accepted'; readonly note?: string }
  | {
      readonly kind: 'failed';
      readonly again: boolean;
      readonly afterMs?: number;
      readonly code: string;
      readonly message: string;
    };

/** By which way a delivery goes, and to whom. */
export interface Destination {
  readonly purpose: Purpose;
  /** Of an alert the name of its channel, else `webhook` or `email`. */
  readonly channel: string;
  /** Null for an alert: its channel knows. */
  readonly address: string | null;
}

/** What a delivery holds to be told. */
export interface Told {
  readonly id: string;
  readonly purpose: Purpose;
  readonly payload: unknown;
  readonly at: Date;
}

/** Makes the message of a delivery. The payload of an alert is its message. */
export function messageOf({ id, purpose, payload, at }: Told): Message {
  const data = payload as JsonObject;
  if (purpose === 'notify') return { id, purpose, at, ...endInWords(data), data };
  return {
    id,
    purpose,
    at,
    event: textOf(data['event']) ?? 'alert.firing',
    subject: textOf(data['subject']) ?? 'Alert',
    text: textOf(data['text']) ?? '',
    severity: (textOf(data['severity']) as Severity | undefined) ?? 'warning',
    data: (data['data'] ?? {}) as JsonObject,
  };
}

/** A job's end for people: the facts, one a line. */
function endInWords(data: JsonObject): Pick<Message, 'event' | 'subject' | 'text' | 'severity'> {
  const { type, state, error } = data;
  const failure = error as { readonly code?: unknown; readonly message?: unknown } | null;
  const facts: readonly (readonly [string, unknown])[] = [
    ['job', data['job_id']],
    ['type', type],
    ['state', state],
    ['key', data['key']],
    ['finished', data['finished_at']],
    ['reason', data['reason']],
    ['error', failure && `${textOf(failure.code) ?? ''}: ${textOf(failure.message) ?? ''}`],
    ['result', data['result']],
  ];
  const lines = facts.flatMap(([name, value]) =>
    value === null || value === undefined
      ? []
      : [`${name}: ${oneLine(textOf(value) ?? JSON.stringify(value))}`],
  );
  return {
    event: 'job.ended',
    subject: oneLine(`Job ${String(type)} ${String(state)}`),
    text: `${lines.join('\n')}\n`,
    severity: state === 'failed' ? 'warning' : 'info',
  };
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ');
}

/** Milliseconds from a try that failed to the next one: the schedule of Standard Webhooks, and once a day after it. */
const AGAIN_MS: readonly number[] = [
  5_000, 300_000, 1_800_000, 7_200_000, 18_000_000, 36_000_000, 50_400_000, 72_000_000, 86_400_000,
];
const LATEST_MS = 86_400_000;

/**
 * Returns the milliseconds until the next try after so many (1 or more): that of the schedule, less or more by up to 10 %, so that those which
 * failed together do not come back together; longer when the receiver asked for it. `random` from 0 to 1.
 */
export function againMs(attempts: number, random: number, askedMs = 0): number {
  const planned = AGAIN_MS[attempts - 1] ?? LATEST_MS;
  return Math.max(Math.round(planned * (0.9 + random * 0.2)), askedMs);
}

/** An address without what may be secret in it: of a URL the query and the fragment are left out. */
export function shownAddress(channel: string, address: string): string {
  return channel === 'webhook' ? address.replace(/[?#].*$/s, '?…') : address;
}
