/** Values: the small schemas of which requests and answers are made. */
import { z } from 'zod';
import { isStorableText } from '../../domain/payload.ts';

/** An instant of an answer: RFC 3339 in UTC with milliseconds. */
export const instant: z.ZodType<string> = z.iso.datetime({ precision: 3 });

/** An instant that may be missing. */
export const instantOrNull: z.ZodType<string | null> = instant.nullable();

/** An instant of a request, with any offset, as a date. */
export const givenInstant: z.ZodType<Date> = z.iso
  .datetime({ offset: true, error: 'Expected an instant such as "2027-01-31T06:00:00Z"' })
  .transform((text) => new Date(text))
  .meta({ type: 'string', format: 'date-time' });

/** A length of time of a request: `"10m"`, or milliseconds. Its bounds are checked where it is used. */
export const duration: z.ZodType<string | number> = z
  .union([z.string().max(50), z.number()])
  .meta({ description: 'A length of time: milliseconds, or a text such as "30s", "10m", "2h".' });

/** The id of a job. Any text is let through: JOB_ID_INVALID says more than a pattern would. */
export const jobId: z.ZodType<string> = z.string().meta({
  description: 'The id of a job, a UUID of version 7.',
  example: '01a20077-8705-7430-af72-b33436ab4300',
});

/** A text that PostgreSQL can hold or be asked for: without NUL and lone surrogates, of at most `max` characters. */
export function storableText(max: number): z.ZodType<string, string> {
  return z.string().max(max).refine(isStorableText, 'Expected a text without NUL');
}

/** The name of a queue, a pool, … in a path. What names may be is checked where they are made: here an unlikely one is simply unknown. */
export const givenName: z.ZodType<string> = storableText(1_000);

/** Why somebody does something; kept in histories and in the audit. */
export const givenReason: z.ZodType<string | undefined> = storableText(1_000)
  .optional()
  .meta({ description: 'Why; kept in the history and the audit.' });

/** A number in a query, whole, within bounds. */
export function queryInteger(min: number, max: number): z.ZodType<number, string> {
  return z
    .string()
    .regex(/^-?\d{1,15}$/, { error: `Expected a whole number from ${min} to ${max}` })
    .transform(Number)
    .pipe(z.number().min(min).max(max))
    .meta({ type: 'integer', minimum: min, maximum: max });
}

/** Yes or no in a query. */
export const queryBoolean: z.ZodType<boolean, string> = z
  .enum(['true', 'false'])
  .transform((text) => text === 'true')
  .meta({ type: 'boolean' });

/** A parameter that may be repeated, as a list. */
export function queryList<T>(item: z.ZodType<T, string>, max: number): z.ZodType<T[]> {
  return z
    .preprocess((given) => (Array.isArray(given) ? given : [given]), z.array(item).min(1).max(max))
    .meta({ description: 'May be repeated.' });
}

/** A page of a list: its items and where the next page begins, null at the end. */
export function pageOf(item: z.ZodType): z.ZodType {
  return z.object({
    data: z.array(item),
    next_cursor: z
      .string()
      .nullable()
      .meta({ description: 'Give it as `cursor` for the next page; null at the end.' }),
  });
}
