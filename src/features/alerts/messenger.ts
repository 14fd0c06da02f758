/** Messenger: sends a message by a channel of this process at once, past the outbox: to try a channel, and when there is no database. */
import { randomUUID } from 'node:crypto';
import { isAtLeast } from '../../domain/alert.ts';
import type { AlertItem } from '../../domain/alert-messages.ts';
import type { AlertsDefinition } from '../../domain/define-alerts.ts';
import type { Message, Sent } from '../../domain/delivery.ts';
import type { Log } from '../../domain/log.ts';
import type { Sender } from '../../engine/senders.ts';
import { sleep } from '../../std/timer.ts';

/** The rule of what a process tells when it has no database; a channel may take it or leave it by this name. */
export const DATABASE_LOST = 'database-lost';

const SEND_MS = 30_000;

/** What became of a message that was sent at once. */
export interface TestedChannel {
  readonly channel: string;
  readonly accepted: boolean;
  /** Why not; null when it was accepted. */
  readonly code: string | null;
  /** What the API of the channel said. */
  readonly message: string;
}

/** Sends one message to try a channel; resolves with what its API said. */
export async function sendTest(channel: string, sender: Sender): Promise<TestedChannel> {
  const sent = await sendNow(sender, {
    id: randomUUID(),
    purpose: 'alert',
    event: 'alert.test',
    subject: '[test] Unstuck can reach you',
    text: `This is a test of the channel ${channel}. Nothing is wrong.`,
    severity: 'info',
    at: new Date(),
    data: {},
  });
  return sent.kind === 'accepted'
    ? { channel, accepted: true, code: null, message: sent.note ?? 'accepted' }
    : { channel, accepted: false, code: sent.code, message: sent.message };
}

/** Tells every channel that takes it that the database is lost, or back: in place of one that fails its fallback. */
export async function tellOfDatabase(
  { channels }: AlertsDefinition,
  senders: ReadonlyMap<string, Sender>,
  item: AlertItem,
  log: Log,
): Promise<void> {
  const message = messageOf(item);
  const wanted = [...channels].filter(
    ([, { minSeverity, rules }]) =>
      isAtLeast(item.severity, minSeverity) && (rules === null || rules.includes(DATABASE_LOST)),
  );
  const tell = async (name: string): Promise<void> => {
    const sender = senders.get(name);
    const sent = sender && (await sendNow(sender, message));
    if (sent === undefined || sent.kind === 'accepted') return;
    const { code, message: reason } = sent;
    log.error('alert_failed', { channel: name, rule: item.rule, code, reason });
    const fallback = channels.get(name)?.fallback ?? null;
    if (fallback !== null) await tell(fallback);
  };
  await Promise.all(wanted.map(([name]) => tell(name)));
}

function messageOf(item: AlertItem): Message {
  const fires = item.state === 'firing';
  return {
    id: randomUUID(),
    purpose: 'alert',
    event: `alert.${item.state}`,
    subject: `[${fires ? item.severity : item.state}] ${item.rule}: ${item.subject}`,
    text: item.summary,
    severity: item.severity,
    at: new Date(),
    data: { total: 1, items: [item], open: fires ? 1 : 0 },
  };
}

/** Whatever a sender does, it ends in its time. */
async function sendNow(sender: Sender, message: Message): Promise<Sent> {
  const stop = new AbortController();
  const late = sleep(SEND_MS, stop.signal).then((): Sent => {
    stop.abort();
    return failed('It did not end within 30 s.');
  });
  const sent = sender
    .send(message, stop.signal)
    .catch((error: unknown) => failed(error instanceof Error ? error.message : String(error)));
  const first = await Promise.race([sent, late]);
  stop.abort();
  return first;
}

function failed(message: string): Sent {
  return { kind: 'failed', again: true, code: 'SENDER_FAILED', message };
}
