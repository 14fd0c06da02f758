/** Senders: by which ways this process can tell somebody something. */
import type { Destination, Message, Sent } from '../domain/delivery.ts';

/** Sends messages by one protocol to one address. Never rejects; ends within 30 s, and soon after the signal. */
export interface Sender {
  send(message: Message, signal: AbortSignal): Promise<Sent>;
}

/** Finds the sender of a delivery; undefined: this process does not know that channel, and leaves it to another one. */
export interface SenderFor {
  (destination: Destination): Sender | undefined;
}

/** The ways that a process knows: more may come while it runs. */
export class Senders {
  #known: SenderFor[] = [];
  #onAdded: () => void = () => undefined;

  /** Adds ways; returns what takes them away again. */
  add(known: SenderFor): () => void {
    this.#known.push(known);
    this.#onAdded();
    return () => {
      this.#known = this.#known.filter((one) => one !== known);
    };
  }

  /** Calls back whenever ways were added: what was left to others may be sent from here now. */
  whenAdded(callback: () => void): void {
    this.#onAdded = callback;
  }

  /** Finds the sender of a delivery among all of them. */
  readonly find: SenderFor = (destination) => {
    for (const known of this.#known) {
      const sender = known(destination);
      if (sender !== undefined) return sender;
    }
    return undefined;
  };
}
