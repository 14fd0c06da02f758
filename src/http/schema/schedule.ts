/** Schedule: the shapes of schedules in requests and answers. */
import { z } from 'zod';
import {
  MISSED,
  OVERLAP,
  type ScheduleRule,
  type ScheduleSettings,
} from '../../domain/schedule.ts';
import { duration, givenInstant, instant, instantOrNull, storableText } from './values.ts';

/** A schedule as it is now. */
export const schedule: z.ZodType = z
  .object({
    name: z.string(),
    type: z.string(),
    input: z.unknown().meta({ description: 'Of its jobs: any JSON.' }),
    cron: z.string().nullable(),
    every: z.int().nullable().meta({ description: 'Milliseconds.' }),
    anchor: instantOrNull,
    timezone: z.string(),
    missed: z.enum(MISSED),
    missed_max: z.int(),
    overlap: z.enum(OVERLAP),
    priority: z.int(),
    tags: z.array(z.string()),
    claim_within: z.int().nullable().meta({ description: 'Milliseconds; null: of the type.' }),
    pool: z.string().nullable(),
    limit_key: z.string().nullable(),
    next_at: instant.meta({ description: 'The next nominal time; there always is one.' }),
    last_at: instantOrNull.meta({ description: 'The nominal time of the latest run.' }),
    last_job_id: z.string().nullable(),
    fired_times: z.int(),
    missed_times: z.int(),
    skipped_times: z.int(),
    last_skipped_at: instantOrNull,
    paused: z
      .object({
        at: instant,
        until: instantOrNull,
        reason: z.string().nullable(),
        by: z.string().nullable(),
      })
      .nullable(),
    error: z
      .object({ code: z.string(), message: z.string(), at: instant, count: z.int() })
      .nullable()
      .meta({ description: 'Why it could not be fired; it is tried again.' }),
    created_at: instant,
    updated_at: instant,
  })
  .meta({ id: 'Schedule', description: 'A schedule as it is now.' });

/** When a schedule fires, as it is given. */
export interface RuleBody {
  readonly cron?: string | undefined;
  readonly every?: string | number | undefined;
  readonly timezone?: string | undefined;
  readonly anchor?: Date | undefined;
}

const rule = {
  cron: z
    .string()
    .optional()
    .meta({ description: 'Five fields, or six with seconds. Excludes `every`.' }),
  every: duration.optional().meta({ description: 'From 1s to 10 years. Excludes `cron`.' }),
  timezone: z.string().optional().meta({ description: 'In which `cron` is read. Default UTC.' }),
  anchor: givenInstant.optional().meta({ description: 'From which `every` is counted.' }),
};

/** A schedule as it is given. */
export interface NewScheduleBody extends RuleBody {
  readonly type: string;
  readonly input?: unknown;
  readonly missed?: (typeof MISSED)[number] | undefined;
  readonly missed_max?: number | undefined;
  readonly overlap?: (typeof OVERLAP)[number] | undefined;
  readonly priority?: number | undefined;
  readonly tags?: string[] | undefined;
  readonly claim_within?: string | number | undefined;
  readonly slot?: string | undefined;
  readonly when_full?: 'refuse' | 'wait' | undefined;
  readonly limit?:
    | string
    | { readonly name: string; readonly key?: string | undefined }
    | undefined;
}

/** A schedule to be set. Only shapes: bounds are checked where every door's are. */
export const newSchedule: z.ZodType<NewScheduleBody> = z
  .strictObject({
    type: z.string(),
    input: z.unknown().optional().meta({ description: 'Any JSON; default {}.' }),
    ...rule,
    missed: z.enum(MISSED).optional(),
    missed_max: z.number().optional(),
    overlap: z.enum(OVERLAP).optional(),
    priority: z.number().optional(),
    tags: z.array(z.string()).optional(),
    claim_within: duration.optional(),
    slot: z.string().optional(),
    when_full: z.enum(['refuse', 'wait']).optional(),
    limit: z
      .union([z.string(), z.strictObject({ name: z.string(), key: z.string().optional() })])
      .optional(),
  })
  .meta({ id: 'NewSchedule', description: 'A schedule to be set.' });

/** What a preview is asked with. */
export interface PreviewBody extends RuleBody {
  readonly schedule?: string | undefined;
  readonly count?: number | undefined;
  readonly from?: Date | undefined;
}

/** Of which schedule or rule, how many times, and from when. */
export const previewRequest: z.ZodType<PreviewBody> = z
  .strictObject({
    schedule: storableText(1_000)
      .optional()
      .meta({ description: 'The name of a stored one; excludes a rule.' }),
    ...rule,
    count: z.int().min(1).max(100).optional().meta({ description: 'Default 10.' }),
    from: givenInstant.optional().meta({ description: 'Default: now.' }),
  })
  .meta({ id: 'PreviewRequest', description: 'A schedule by its name, or a rule.' });

/** One of the next runs. */
export const nominalTime: z.ZodType = z
  .object({
    // Thousands of years from now have more than four digits.
    at: z.string().meta({ description: 'RFC 3339, UTC, with milliseconds.' }),
    local: z.string().meta({ description: 'The same instant in the time zone of the rule.' }),
    note: z.enum(['gap', 'overlap']).nullable().meta({
      description: 'What daylight saving does to it: see docs/schedules.md.',
    }),
  })
  .meta({ id: 'NominalTime', description: 'One of the next runs of a schedule.' });

/** The settings that a body means, without its job. */
export function toSettings(body: NewScheduleBody): ScheduleSettings {
  const { type: _type, input: _input, missed_max, claim_within, when_full, ...same } = body;
  const given = {
    ...same,
    missedMax: missed_max,
    claimWithin: claim_within,
    whenFull: when_full,
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

/** The rule that a body means. */
export function toRule({ cron, every, timezone, anchor }: RuleBody): ScheduleRule {
  const given = { cron, every, timezone, anchor };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}
