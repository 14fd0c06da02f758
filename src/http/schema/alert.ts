/** Alert: the shapes of alerts, their rules and their channels. */
import { z } from 'zod';
import { ALERT_STATES } from '../../domain/alert.ts';
import { RULE_KINDS } from '../../domain/alert-rules.ts';
import { duration, givenReason, instant, instantOrNull } from './values.ts';

/** How serious an alert is. */
const severity = z.enum(['info', 'warning', 'critical']);

const mark = { at: instant, by: z.string().nullable(), reason: z.string().nullable() };

/** An alert as it is now. */
export const alert: z.ZodType = z
  .object({
    id: z.string(),
    rule: z.string(),
    subject: z.string(),
    severity,
    state: z.enum(ALERT_STATES),
    summary: z.string(),
    count: z.int(),
    detail: z.record(z.string(), z.unknown()).meta({ description: 'What the rule saw last.' }),
    since: instant,
    fired_at: instantOrNull,
    fired_times: z.int(),
    clear_since: instantOrNull.meta({ description: 'Since when it has not been seen.' }),
    resolved_at: instantOrNull,
    told: z
      .array(
        z.object({
          channel: z.string(),
          state: z.enum(['firing', 'acknowledged', 'resolved']),
          at: instant,
        }),
      )
      .meta({ description: 'What each channel was told last, and when.' }),
    acknowledged: z.object(mark).nullable(),
    silenced: z
      .object({ ...mark, until: instantOrNull })
      .nullable()
      .meta({ description: 'It tells nobody until then; without an end until that is ended.' }),
    next_look: instantOrNull.meta({
      description: 'When it is looked at again; null when it is over.',
    }),
    current: z.boolean().meta({ description: 'Whether that look is not overdue.' }),
    updated_at: instant,
  })
  .meta({ id: 'Alert', description: 'An alert as it is now: one for each rule and subject.' });

/** A rule of this process. */
export const alertRule: z.ZodType = z
  .object({
    name: z.string(),
    kind: z.enum(Object.keys(RULE_KINDS) as [keyof typeof RULE_KINDS]),
    severity,
    for_ms: z.number().meta({ description: 'How long it must hold before it fires.' }),
    clear_after_ms: z.number(),
    every_ms: z.number().meta({ description: 'A channel gets at most one message in this time.' }),
    repeat_ms: z.number().nullable(),
    channels: z.array(z.string()).nullable().meta({ description: 'Null: all that take it.' }),
    parameters: z.record(
      z.string(),
      z.union([z.number(), z.array(z.string()), z.null()]).meta({ description: 'Of its kind.' }),
    ),
  })
  .meta({ id: 'AlertRule', description: 'What is looked for; lengths of time in milliseconds.' });

/** A channel of this process, without its secrets. */
export const alertChannel: z.ZodType = z
  .object({
    name: z.string(),
    protocol: z.enum(['sms', 'webhook', 'slack', 'email', 'sentry', 'pagerduty']),
    to: z.string().meta({ description: 'Whom it tells, as far as it may be shown.' }),
    min_severity: severity,
    rules: z.array(z.string()).nullable().meta({ description: 'Null: all.' }),
    fallback: z.string().nullable(),
  })
  .meta({ id: 'AlertChannel', description: 'By which way people are told; without secrets.' });

/** What became of a message that was sent to try a channel. */
export const testedChannel: z.ZodType = z
  .object({
    channel: z.string(),
    accepted: z.boolean(),
    code: z.string().nullable(),
    message: z.string().meta({ description: 'What the API of the channel said.' }),
  })
  .meta({ id: 'TestedChannel', description: 'What became of a message that tried a channel.' });

/** For how long an alert is silenced, and why. */
export interface NewSilenceBody {
  readonly for?: string | number | undefined;
  readonly reason?: string | undefined;
}

/** For how long an alert is silenced, and why. */
export const newSilence: z.ZodType<NewSilenceBody> = z.strictObject({
  for: duration.optional().meta({ description: 'From 1s to 365d; default until it is ended.' }),
  reason: givenReason,
});
