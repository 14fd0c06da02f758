/** Readiness: whether this process can serve, asked of the database at most once in two seconds. */
import { monotonicMs, settlesWithin } from '../std/timer.ts';

const CACHE_MS = 2_000;
/** A probe that waits longer has given up on us anyway. */
const ANSWER_MS = 3_000;

/** Knows whether the database answers and its schema fits; concurrent askers share one question. */
export class Readiness {
  #ping: () => Promise<void>;
  #draining: () => boolean;
  #asked: Promise<boolean> | undefined;
  #askedAt = 0;

  constructor(ping: () => Promise<void>, draining: () => boolean) {
    this.#ping = ping;
    this.#draining = draining;
  }

  /** Resolves within 3 s; never rejects. */
  async ready(): Promise<boolean> {
    if (this.#draining()) return false;
    if (this.#asked === undefined || monotonicMs() - this.#askedAt > CACHE_MS) {
      this.#askedAt = monotonicMs();
      this.#asked = this.#ping().then(
        () => true,
        () => false,
      );
    }
    const asked = this.#asked;
    return (await settlesWithin(asked, ANSWER_MS)) && (await asked);
  }
}
