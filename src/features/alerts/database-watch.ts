/** Database watch: tells people by itself when the database has not answered for a while, since no outbox can. */
import { randomUUID } from 'node:crypto';
import type { AlertItem } from '../../domain/alert-messages.ts';
import { formatDuration } from '../../std/duration.ts';
import { monotonicMs } from '../../std/timer.ts';
import { DATABASE_LOST } from './messenger.ts';

/** This process tells it at most so often: it cannot ask the others. */
const EVERY_MS = 300_000;

/** What the loops of the alerts know of the database. */
export class DatabaseWatch {
  #subject: string;
  #lostAfterMs: number;
  #tell: (item: AlertItem) => void;
  /** Monotonic time since when nothing has been answered. */
  #silentSince: number | undefined;
  #toldAt: number | undefined;
  /** Whether people believe that it is lost. */
  #told = false;
  #id = randomUUID();
  #since = '';

  /** `subject` names the database; `tell` sends. */
  constructor(subject: string, lostAfterMs: number, tell: (item: AlertItem) => void) {
    this.#subject = subject;
    this.#lostAfterMs = lostAfterMs;
    this.#tell = tell;
  }

  /** Whether it has not answered lately. */
  get silent(): boolean {
    return this.#silentSince !== undefined;
  }

  /** The database has answered. */
  answered(): void {
    const since = this.#silentSince;
    this.#silentSince = undefined;
    if (!this.#told) return;
    this.#told = false;
    const away = since === undefined ? '' : ` after ${formatDuration(monotonicMs() - since)}`;
    this.#tell(this.#item('resolved', `The database answers again${away}.`));
  }

  /** A statement was lost with its connection, or there was none. */
  failed(reason: string): void {
    const now = monotonicMs();
    if (this.#silentSince === undefined) {
      this.#silentSince = now;
      this.#since = new Date().toISOString();
      this.#id = randomUUID();
    }
    const lasted = now - this.#silentSince;
    if (lasted < this.#lostAfterMs) return;
    if (this.#toldAt !== undefined && now - this.#toldAt < EVERY_MS) return;
    this.#toldAt = now;
    this.#told = true;
    const summary = `The database has not answered for ${formatDuration(lasted)}: ${reason}. No job runs or ends.`;
    this.#tell(this.#item('firing', summary));
  }

  #item(state: AlertItem['state'], summary: string): AlertItem {
    return {
      id: this.#id,
      rule: DATABASE_LOST,
      subject: this.#subject,
      severity: 'critical',
      state,
      summary,
      count: 1,
      since: this.#since,
    };
  }
}
