/** The words around a schedule: what a caller gives and sees of it, and the check of what was given. */
import { type Duration, parseDuration } from '../std/duration.ts';
import { shown } from '../std/shown.ts';
import type { AnyJob, InputOf } from './define-job.ts';
import { unstuckError } from './errors.ts';
import type { EnqueueOptions } from './job.ts';
import { refuseUnknown } from './known-options.ts';
import { isName, NAME_WORDS } from './names.ts';
import { type CheckedJob, checkJob } from './new-job.ts';
import { nextAfter, type Rule } from './nominal-times.ts';
import type { Config } from './options.ts';
import { isStorableText } from './payload.ts';
import { LONGEST_MS } from './retry-policy.ts';

/** What becomes of nominal times that no process was there to fire. */
export const MISSED = ['skip', 'once', 'all'] as const;

/** What becomes of a nominal time while the run before it is live. */
export const OVERLAP = ['skip', 'allow', 'replace'] as const;

/** When a schedule fires. */
export interface ScheduleRule {
  /** Five fields (minute, hour, day, month, weekday), six with seconds in front, or `@daily` and the like. Excludes `every`. */
  readonly cron?: string;
  /** An interval from 1 s to 10 years, counted from `anchor`, so that it does not drift. Excludes `cron`. */
  readonly every?: Duration;
  /** The time zone in which `cron` is read, such as `Europe/Berlin`. Default `UTC`. */
  readonly timezone?: string;
  /** The instant from which `every` is counted, in both directions. Default: when the schedule or its interval was set. */
  readonly anchor?: Date;
}

/** What a schedule does at its times, beside the job. */
export interface ScheduleSettings extends ScheduleRule {
  /** Of times that passed while no process swept: none, one run for all of them (default), or each of the latest `missedMax`. */
  readonly missed?: (typeof MISSED)[number];
  /** How many missed times `missed: 'all'` makes up for at once; 1 to 1000, default 100. */
  readonly missedMax?: number;
  /** While the run before is live: leave this one out (default), run both, or cancel the one before. */
  readonly overlap?: (typeof OVERLAP)[number];
  /** Of its jobs: whole number from -1000 to 1000, default 0. */
  readonly priority?: number;
  /** Of its jobs: up to 18 labels of 1 to 100 characters, beside `schedule:…` and `nominal:…`. */
  readonly tags?: readonly string[];
  /** Of its jobs: as in `enqueue`. Default: that of the type. */
  readonly claimWithin?: Duration;
  /** Of its jobs: as in `enqueue`. Default: that of the type. */
  readonly slot?: EnqueueOptions['slot'];
  /** Of its jobs: as in `enqueue`; a run that is refused is tried again, and is an error of the schedule meanwhile. */
  readonly whenFull?: EnqueueOptions['whenFull'];
  /** Of its jobs: as in `enqueue`. Default: that of the type. */
  readonly limit?: EnqueueOptions['limit'];
}

/** A schedule for a defined job. */
export interface ScheduleOf<J extends AnyJob> extends ScheduleSettings {
  readonly job: J;
  readonly input: InputOf<J>;
}

/** A schedule for a job type by its name. */
export interface ScheduleOfType extends ScheduleSettings {
  readonly type: string;
  /** Default {}. */
  readonly input?: unknown;
}

/** A schedule as it is now. Times come from the database's clock. */
export interface Schedule {
  readonly name: string;
  readonly type: string;
  readonly input: unknown;
  readonly cron: string | null;
  /** Milliseconds. */
  readonly every: number | null;
  readonly anchor: Date | null;
  readonly timezone: string;
  readonly missed: (typeof MISSED)[number];
  readonly missedMax: number;
  readonly overlap: (typeof OVERLAP)[number];
  readonly priority: number;
  readonly tags: readonly string[];
  /** Milliseconds; null: that of the type. */
  readonly claimWithin: number | null;
  /** The pool whose slot each of its jobs takes. */
  readonly pool: string | null;
  /** The key under which each of its jobs counts at its limit. */
  readonly limitKey: string | null;
  /** The next nominal time; never null, so that no schedule can be stuck. */
  readonly nextAt: Date;
  /** The nominal time of the latest run; null before the first. */
  readonly lastAt: Date | null;
  readonly lastJobId: string | null;
  /** How many runs it has started. */
  readonly firedTimes: number;
  /** How many nominal times passed unfired while nobody swept and were not made up for; of one outage at most 100 are counted, or `missedMax`. */
  readonly missedTimes: number;
  /** How many runs were left out because the one before was live. */
  readonly skippedTimes: number;
  readonly lastSkippedAt: Date | null;
  /** Nothing fires before `until`; null there: before somebody resumes it. */
  readonly paused: {
    readonly at: Date;
    readonly until: Date | null;
    readonly reason: string | null;
    readonly by: string | null;
  } | null;
  /** Why it could not be fired; it is tried again at least every five minutes. */
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly at: Date;
    readonly count: number;
  } | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** A checked schedule: what the database is sent. */
export interface CheckedSchedule extends CheckedJob {
  readonly name: string;
  readonly rule: Rule;
  readonly anchored: boolean;
  readonly missed: string;
  readonly missedMax: number;
  readonly overlap: string;
  readonly tags: readonly string[];
  readonly nextAt: Date;
}

const RULE_NAMES = ['cron', 'every', 'timezone', 'anchor'] as const;
const NAMES: readonly string[] = [
  ...RULE_NAMES,
  'missed',
  'missedMax',
  'overlap',
  'priority',
  'tags',
  'claimWithin',
  'slot',
  'whenFull',
  'limit',
  'job',
  'type',
  'input',
];

/**
 * Checks a schedule; `nowMs` is the database's time. Throws SCHEDULE_INVALID, OPTION_UNKNOWN, and what `checkJob` throws of type, input,
 * priority, tags and claimWithin.
 */
export function checkSchedule(
  name: string,
  options: ScheduleOf<AnyJob> | ScheduleOfType,
  config: Config,
  nowMs: number,
): CheckedSchedule {
  checkScheduleName(name);
  refuseUnknown(options, NAMES, 'a schedule');
  const { missed = 'once', missedMax = 100, overlap = 'skip', tags = [] } = options;
  const rule = checkRule(options, nowMs);
  demand(MISSED.includes(missed), `missed to be one of ${MISSED.join(', ')}`, missed);
  const bounded = Number.isInteger(missedMax) && missedMax >= 1 && missedMax <= 1_000;
  demand(bounded, 'missedMax to be a whole number from 1 to 1000', missedMax);
  demand(OVERLAP.includes(overlap), `overlap to be one of ${OVERLAP.join(', ')}`, overlap);
  demand(!Array.isArray(tags) || tags.length <= 18, 'tags to be at most 18', tags);
  const { definition, type } = jobOf(options);
  const { input = definition === undefined ? {} : undefined } = options;
  const given = ['priority', 'claimWithin', 'slot', 'whenFull', 'limit'] as const;
  const own = Object.fromEntries(given.map((one) => [one, options[one]]));
  const checked = checkJob(type, definition, input, { ...own, tags }, config, nowMs);
  return {
    ...checked,
    // That of the type, as it will be when the job is enqueued.
    claimWithinMs: options.claimWithin === undefined ? undefined : checked.claimWithinMs,
    name,
    rule,
    anchored: options.anchor !== undefined,
    missed,
    missedMax,
    overlap,
    tags,
    nextAt: new Date(nextAfter(rule, nowMs)),
  };
}

/** Checks the rule of a schedule, alone, for a preview. Throws SCHEDULE_INVALID or OPTION_UNKNOWN. */
export function checkRuleAlone(options: ScheduleRule, nowMs: number): Rule {
  refuseUnknown(options, RULE_NAMES, 'a schedule');
  return checkRule(options, nowMs);
}

/** Throws SCHEDULE_INVALID when this cannot be the name of a schedule. */
export function checkScheduleName(name: unknown): asserts name is string {
  demand(isName(name), `the name of a schedule to be ${NAME_WORDS}`, name);
}

/** Checks until when a schedule is paused; `nowMs` is the database's time. Throws SCHEDULE_INVALID. */
export function checkUntil(until: Date | undefined, nowMs: number): Date | null {
  if (until === undefined) return null;
  const ms = until instanceof Date ? until.getTime() : Number.NaN;
  demand(ms > nowMs && ms <= nowMs + LONGEST_MS, 'until to be a Date within ten years', until);
  return until;
}

/** Checks what is kept of who changed a schedule, and why. Throws SCHEDULE_INVALID. */
export function checkWords(name: 'by' | 'reason', text: string | undefined): string | null {
  if (text === undefined) return null;
  const good = typeof text === 'string' && text.length <= 1_000 && isStorableText(text);
  demand(good, `${name} to be a text of at most 1,000 characters without NUL`, text);
  return text;
}

function checkRule({ cron, every, timezone = 'UTC', anchor }: ScheduleRule, nowMs: number): Rule {
  const one = (cron === undefined) !== (every === undefined);
  demand(one, 'either cron or every', cron === undefined ? 'neither' : 'both');
  // Refuses an unknown time zone also where only previews need it.
  const rule: Rule = { cron: cron ?? '0 0 * * *', timezone };
  nextAfter(rule, nowMs);
  if (every === undefined) {
    demand(anchor === undefined, 'anchor only with every', anchor);
    return rule;
  }
  const everyMs = parseDuration(every) ?? 0;
  const wanted = "every to be a duration from 1s to 10 years such as '15m'";
  demand(everyMs >= 1_000 && everyMs <= LONGEST_MS, wanted, every);
  const anchorMs = anchor === undefined ? Math.floor(nowMs / 1_000) * 1_000 : anchorOf(anchor);
  demand(Math.abs(anchorMs - nowMs) <= LONGEST_MS, 'anchor to be a Date within ten years', anchor);
  return { everyMs, anchorMs, timezone };
}

function anchorOf(anchor: Date): number {
  return anchor instanceof Date ? anchor.getTime() : Number.NaN;
}

function jobOf(options: ScheduleOf<AnyJob> | ScheduleOfType): {
  readonly definition: AnyJob | undefined;
  readonly type: string;
} {
  const { job, type } = options as Partial<ScheduleOf<AnyJob> & ScheduleOfType>;
  const one = (job === undefined) !== (type === undefined);
  demand(one, 'either job or type', job === undefined ? 'neither' : 'both');
  if (job === undefined) return { definition: undefined, type: type as string };
  demand(job.kind === 'unstuck-job', 'job to be made with defineJob', job);
  return { definition: job, type: job.type };
}

function demand(good: boolean, wanted: string, got: unknown): void {
  if (!good) throw unstuckError('SCHEDULE_INVALID', `Expected ${wanted}, got ${shown(got)}.`);
}
