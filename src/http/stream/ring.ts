/** Ring: the latest events of this process, so that whoever was away for a moment gets what they have missed. */
import { randomBytes } from 'node:crypto';

/** One event of the stream. */
export interface StreamEvent {
  readonly seq: number;
  /** The event as it goes over the wire. */
  readonly text: string;
  /** The job that it tells of: only those who watch it get it. */
  readonly job: string | undefined;
}

const EVENTS_MAX = 1_000;

/** Numbers events and keeps the latest 1,000. Its epoch is another in every process: an id of another process means nothing here. */
export class Ring {
  readonly #epoch = randomBytes(6).toString('hex');
  readonly #events: StreamEvent[] = [];
  #seq = 0;

  /** Adds an event; `data` must be JSON. */
  add(name: string, data: unknown, job?: string): StreamEvent {
    this.#seq += 1;
    const event = { seq: this.#seq, text: this.write(name, data), job };
    this.#events.push(event);
    if (this.#events.length > EVENTS_MAX) this.#events.shift();
    return event;
  }

  /** An event as text, with the id of the latest one; for what only one viewer gets. */
  write(name: string, data: unknown): string {
    return `id: ${this.#epoch}.${this.#seq}\nevent: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
  }

  /** Returns the events after that id; undefined when some of them are gone, or it is no id of this process. */
  after(id: string): readonly StreamEvent[] | undefined {
    const [epoch, given = ''] = id.split('.');
    if (epoch !== this.#epoch || !/^\d{1,15}$/.test(given)) return undefined;
    const seq = Number(given);
    const oldest = this.#seq - this.#events.length;
    if (seq > this.#seq || seq < oldest) return undefined;
    return this.#events.slice(seq - oldest);
  }
}
