/** Readiness: whether this process can serve, asked of the database at most once in two seconds. */
import { monotonicMs, settlesWithin } from '../std/timer.ts';

/** What a process needs to be ready, and what of itself it knows. */
export interface ReadinessParts {
  /** Rejects when the database does not answer or its schema does not fit. */
  readonly ping: () => Promise<void>;
  readonly draining: () => boolean;
  /** The names of loops that have no pulse: for a person to see; they do not take a process out of service. */
  readonly stalled: () => readonly string[];
}

/** What was found. */
export interface Found {
  readonly ready: boolean;
  /** One line for each check: `[+]` well, `[-]` not. */
  readonly lines: readonly string[];
}

const CACHE_MS = 2_000;
/** A probe that waits longer has given up on us anyway. */
const ANSWER_MS = 3_000;

/** Knows whether the database answers and its schema fits; concurrent askers share one question. */
export class Readiness {
  #parts: ReadinessParts;
  #asked: Promise<string> | undefined;
  #askedAt = 0;

  constructor(parts: ReadinessParts) {
    this.#parts = parts;
  }

  /** Resolves within 3 s; never rejects. */
  async look(): Promise<Found> {
    const draining = this.#parts.draining();
    const database = await this.#database();
    const stalled = this.#parts.stalled();
    const lines = [
      draining ? '[-]serving: this process is going away' : '[+]serving ok',
      database,
      stalled.length === 0 ? '[+]loops ok' : `[-]loops: no pulse: ${stalled.join(', ')}`,
    ];
    return { ready: !draining && database.startsWith('[+]'), lines };
  }

  async #database(): Promise<string> {
    if (this.#asked === undefined || monotonicMs() - this.#askedAt > CACHE_MS) {
      this.#askedAt = monotonicMs();
      this.#asked = ask(this.#parts.ping);
    }
    const asked = this.#asked;
    if (await settlesWithin(asked, ANSWER_MS)) return asked;
    return `[-]database: no answer within ${ANSWER_MS} ms`;
  }
}

/** Of an error only its code is told: its text may hold an address. */
async function ask(ping: () => Promise<void>): Promise<string> {
  const began = monotonicMs();
  try {
    await ping();
    return `[+]database ok ${Math.round(monotonicMs() - began)}ms`;
  } catch (error) {
    const { code } = error as { code?: unknown };
    return `[-]database: ${typeof code === 'string' ? code : 'failed'}`;
  }
}
