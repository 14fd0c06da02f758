/** Plan: which of the times of a schedule fire now, and where it goes on. Pure. */
import { createHash } from 'node:crypto';
import { JobIds } from '../../domain/job-id.ts';
import type { NewJob } from '../../domain/new-job.ts';
import { nextAfter, timesWithin } from '../../domain/nominal-times.ts';
import type { ScheduleRow } from '../../sql/schedules.ts';
import { ruleOf } from '../../storage/schedules.ts';

/** A time that is looked at within this long of it, and one interval of the sweep, was not missed. */
const ON_TIME_MS = 5_000;
/** No rule has more than one time in so long. */
const EVERY_MIN_MS = 1_000;
/** Of one outage so many missed times are counted, unless more are made up for: each takes 40 µs. */
const COUNTED_MAX = 100;

/** What a schedule does now. */
export interface Plan {
  readonly row: ScheduleRow;
  /** The nominal times to fire (ms since 1970), oldest first. */
  readonly fire: readonly number[];
  /** How many times passed unfired while nobody swept. */
  readonly missed: number;
  /** How many runs are left out beforehand: another of this round would replace them. */
  readonly replaced: number;
  readonly nextMs: number;
  /** Whether its pause is over. */
  readonly resumed: boolean;
}

/** Plans the times of a schedule up to now; the sweep comes every so many ms. Throws SCHEDULE_INVALID when its rule cannot be read. */
export function planOf(row: ScheduleRow, sweepMs: number): Plan {
  const nowMs = row.now.getTime();
  const rule = ruleOf(row);
  const onTimeMs = ON_TIME_MS + sweepMs;
  const madeUp = row.missed === 'all' ? row.missed_max : 0;
  const most = Math.max(COUNTED_MAX, Math.ceil(onTimeMs / EVERY_MIN_MS) + 1 + madeUp);
  const due = timesWithin(rule, row.next_at.getTime(), nowMs, most);
  const live = due.filter((at) => at >= silentUntil(row));
  const chosen = chooseOf(row, live, nowMs - onTimeMs);
  const fire = row.overlap === 'replace' ? chosen.slice(-1) : chosen;
  return {
    row,
    fire,
    missed: live.length - chosen.length,
    replaced: chosen.length - fire.length,
    nextMs: nextAfter(rule, nowMs),
    resumed: row.paused_until !== null && row.paused_until.getTime() <= nowMs,
  };
}

/** The key that the runs of a schedule share, of which so only one is live; undefined where they may overlap. */
export function keyOf({
  name,
  overlap,
}: Pick<ScheduleRow, 'name' | 'overlap'>): string | undefined {
  return overlap === 'allow' ? undefined : `schedule:${name}`;
}

/** The job that fires one nominal time. Its id is made of schedule and time: whoever fires that time again makes the same one. */
export function nominalJob(row: ScheduleRow, atMs: number): NewJob {
  const made = [row.name, row.created_at.toISOString(), atMs].join('|');
  const hex = createHash('sha256').update(made).digest('hex');
  const digits = `${hex.slice(0, 3)}0${hex.slice(3, 16)}`;
  return jobOf(row, new JobIds().next(atMs, 0, digits), [
    `nominal:${new Date(atMs).toISOString()}`,
  ]);
}

/** A job of a schedule, with its id and the tags that it has beside those of the schedule. */
export function jobOf(row: ScheduleRow, id: string, tags: readonly string[]): NewJob {
  return {
    id,
    type: row.type,
    input: row.input,
    rank: row.rank,
    hold: undefined,
    runAt: undefined,
    delayMs: undefined,
    finishBy: undefined,
    claimWithinMs: row.claim_within_ms === null ? undefined : Number(row.claim_within_ms),
    attemptsMax: row.attempts_max ?? undefined,
    key: keyOf(row),
    keyMode: undefined,
    keyWindowMs: undefined,
    notify: undefined,
    pool: row.wants_pool ?? undefined,
    whenFull: (row.when_full ?? undefined) as NewJob['whenFull'],
    limitKey: row.limit_key ?? undefined,
    tags: [...row.tags, `schedule:${row.name}`, ...tags],
    size: row.input.length + 150,
  };
}

/** No time before this fires, because the schedule is paused: those of a pause are over, not missed. */
function silentUntil({ paused_at, paused_until }: ScheduleRow): number {
  if (paused_at === null) return Number.NEGATIVE_INFINITY;
  return paused_until === null ? Number.POSITIVE_INFINITY : paused_until.getTime();
}

function chooseOf(
  { missed, missed_max }: ScheduleRow,
  times: readonly number[],
  onTimeSince: number,
): readonly number[] {
  const onTime = times.filter((at) => at >= onTimeSince);
  const passed = times.slice(0, times.length - onTime.length);
  if (missed === 'all') return [...passed.slice(-missed_max), ...onTime];
  // A run that is on time stands for those that were missed before it.
  return missed === 'once' && onTime.length === 0 ? passed.slice(-1) : onTime;
}
