/** Watch: what has changed since the last look, for those who show it, and what this process has done. */
import { timeOf } from '../domain/job-id.ts';
import type { Meter } from '../domain/meter.ts';
import { readMarks, type WatchedRow, watchFinished, watchLive } from '../sql/watch.ts';
import type { Database } from '../storage/database.ts';

/** A job as somebody sees it who watches it. */
export interface WatchedJob {
  readonly id: string;
  readonly type: string;
  readonly state: string;
  readonly waitsFor: string | null;
  readonly deadline: Date | null;
  readonly attempt: number;
  readonly progress: number | null;
  readonly progressNote: string | null;
  readonly finishedAt: Date | null;
}

/** The clock of whoever made an id may differ from the database's by so much. */
const CLOCK_SLACK_MS = 86_400_000;

/** Looks that cost little, and the counts of this process. */
export class Watch {
  /** What this process has done since it started. */
  readonly meter: Meter;
  #database: Database;

  constructor(database: Database, meter: Meter) {
    this.#database = database;
    this.meter = meter;
  }

  /** Returns a mark for each of pools, limits, schedules and queues: when it differs, something about them has been changed. */
  async marks(): Promise<ReadonlyMap<string, string>> {
    const rows = await this.#database.run(readMarks);
    return new Map(rows.map(({ topic, mark }) => [topic, mark]));
  }

  /** Returns those of these jobs that are live; ids must be canonical. */
  async live(ids: readonly string[]): Promise<WatchedJob[]> {
    return ids.length === 0 ? [] : (await this.#database.run(watchLive, [ids])).map(toWatched);
  }

  /** Returns those of these jobs that have ended and are kept; ids must be canonical. */
  async ended(ids: readonly string[]): Promise<WatchedJob[]> {
    if (ids.length === 0) return [];
    const since = Math.min(...ids.map(timeOf)) - CLOCK_SLACK_MS;
    const values = [ids, new Date(Math.max(0, since))];
    return (await this.#database.run(watchFinished, values)).map(toWatched);
  }
}

function toWatched({
  waits_for: waitsFor,
  progress_note: progressNote,
  finished_at: finishedAt,
  ...row
}: WatchedRow): WatchedJob {
  return { ...row, waitsFor, progressNote, finishedAt };
}
