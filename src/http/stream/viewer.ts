/** Viewer: one open stream, with a bound for what waits in it. */
import type { Principal } from '../access/principal.ts';

/** What a viewer is let in with. */
export interface ViewerOptions {
  readonly principal: Principal;
  /** The jobs that it watches, canonical ids. */
  readonly jobs: ReadonlySet<string>;
  /** Monotonic time at which its stream ends, so that its access is checked anew. */
  readonly endsAt: number;
  /** Whether it may still watch. */
  readonly allowed: () => Promise<boolean>;
  /** Called once when it has gone, however that came. */
  readonly onGone: (viewer: Viewer) => void;
}

/** What may wait for a reader; who is further behind is better served by a new stream. One look at 50 jobs with long notes may be 130 kB. */
const WAITING_BYTES = 196_608;

const encoder = new TextEncoder();

/** One open stream. */
export class Viewer {
  readonly principal: Principal;
  readonly jobs: ReadonlySet<string>;
  readonly endsAt: number;
  readonly allowed: () => Promise<boolean>;
  /** The body of the answer. */
  readonly body: ReadableStream<Uint8Array>;
  /** Monotonic time of what was last written. */
  writtenAt = 0;
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  #onGone: (viewer: Viewer) => void;
  #gone = false;

  constructor({ principal, jobs, endsAt, allowed, onGone }: ViewerOptions) {
    this.principal = principal;
    this.jobs = jobs;
    this.endsAt = endsAt;
    this.allowed = allowed;
    this.#onGone = onGone;
    this.body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        cancel: () => this.#leave(),
      },
      new ByteLengthQueuingStrategy({ highWaterMark: WAITING_BYTES }),
    );
  }

  /** Writes a text; a reader that has left too much unread is cut, and nothing is kept for it. */
  write(text: string, nowMs: number): void {
    if (this.#gone) return;
    const bytes = encoder.encode(text);
    if ((this.#controller.desiredSize ?? 0) < bytes.byteLength) return this.cut();
    this.writtenAt = nowMs;
    this.#controller.enqueue(bytes);
  }

  /** Ends the stream after a last text. */
  end(text: string, nowMs: number): void {
    this.write(text, nowMs);
    if (this.#gone) return;
    this.#controller.close();
    this.#leave();
  }

  /** Ends the stream at once, and drops what waits. */
  cut(): void {
    if (this.#gone) return;
    this.#controller.error(new Error('The reader of this stream is too slow.'));
    this.#leave();
  }

  #leave(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#onGone(this);
  }
}
