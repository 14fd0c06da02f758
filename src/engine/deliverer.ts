/** Deliverer: sends what the outbox holds, from whichever process takes it first. No transaction is open while it sends. */
import { againMs, messageOf, type Sent } from '../domain/delivery.ts';
import type { Log } from '../domain/log.ts';
import { cutText } from '../domain/payload.ts';
import {
  acceptDelivery,
  claimDeliveries,
  type DueRow,
  deferDelivery,
  expireDeliveries,
  failDelivery,
  leaveDelivery,
} from '../sql/deliveries.ts';
import { Loop } from '../std/loop.ts';
import { monotonicMs, settlesWithin, sleep } from '../std/timer.ts';
import type { Database } from '../storage/database.ts';
import { makePartitions } from '../storage/partitions.ts';
import { persist } from '../storage/persist.ts';
import { isPartitionMissing } from '../storage/postgres-errors.ts';
import type { Sender, Senders } from './senders.ts';
import type { ChoreRound } from './sweeper.ts';

/** One process sends so many at once, and so many of one channel: a receiver that hangs keeps no other channel waiting. */
const AT_ONCE_MAX = 32;
const OF_CHANNEL_MAX = 16;
const EXPIRE_MAX = 1_000;
/** A sender has so long; the lease (60 s) leaves the rest for writing down what became of it. */
const SEND_MS = 30_000;
const NOTE_MS = 20_000;
/** What is kept of what a receiver says. It is a stranger: what it says must always be storable, or what was accepted is sent again and again. */
const SAID_MAX = 1_000;
/** How long a channel that this process does not know is left to others. */
const LEAVE_MS = 60_000;
/** How long stopping waits for what is being sent, before and after it is aborted. */
const STOP_MS = 4_000;
/** Without a word of the sweep there is nothing to do. */
const IDLE_MS = 3_600_000;

/** Sends deliveries of this installation until it is stopped. It starts when the first one is due. */
export class Deliverer {
  #database: Database;
  #log: Log;
  #senders: Senders;
  #loop: Loop;
  #due = false;
  #stopped = false;
  #stop = new AbortController();
  /** What is being sent, by channel. */
  #sending = new Map<string, Set<Promise<void>>>();
  /** The channels that are left to others, and until when on the monotonic clock. */
  #left = new Map<string, number>();

  constructor(database: Database, log: Log, senders: Senders) {
    this.#database = database;
    this.#log = log;
    this.#senders = senders;
    senders.whenAdded(() => this.#left.clear());
    this.#loop = new Loop({
      name: 'deliver',
      round: () => this.#round(),
      onError: (error, loop) => {
        this.#due = true;
        log.warn('loop_failed', { loop, error });
      },
    });
  }

  /** Something is due: sends what this process can send. The answer is that of a chore of the sweep. */
  wake(): ChoreRound {
    this.#due = true;
    if (!this.#stopped) this.#loop.start().wake();
    return { ready: new Set(), done: 0, more: false };
  }

  /** Its loop. */
  get loop(): Loop {
    return this.#loop;
  }

  /** Takes nothing further; what is being sent has 4 s to end by itself, and is aborted then. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#loop.stop();
    const sending = Promise.all([...this.#sending.values()].flatMap((one) => [...one]));
    if (!(await settlesWithin(sending, STOP_MS))) {
      this.#stop.abort();
      await settlesWithin(sending, STOP_MS);
    }
  }

  /** Takes what is due and lets it be sent; it does not wait for that, or a receiver that hangs would look like a loop that does. */
  async #round(): Promise<number> {
    if (!this.#due) return IDLE_MS;
    this.#due = false;
    await this.#expire();
    const room = AT_ONCE_MAX - this.#count();
    if (room <= 0) return IDLE_MS;
    const most = Math.min(OF_CHANNEL_MAX, room);
    const rows = await this.#database.run(claimDeliveries, [this.#unwanted(), most, room]);
    for (const row of rows) this.#begin(row);
    // Of a channel there may be more than a round takes.
    if (rows.length > 0) this.#due = true;
    return rows.length > 0 ? 0 : IDLE_MS;
  }

  async #expire(): Promise<void> {
    const over = await this.#writing(() => this.#database.run(expireDeliveries, [EXPIRE_MAX]));
    for (const { id, channel } of over)
      this.#log.warn('delivery_failed', { delivery: id, channel, code: 'DELIVERY_EXPIRED' });
  }

  #begin(row: DueRow): void {
    const channel = channelOf(row);
    const sender = this.#senders.find(row);
    const sending = this.#sending.get(channel) ?? new Set();
    this.#sending.set(channel, sending);
    const sent = (sender === undefined ? this.#leave(row) : this.#deliver(row, sender))
      .catch((error: unknown) => {
        // Its lease ends, and it is sent again.
        this.#log.warn('delivery_not_noted', { delivery: row.id, error });
      })
      .finally(() => {
        sending.delete(sent);
        if (sending.size === 0) this.#sending.delete(channel);
        // A channel that had no room, or a process that had none, may have some now.
        if (sending.size === OF_CHANNEL_MAX - 1 || this.#count() === AT_ONCE_MAX - 1) this.wake();
      });
    sending.add(sent);
  }

  async #leave(row: DueRow): Promise<void> {
    this.#left.set(channelOf(row), monotonicMs() + LEAVE_MS);
    const message = `No process that has looked at it knows the channel ${row.channel}.`;
    const error = JSON.stringify({ code: 'CHANNEL_UNKNOWN', message });
    await this.#database.run(leaveDelivery, [row.id, row.token, error]);
    this.#log.debug('delivery_left', { delivery: row.id, channel: row.channel });
  }

  async #deliver(row: DueRow, sender: Sender): Promise<void> {
    const sent = await this.#send(row, sender);
    await this.#writing(() => persist(() => this.#note(row, sent), NOTE_MS));
    const facts = { delivery: row.id, channel: row.channel, attempts: row.attempts };
    const whose = row.job_id === null ? facts : { ...facts, job: row.job_id };
    if (sent.kind === 'accepted') this.#log.info('delivered', whose);
    else {
      const { code, message, again } = sent;
      this.#log.warn(again ? 'delivery_deferred' : 'delivery_failed', { ...whose, code, message });
    }
  }

  /** Whatever a sender does, the try ends in its time. */
  async #send(row: DueRow, sender: Sender): Promise<Sent> {
    const late = new AbortController();
    const signal = AbortSignal.any([this.#stop.signal, late.signal]);
    const told = { id: row.id, purpose: row.purpose, payload: row.payload, at: row.created_at };
    try {
      const overdue = sleep(SEND_MS, signal).then(() => failure(this.#whyOver()));
      return await Promise.race([sender.send(messageOf(told), signal), overdue]);
    } catch (error) {
      return failure(error instanceof Error ? error.message : String(error));
    } finally {
      late.abort();
    }
  }

  #whyOver(): string {
    return this.#stop.signal.aborted
      ? 'The process that sent it stopped.'
      : 'It did not end within 30 s.';
  }

  async #note(row: DueRow, sent: Sent): Promise<void> {
    if (sent.kind === 'accepted') {
      const note = sent.note === undefined ? null : cutText(sent.note, SAID_MAX);
      await this.#database.run(acceptDelivery, [row.id, note]);
      return;
    }
    const { code, message, again, afterMs } = sent;
    const error = JSON.stringify({ code, message: cutText(message, SAID_MAX) });
    if (!again) await this.#database.run(failDelivery, [row.id, row.token, error]);
    else {
      const ms = againMs(row.attempts, Math.random(), afterMs);
      await this.#database.run(deferDelivery, [row.id, row.token, ms, error]);
    }
  }

  /** What writes into the history of a job may find that its day has no partition yet. */
  async #writing<T>(write: () => Promise<T>): Promise<T> {
    try {
      return await write();
    } catch (error) {
      if (!isPartitionMissing(error)) throw error;
      await makePartitions(this.#database);
      return write();
    }
  }

  #count(): number {
    let count = 0;
    for (const one of this.#sending.values()) count += one.size;
    return count;
  }

  /** The channels of which this process takes nothing now. */
  #unwanted(): string[] {
    const now = monotonicMs();
    for (const [channel, until] of this.#left) if (until < now) this.#left.delete(channel);
    const full = [...this.#sending].filter(([, { size }]) => size >= OF_CHANNEL_MAX);
    return [...this.#left.keys(), ...full.map(([channel]) => channel)];
  }
}

function channelOf({ purpose, channel }: DueRow): string {
  return `${purpose}:${channel}`;
}

function failure(message: string): Sent {
  return { kind: 'failed', again: true, code: 'SENDER_FAILED', message };
}
