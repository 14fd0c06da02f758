/** Schedules: what users do with them. */

import type { AnyJob } from '../../domain/define-job.ts';
import { unstuckError } from '../../domain/errors.ts';
import type { Enqueued } from '../../domain/job.ts';
import { checkCount } from '../../domain/job-filter.ts';
import { JobIds } from '../../domain/job-id.ts';
import { applySettings, checkInput } from '../../domain/new-job.ts';
import { type NominalTime, nextAfter, preview } from '../../domain/nominal-times.ts';
import {
  checkRuleAlone,
  checkSchedule,
  checkUntil,
  checkWords,
  type Schedule,
  type ScheduleOf,
  type ScheduleOfType,
  type ScheduleRule,
} from '../../domain/schedule.ts';
import type { TypeRegistry } from '../../engine/type-registry.ts';
import type { ChangedRow } from '../../sql/admin.ts';
import { readClock } from '../../sql/inspect.ts';
import {
  cancelReplaced,
  findSchedule,
  lockSchedule,
  noteScheduleRun,
  resumeSchedule,
  type ScheduleRow,
} from '../../sql/schedules.ts';
import { shown } from '../../std/shown.ts';
import type { Database, Executor } from '../../storage/database.ts';
import type { Actor } from '../../storage/jobs.ts';
import {
  holdSchedule,
  readScheduleRow,
  readSchedules,
  removeSchedule,
  ruleOf,
  type StoredActor,
  scheduleNotFound,
  storeSchedule,
  toSchedule,
} from '../../storage/schedules.ts';
import { letOnAfter, type Storing } from './fire.ts';
import { jobOf, keyOf } from './plan.ts';

/** Which schedules to list. */
export interface ScheduleFilter {
  /** 1 to 1000, default 1000. */
  readonly limit?: number;
  /** The name of the last schedule of the page before. */
  readonly after?: string;
}

/** How many runs to look ahead, and from when. */
export interface PreviewOptions {
  /** 1 to 1000, default 10. */
  readonly count?: number;
  /** Default: now. */
  readonly from?: Date;
}

/** Why a schedule is paused, who did it, and until when. */
export interface SchedulePauseOptions extends Actor {
  /** Within ten years. Default: until it is resumed. */
  readonly until?: Date;
}

/** The schedules of an installation. */
export class Schedules {
  #database: Database;
  #storing: Storing;
  #types: TypeRegistry;

  constructor(database: Database, storing: Storing, types: TypeRegistry) {
    this.#database = database;
    this.#storing = storing;
    this.#types = types;
  }

  /**
   * Stores a schedule, or changes what differs; the same again changes nothing. A changed rule goes on with its first time from now; a pause stays.
   * Throws SCHEDULE_INVALID, OPTION_UNKNOWN, JOB_TYPE_UNKNOWN, and what `enqueue` throws of an input.
   */
  async set<J extends AnyJob>(name: string, options: ScheduleOf<J>): Promise<Schedule>;
  async set(name: string, options: ScheduleOfType): Promise<Schedule>;
  async set(name: string, options: ScheduleOf<AnyJob> | ScheduleOfType): Promise<Schedule> {
    const nowMs = await this.#nowMs();
    const checked = checkSchedule(name, options, this.#database.config, nowMs);
    const job = 'job' in options ? options.job : undefined;
    if (job !== undefined)
      await Promise.all([checkInput(job, options.input), this.#types.defined(job)]);
    const settings = job === undefined ? await this.#types.settingsOf(checked.type) : undefined;
    const whole = settings === undefined ? checked : applySettings(checked, settings);
    await storeSchedule(this.#database, whole);
    return toSchedule(await readScheduleRow(this.#database, name));
  }

  /** Returns a schedule; undefined when there is none. */
  async get(name: string): Promise<Schedule | undefined> {
    const [row] = await this.#database.run(findSchedule, [name]);
    return row === undefined ? undefined : toSchedule(row);
  }

  /** Returns schedules in the order of their names. Throws REQUEST_INVALID for a limit outside 1 to 1000. */
  async list({ limit = 1_000, after }: ScheduleFilter = {}): Promise<Schedule[]> {
    return readSchedules(this.#database, after, checkCount('limit', limit));
  }

  /** Deletes a schedule; its jobs go on. Throws SCHEDULE_NOT_FOUND. */
  async delete(name: string, actor: Actor = {}): Promise<void> {
    await removeSchedule(this.#database, name, storedActor(actor));
  }

  /** Pauses a schedule, at once and until then; times of a pause are not missed, they never fire. Throws SCHEDULE_NOT_FOUND or SCHEDULE_INVALID. */
  async pause(name: string, { until, ...actor }: SchedulePauseOptions = {}): Promise<Schedule> {
    const checked = checkUntil(until, await this.#nowMs());
    await holdSchedule(this.#database, name, storedActor(actor), checked);
    return toSchedule(await readScheduleRow(this.#database, name));
  }

  /** Ends a pause; the schedule goes on with its first time from now. One that is not paused stays as it is. Throws SCHEDULE_NOT_FOUND. */
  async resume(name: string, actor: Actor = {}): Promise<Schedule> {
    const { by, reason } = storedActor(actor);
    await this.#database.transaction(async (client) => {
      const row = await this.#locked(name, client);
      if (row.paused_at === null) return;
      const nextAt = row.next_at > row.now ? row.next_at : nextOrOld(row);
      await this.#database.run(resumeSchedule, [name, by, reason, nextAt], client);
    });
    return toSchedule(await readScheduleRow(this.#database, name));
  }

  /**
   * Returns the next runs of a schedule, or of a rule that is not stored, each with what daylight saving does to it. None while a pause without
   * end lasts. Throws SCHEDULE_NOT_FOUND, SCHEDULE_INVALID, OPTION_UNKNOWN or REQUEST_INVALID.
   */
  async preview(
    schedule: string | ScheduleRule,
    { count = 10, from }: PreviewOptions = {},
  ): Promise<NominalTime[]> {
    checkCount('count', count);
    const nowMs = await this.#nowMs();
    const fromMs = from === undefined ? nowMs : checkFrom(from);
    if (typeof schedule !== 'string')
      return preview(checkRuleAlone(schedule, nowMs), fromMs, count);
    const row = await readScheduleRow(this.#database, schedule);
    const { paused } = toSchedule(row);
    if (paused !== null && paused.until === null) return [];
    // The end of a pause is a time at which a run may be.
    const untilMs = (paused?.until?.getTime() ?? 0) - 1;
    return preview(ruleOf(row), Math.max(fromMs, untilMs), count);
  }

  /**
   * Runs a schedule once, now, paused or not, beside its nominal times and by its overlap policy: the answer may be the live run. Throws
   * SCHEDULE_NOT_FOUND.
   */
  async run(name: string, actor: Actor = {}): Promise<Enqueued> {
    const { by, reason } = storedActor(actor);
    let replaced: readonly ChangedRow[] = [];
    const answer = await this.#database.transaction(async (client) => {
      const row = await this.#locked(name, client);
      const key = keyOf(row);
      if (row.overlap === 'replace')
        replaced = await this.#database.run(
          cancelReplaced,
          [[key], by ?? 'schedule', 'replaced by a run by hand'],
          client,
        );
      const job = jobOf(row, new JobIds().next(Date.now()), []);
      const [enqueued] = await this.#storing.enqueueIn(client, [job]);
      if (enqueued?.created === true)
        await this.#database.run(noteScheduleRun, [job.id, by, reason, name], client);
      return enqueued as Enqueued;
    });
    await letOnAfter(this.#database, replaced);
    return answer;
  }

  async #locked(name: string, client: Executor): Promise<ScheduleRow> {
    const [row] = await this.#database.run(lockSchedule, [name], client);
    if (row === undefined) throw scheduleNotFound(name);
    return row;
  }

  async #nowMs(): Promise<number> {
    const [clock] = await this.#database.run(readClock);
    return clock?.now.getTime() ?? Number.NaN;
  }
}

/** A rule that cannot be read keeps its old time: the sweep then says what is wrong with it. */
function nextOrOld(row: ScheduleRow): Date {
  try {
    return new Date(nextAfter(ruleOf(row), row.now.getTime()));
  } catch {
    return row.next_at;
  }
}

function storedActor({ by, reason }: Actor): StoredActor {
  return { by: checkWords('by', by), reason: checkWords('reason', reason) };
}

function checkFrom(from: Date): number {
  const ms = from instanceof Date ? from.getTime() : Number.NaN;
  if (!Number.isNaN(ms)) return ms;
  throw unstuckError('REQUEST_INVALID', `Expected from to be a valid Date, got ${shown(from)}.`);
}
