/** Job: the shapes of jobs in requests and answers. */
import { z } from 'zod';
import { STATES_OF_DELIVERY } from '../../domain/delivery.ts';
import type { Notify } from '../../domain/notify.ts';
import { STATES } from '../../domain/transitions.ts';
import { deliveryError } from './delivery.ts';
import { itemProblem } from './problem.ts';
import { notice, sending } from './target.ts';
import { duration, givenInstant, instant, instantOrNull } from './values.ts';

const REASONS = ['created', 'key-live', 'replaced', 'key-window', 'repeated'] as const;

const noticeOrNull = notice.nullable().meta({
  description: 'Why it will be done later, for whoever asked for it: its remote worker is away.',
});

/** A value of a user: any JSON. */
const anyJson = z.unknown().meta({ description: 'Any JSON, exactly as it was stored.' });

/** Why an attempt or a job failed. */
export const jobError: z.ZodType = z
  .object({
    code: z.string(),
    name: z.string(),
    message: z.string(),
    stack: z.string().optional(),
  })
  .meta({ id: 'JobError', description: 'Why an attempt or a job failed.' });

/** How telling one address stands. */
const jobDelivery = z
  .object({
    channel: z.enum(['webhook', 'email']),
    address: z.string().meta({ description: 'Of a URL without its query.' }),
    state: z.enum(['waiting', 'forgotten', ...STATES_OF_DELIVERY]),
    attempts: z.int(),
    delivery_id: z.string().nullable(),
    error: deliveryError.nullable(),
  })
  .meta({ id: 'JobDelivery', description: 'How telling one address of the end of a job stands.' });

/** A job as `job show -o json` prints it. */
const shown = z.object({
  id: z.string(),
  type: z.string(),
  state: z.enum(STATES),
  waits_for: z.string().nullable().meta({
    description: 'The gate of a pending job, `worker` when queued, `lease` when running.',
  }),
  deadline: instantOrNull.meta({ description: 'The latest time at which `next` happens.' }),
  next: z.string().meta({ description: 'What happens next, in words.' }),
  late: z.boolean().meta({ description: 'Whether the deadline has passed.' }),
  priority: z.int(),
  attempt: z.int(),
  attempts_max: z.int(),
  crashes: z.int(),
  snoozes: z.int(),
  token: z.string().meta({ description: 'The fencing token of the latest attempt.' }),
  input: anyJson,
  result: anyJson,
  error: jobError.nullable(),
  progress: z.number().nullable(),
  progress_note: z.string().nullable(),
  key: z.string().nullable(),
  tags: z.array(z.string()),
  pool: z.string().nullable(),
  limit_key: z.string().nullable(),
  parent_id: z.string().nullable(),
  ordinal: z.int().nullable(),
  traceparent: z.string().nullable().meta({
    description: 'The W3C Trace Context of whoever enqueued it, when that was traced.',
  }),
  notify: z.array(jobDelivery).meta({ description: 'Whom its end is told, and how that stands.' }),
  worker_id: z.string().nullable(),
  reason: z.string().nullable(),
  created_at: instant,
  updated_at: instant,
  started_at: instantOrNull,
  finished_at: instantOrNull,
  run_at: instantOrNull,
  finish_by: instantOrNull,
});

/** A job, live or finished. */
export const job: z.ZodType = shown.meta({ id: 'Job', description: 'A job, live or finished.' });

/** A job with how its sending to a remote worker stands. */
export const jobInFull: z.ZodType = shown
  .extend({
    sending: sending.nullable().meta({ description: 'Null for a job that runs here.' }),
  })
  .meta({
    id: 'JobInFull',
    description: 'A job, and how its sending to a remote worker stands.',
  });

/** What an enqueue answers: the job, and whether this request stored it. */
export const enqueuedJob: z.ZodType = z
  .object({
    ...shown.partial().shape,
    id: z.string(),
    created: z.boolean().meta({ description: 'Whether this request stored the job.' }),
    enqueued: z.enum(REASONS),
    notice: noticeOrNull,
  })
  .meta({
    id: 'EnqueuedJob',
    description:
      "The job and whether this request stored it; only `id`, `created`, `enqueued` and `notice` when it was stored and could not be read back, or is another's and the scope `read` is missing.",
  });

/** What a batch answers: what became of each job. */
export const enqueuedJobs: z.ZodType = z
  .object({
    data: z.array(
      z.object({
        id: z.string().nullable().meta({ description: 'Null when it was refused.' }),
        created: z.boolean(),
        enqueued: z.enum(REASONS).nullable(),
        notice: noticeOrNull,
        problem: itemProblem.nullable().meta({ description: 'Why it was refused.' }),
      }),
    ),
    created: z.int().meta({ description: 'How many this request stored.' }),
    refused: z.int(),
  })
  .meta({ id: 'EnqueuedJobs', description: 'What became of each job of a batch, in their order.' });

/** How many jobs fit. */
export const jobCount: z.ZodType = z
  .object({
    count: z.int(),
    capped: z.boolean().meta({ description: 'Whether there are more than `count`.' }),
  })
  .meta({ id: 'JobCount', description: 'How many jobs fit, exactly up to 100,000.' });

/** What happened to a job. */
export const timeline: z.ZodType = z
  .object({
    data: z.array(
      z.object({
        at: instant,
        kind: z.string().meta({
          description:
            'How an attempt ended (failed, timed-out, lost, released, snoozed, stale, cancelled), or what was done to the job.',
        }),
        attempt: z.int().nullable(),
        token: z.string().nullable(),
        worker_id: z.string().nullable(),
        by: z.string().nullable(),
        reason: z.string().nullable(),
        detail: anyJson,
      }),
    ),
  })
  .meta({ id: 'Timeline', description: 'What happened to a job, oldest first.' });

/** Why a job is where it is. */
export const why: z.ZodType = z
  .object({
    id: z.string(),
    type: z.string(),
    state: z.enum(STATES),
    late: z.boolean(),
    reason: z.string().meta({ description: 'What it waits for, in one sentence.' }),
    action: z.string().meta({ description: 'Who acts, and how.' }),
    next: z.object({ event: z.string(), at: instantOrNull }),
    checks: z.array(
      z.object({
        name: z.string(),
        passed: z.boolean().nullable().meta({ description: 'Null: not come to yet.' }),
        detail: z.string(),
        evidence: z.record(z.string(), z.unknown()),
      }),
    ),
    finding: z
      .object({
        reason: z.string(),
        action: z.string(),
        first_seen: instant,
        next_look: instant,
      })
      .nullable(),
    sweep_errors: z.array(z.object({ task: z.string(), message: z.string(), count: z.int() })),
  })
  .meta({ id: 'Why', description: 'Why a job is where it is, and what happens next.' });

/** What a reset of hanging jobs answers (S3.3). */
export const resetStuck: z.ZodType = z
  .object({
    success: z.literal(true),
    reset_count: z.int(),
    job_ids: z.array(z.string()),
    message: z.string(),
  })
  .meta({ id: 'ResetStuck', description: 'Which running jobs were put back into the queue.' });

/** What starting the next job of a queue answers (S3.5). */
export const executedPending: z.ZodType = z
  .object({
    total_pending: z.int(),
    started: z.int(),
    job_ids: z.array(z.string()),
    message: z.string(),
  })
  .meta({ id: 'ExecutedPending', description: 'What was started of a sequential queue.' });

/** A new job as its schema gives it. */
export interface NewJobBody {
  readonly type: string;
  readonly input?: unknown;
  readonly priority?: number | undefined;
  readonly run_at?: Date | undefined;
  readonly delay?: string | number | undefined;
  readonly hold?: boolean | undefined;
  readonly finish_by?: Date | undefined;
  readonly claim_within?: string | number | undefined;
  readonly key?: string | undefined;
  readonly tags?: string[] | undefined;
  readonly slot?: string | undefined;
  readonly when_full?: 'refuse' | 'wait' | undefined;
  readonly limit?:
    | string
    | { readonly name: string; readonly key?: string | undefined }
    | undefined;
  readonly when_taken?: 'return' | 'refuse' | 'replace' | undefined;
  readonly key_window?: string | number | undefined;
  readonly notify?: Notify | readonly Notify[] | undefined;
}

/** An address of `notify`. */
const address = z.union([
  z.strictObject({ webhook: z.string() }),
  z.strictObject({ email: z.string() }),
]);

/** A job to be stored. Only shapes: bounds are checked where every enqueue is, so that all doors say the same. */
export const newJob: z.ZodType<NewJobBody> = z
  .strictObject({
    type: z.string(),
    input: z.unknown(),
    priority: z.number().optional(),
    run_at: givenInstant.optional(),
    delay: duration.optional(),
    hold: z.boolean().optional(),
    finish_by: givenInstant.optional(),
    claim_within: duration.optional(),
    key: z.string().optional(),
    tags: z.array(z.string()).optional(),
    slot: z.string().optional(),
    when_full: z.enum(['refuse', 'wait']).optional(),
    limit: z
      .union([z.string(), z.strictObject({ name: z.string(), key: z.string().optional() })])
      .optional(),
    when_taken: z.enum(['return', 'refuse', 'replace']).optional(),
    key_window: duration.optional(),
    notify: z
      .union([address, z.array(address)], {
        error:
          'Expected {"webhook": "https://…"} or {"email": "ada@example.com"}, or a list of up to five of these',
      })
      .optional()
      .meta({
        description: 'Whom to tell when the job has ended: one address, or up to five.',
      }),
  })
  .meta({ id: 'NewJob', description: 'A job to be stored.' });
