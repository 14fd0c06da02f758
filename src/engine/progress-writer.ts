/** Progress writer: notes how far running jobs are, at most once a second, and never in their way. */
import type { Log } from '../domain/log.ts';
import { noteProgress } from '../sql/settle.ts';
import { monotonicMs } from '../std/timer.ts';
import type { Database } from '../storage/database.ts';
import type { Attempt } from './attempt.ts';

const INTERVAL_MS = 1_000;

/** Collects the latest progress of each attempt and writes it in one statement. */
export class ProgressWriter {
  #database: Database;
  #log: Log;
  #dirty = new Set<Attempt>();
  #timer: NodeJS.Timeout | undefined;
  #lastAt = Number.NEGATIVE_INFINITY;

  constructor(database: Database, log: Log) {
    this.#database = database;
    this.#log = log;
  }

  /** Writes the progress of this attempt soon. */
  add(attempt: Attempt): void {
    this.#dirty.add(attempt);
    if (this.#timer !== undefined) return;
    const wait = Math.max(0, INTERVAL_MS - (monotonicMs() - this.#lastAt));
    this.#timer = setTimeout(() => this.#write(), wait).unref();
  }

  /** Writes nothing more about this attempt. */
  forget(attempt: Attempt): void {
    this.#dirty.delete(attempt);
  }

  #write(): void {
    this.#timer = undefined;
    this.#lastAt = monotonicMs();
    const attempts = [...this.#dirty];
    this.#dirty.clear();
    for (const workerId of new Set(attempts.map((attempt) => attempt.workerId))) {
      this.#writeFor(
        workerId,
        attempts.filter((attempt) => attempt.workerId === workerId),
      );
    }
  }

  #writeFor(workerId: string, attempts: readonly Attempt[]): void {
    const list = attempts.map(({ row, progress }) => ({
      id: row.id,
      token: row.token,
      progress: progress?.fraction,
      note: progress?.note,
    }));
    this.#database
      .run(noteProgress, [workerId, JSON.stringify(list)])
      .catch((error: unknown) => this.#log.debug('progress_not_written', { error }));
  }
}
