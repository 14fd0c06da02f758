/** Dead entries: how a dead message and the reason stand in the list of dead messages, where other programs may put theirs. */
import { createHash } from 'node:crypto';
import type { DeadMessage } from './bridge.ts';
import { toStorableText } from './payload.ts';

/** What tells our entries from those of others. */
const MARK = 'dead-message';
const SHOWN_MAX = 10_000;
const REASON_MAX = 2_000;

/** Writes the entry of a dead message, without its end: Redis adds the time and the brace. */
export function deadEntry(
  raw: Uint8Array,
  why: {
    readonly bridge: string;
    readonly code: string;
    readonly reason: string;
    /** The id of the row that expects it. */
    readonly rowId?: string;
  },
): string {
  const text = Buffer.from(raw).toString('utf8');
  const exact = Buffer.from(text, 'utf8').equals(raw);
  const message = exact
    ? { message: text }
    : { message_base64: Buffer.from(raw).toString('base64') };
  const { bridge, code, reason, rowId } = why;
  const told = { bridge, code, reason: reason.slice(0, REASON_MAX), row_id: rowId };
  const entry = { unstuck: MARK, ...told, ...message };
  return JSON.stringify(entry).slice(0, -1);
}

/** The message that an entry holds: that of ours, or the whole entry of another program. */
export function messageOfEntry(entry: Uint8Array): Buffer {
  const { message, message_base64: encoded } = ours(entry) ?? {};
  if (typeof message === 'string') return Buffer.from(message, 'utf8');
  if (typeof encoded === 'string') return Buffer.from(encoded, 'base64');
  return Buffer.from(entry);
}

/** The id of the row that expects the message of an entry, where the entry knows it. */
export function rowIdOfEntry(entry: Uint8Array): string | undefined {
  const id = ours(entry)?.['row_id'];
  return typeof id === 'string' ? id : undefined;
}

/** What people see of an entry. */
export function toDeadMessage(entry: Uint8Array, position: number): DeadMessage {
  const raw = messageOfEntry(entry);
  const text = raw.toString('utf8');
  const exact = Buffer.from(text, 'utf8').equals(raw);
  const { code, reason, dead_at_ms: at } = ours(entry) ?? {};
  return {
    position,
    digest: digestOfEntry(entry),
    message: (exact ? toStorableText(text) : raw.toString('base64')).slice(0, SHOWN_MAX),
    encoding: exact ? 'text' : 'base64',
    bytes: raw.length,
    code: typeof code === 'string' ? code : null,
    reason: typeof reason === 'string' ? reason : null,
    deadAt: deadTime(at),
  };
}

/** When an entry of ours was made, by the clock of Redis, in ms since 1970; undefined for one of another program. */
export function timeOfEntry(entry: Uint8Array): number | undefined {
  return deadTime(ours(entry)?.['dead_at_ms'])?.getTime();
}

/** What recognises an entry: as Redis computes it in a script. */
export function digestOfEntry(entry: Uint8Array): string {
  return createHash('sha1').update(entry).digest('hex');
}

function deadTime(ms: unknown): Date | null {
  return typeof ms === 'number' && Math.abs(ms) <= 8.64e15 ? new Date(ms) : null;
}

function ours(entry: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const value = JSON.parse(Buffer.from(entry).toString('utf8')) as Record<string, unknown> | null;
    return value?.['unstuck'] === MARK ? value : undefined;
  } catch {
    return undefined;
  }
}
