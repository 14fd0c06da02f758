/** Bridge messages: from the bytes of a list to what a bridge makes of them, and the entries of dead ones. */
import { createHash } from 'node:crypto';
import { shown } from '../std/shown.ts';
import type { BridgeDefinition, BridgedJob } from './define-bridge.ts';
import { isDefinition } from './define-job.ts';
import { UnstuckError, unstuckError } from './errors.ts';
import { parseJson } from './json.ts';
import { isStorableText } from './payload.ts';

/** A message that has been understood. */
export interface BridgeMessage extends BridgedJob {
  /** What tells it from others; undefined when nothing does. */
  readonly id: string | undefined;
}

/** Where messages commonly say when they were sent. */
const TIME_FIELDS: readonly string[] = [
  'sentAt',
  'sent_at',
  'createdAt',
  'created_at',
  'enqueuedAt',
  'enqueued_at',
  'timestamp',
];
/** Numbers below are seconds since 1970, above milliseconds: the year 5138, or 3 March 1973. */
const SECONDS_MAX = 1e11;
const LATEST_MS = 8.64e15;

/** Understands a message. Throws MESSAGE_INVALID, and REQUEST_INVALID or INPUT_UNSTORABLE for what is no JSON or would not be kept exactly. */
export function readMessage(bridge: BridgeDefinition, raw: Uint8Array): BridgeMessage {
  const message = parseJson(textOf(raw), 'the message');
  const id = messageId(bridge, message);
  const { job } = bridge;
  if (typeof job !== 'function') return { type: job, input: message, id };
  const meant = asked('job', () => job(message as never));
  const { type, input, options } = (meant ?? {}) as Partial<BridgedJob>;
  if (typeof type !== 'string' && !isDefinition(type))
    throw invalid(
      `Expected job of bridge ${bridge.name} to return { type, input }, got ${shown(meant)}.`,
    );
  return { type, input, id, ...(options === undefined ? {} : { options }) };
}

/** What tells a message from others; undefined when nothing does, or it cannot be understood. */
export function idOfMessage(bridge: BridgeDefinition, raw: Uint8Array): string | undefined {
  try {
    return messageId(bridge, parseJson(textOf(raw), 'the message'));
  } catch {
    return undefined;
  }
}

/** When a message was sent, by itself, in ms since 1970; undefined when it does not say. */
export function timeOfMessage(bridge: BridgeDefinition, raw: Uint8Array): number | undefined {
  try {
    const message: unknown = JSON.parse(textOf(raw));
    if (bridge.at !== undefined) return toMs(bridge.at(message as never));
    const fields = (message ?? {}) as Readonly<Record<string, unknown>>;
    return TIME_FIELDS.map((name) => toMs(fields[name])).find((ms) => ms !== undefined);
  } catch {
    return undefined;
  }
}

/**
 * The id of the job of a message that has one: a UUID of version 8 made of both, so that whenever and by whomever the message is delivered again, it
 * is the same job. Its last byte is the lane 0.
 */
export function jobIdOf(bridge: string, id: string): string {
  const hex = createHash('sha256')
    .update(JSON.stringify(['bridge', bridge, id]))
    .digest('hex');
  const variant = ((Number.parseInt(hex.slice(15, 16), 16) & 3) | 8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(12, 15)}-${variant}${hex.slice(16, 19)}-${hex.slice(20, 30)}00`;
}

/** Why a message is dead, from whatever refused it. */
export function refusalOf(error: unknown): { readonly code: string; readonly reason: string } {
  if (error instanceof UnstuckError) return { code: error.code, reason: error.message };
  return { code: 'MESSAGE_INVALID', reason: error instanceof Error ? error.message : shown(error) };
}

function messageId({ id, name }: BridgeDefinition, message: unknown): string | undefined {
  if (id === undefined) return undefined;
  const given = asked('id', () => id(message as never));
  if (given === undefined || given === null) return undefined;
  const text = isPlain(given) ? String(given) : '';
  if (text.length >= 1 && text.length <= 1_000 && isStorableText(text)) return text;
  throw invalid(
    `Expected id of bridge ${name} to return a text of 1 to 1000 characters, a number or nothing, got ${shown(given)}.`,
  );
}

function isPlain(value: unknown): value is string | number | bigint {
  return ['string', 'number', 'bigint'].includes(typeof value);
}

function asked<T>(what: string, ask: () => T): T {
  try {
    return ask();
  } catch (cause) {
    if (cause instanceof UnstuckError) throw cause;
    const why = cause instanceof Error ? cause.message : shown(cause);
    throw invalid(`The function ${what} of the bridge threw on this message: ${why}.`, cause);
  }
}

function textOf(raw: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(raw);
  } catch (cause) {
    throw invalid('Expected the message to be JSON in UTF-8, got other bytes.', cause);
  }
}

function toMs(value: unknown): number | undefined {
  if (value instanceof Date) return finite(value.getTime());
  if (typeof value === 'string') return finite(Date.parse(value));
  if (typeof value !== 'number') return undefined;
  return finite(value < SECONDS_MAX ? value * 1_000 : value);
}

function finite(ms: number): number | undefined {
  return Math.abs(ms) <= LATEST_MS ? Math.round(ms) : undefined;
}

function invalid(message: string, cause?: unknown): Error {
  return unstuckError('MESSAGE_INVALID', message, cause === undefined ? {} : { cause });
}
