/** Schedules: reading and changing them, and turning their rows into domain values. */
import { unstuckError } from '../domain/errors.ts';
import type { Rule } from '../domain/nominal-times.ts';
import type { CheckedSchedule, Schedule } from '../domain/schedule.ts';
import {
  deleteSchedule,
  findSchedule,
  listSchedules,
  pauseSchedule,
  type ScheduleRow,
  setSchedule,
} from '../sql/schedules.ts';
import type { Database } from './database.ts';

/** Who changes a schedule, and why, as they are stored. */
export interface StoredActor {
  readonly by: string | null;
  readonly reason: string | null;
}

/** Returns the row of a schedule. Throws SCHEDULE_NOT_FOUND. */
export async function readScheduleRow(database: Database, name: string): Promise<ScheduleRow> {
  const [row] = await database.run(findSchedule, [name]);
  if (row === undefined) throw scheduleNotFound(name);
  return row;
}

/** Returns schedules by name, after one. */
export async function readSchedules(
  database: Database,
  after: string | undefined,
  limit: number,
): Promise<Schedule[]> {
  return (await database.run(listSchedules, [after ?? null, limit])).map(toSchedule);
}

/** Stores a schedule, or changes what differs. */
export async function storeSchedule(database: Database, checked: CheckedSchedule): Promise<void> {
  const { rule } = checked;
  const interval = 'everyMs' in rule;
  // The input is JSON text already: parsed and written once more, numbers would be ours and no longer the caller's.
  const row = JSON.stringify({
    name: checked.name,
    type: checked.type,
    cron: interval ? null : rule.cron,
    every_ms: interval ? rule.everyMs : null,
    anchor: interval ? new Date(rule.anchorMs) : null,
    anchored: checked.anchored,
    timezone: rule.timezone,
    missed: checked.missed,
    missed_max: checked.missedMax,
    overlap: checked.overlap,
    rank: checked.rank,
    tags: checked.tags,
    claim_within_ms: checked.claimWithinMs,
    attempts_max: checked.attemptsMax,
    wants_pool: checked.pool,
    when_full: checked.whenFull,
    limit_key: checked.limitKey,
    next_at: checked.nextAt,
  });
  await database.run(setSchedule, [`{"input":${checked.input},${row.slice(1)}`]);
}

/** Deletes a schedule. Throws SCHEDULE_NOT_FOUND. */
export async function removeSchedule(
  database: Database,
  name: string,
  { by, reason }: StoredActor,
): Promise<void> {
  const deleted = await database.run(deleteSchedule, [name, by, reason]);
  if (deleted.length === 0) throw scheduleNotFound(name);
}

/** Pauses a schedule. Throws SCHEDULE_NOT_FOUND. */
export async function holdSchedule(
  database: Database,
  name: string,
  { by, reason }: StoredActor,
  until: Date | null,
): Promise<void> {
  const paused = await database.run(pauseSchedule, [name, by, reason, until]);
  if (paused.length === 0) throw scheduleNotFound(name);
}

/** The error that there is no schedule of this name. */
export function scheduleNotFound(name: string): Error {
  return unstuckError('SCHEDULE_NOT_FOUND', `There is no schedule ${JSON.stringify(name)}.`, {
    detail: { name },
  });
}

/** The rule of a row. */
export function ruleOf(row: ScheduleRow): Rule {
  const { cron, every_ms, anchor, timezone } = row;
  if (every_ms === null || anchor === null) return { cron: cron ?? '', timezone };
  return { everyMs: Number(every_ms), anchorMs: anchor.getTime(), timezone };
}

/** Turns a row into a schedule. */
export function toSchedule(row: ScheduleRow): Schedule {
  return {
    name: row.name,
    type: row.type,
    input: JSON.parse(row.input) as unknown,
    cron: row.cron,
    every: row.every_ms === null ? null : Number(row.every_ms),
    anchor: row.anchor,
    timezone: row.timezone,
    missed: row.missed as Schedule['missed'],
    missedMax: row.missed_max,
    overlap: row.overlap as Schedule['overlap'],
    priority: row.rank === 0 ? 0 : -row.rank,
    tags: row.tags,
    claimWithin: row.claim_within_ms === null ? null : Number(row.claim_within_ms),
    pool: row.wants_pool,
    limitKey: row.limit_key,
    nextAt: row.next_at,
    lastAt: row.last_at,
    lastJobId: row.last_job_id,
    firedTimes: Number(row.fired_times),
    missedTimes: Number(row.missed_times),
    skippedTimes: Number(row.skipped_times),
    lastSkippedAt: row.last_skipped_at,
    paused: pauseOf(row),
    error: errorOf(row),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

/** A pause whose end has come is over, whether a process has swept since or not. */
function pauseOf(row: ScheduleRow): Schedule['paused'] {
  const { paused_at, paused_until, now } = row;
  if (paused_at === null || (paused_until !== null && paused_until <= now)) return null;
  return { at: paused_at, until: paused_until, reason: row.pause_reason, by: row.paused_by };
}

function errorOf({ error, error_at, errors }: ScheduleRow): Schedule['error'] {
  if (error_at === null) return null;
  const { code, message } = (error ?? {}) as { readonly [name: string]: unknown };
  return {
    code: typeof code === 'string' ? code : 'INTERNAL_ERROR',
    message: typeof message === 'string' ? message : JSON.stringify(error),
    at: error_at,
    count: errors,
  };
}
