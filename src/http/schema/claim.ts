/** Claim: the shapes in which workers of other languages ask for jobs and tell of them. */
import { z } from 'zod';
import { duration, instant, instantOrNull } from './values.ts';

/** The fencing token of an attempt, as it came with its job. */
const token = z
  .string()
  .regex(/^\d{1,18}$/, { error: 'Expected the token that came with the job' })
  .meta({ description: 'The fencing token that came with the job.' });

/** The id of a worker, in a path. */
export const pullWorkerId: z.ZodType<string> = z
  .guid({ error: 'Expected a UUID' })
  .meta({ description: 'The id of the worker: a UUID that it makes when it starts.' });

/** What a worker asks for. */
export interface ClaimBody {
  readonly types: string[];
  readonly max?: number | undefined;
  readonly wait?: string | number | undefined;
  readonly name?: string | undefined;
  readonly lease?: string | number | undefined;
  readonly holding?: { readonly id: string; readonly token: string }[] | undefined;
}

/** The body of a claim. */
export const claimBody: z.ZodType<ClaimBody> = z
  .strictObject({
    types: z.array(z.string()).min(1).max(100),
    max: z.int().min(1).max(100).optional().meta({ description: 'How many jobs; default 1.' }),
    wait: duration
      .optional()
      .meta({ description: 'How long to wait for a first job; at most "25s", default 0.' }),
    name: z.string().min(1).max(200).optional().meta({ description: 'What people see it as.' }),
    lease: duration.optional().meta({
      description: 'How long the worker may be silent; "5s" to "1h", default "30s".',
    }),
    holding: z
      .array(z.strictObject({ id: z.string(), token }))
      .max(1_000)
      .optional()
      .meta({
        description:
          'What the worker runs. What it was given more than 10 s ago and does not name goes back.',
      }),
  })
  .meta({ id: 'Claim', description: 'What a worker asks for.' });

/** The jobs that a worker was given. */
export const claimedJobs: z.ZodType = z
  .object({
    jobs: z.array(
      z.object({
        id: z.string(),
        token: z.string().meta({ description: 'Names this attempt in every call about it.' }),
        type: z.string(),
        input: z.unknown().meta({ description: 'Any JSON, exactly as it was stored.' }),
        attempt: z.int(),
        attempts_max: z.int(),
        crashes: z.int(),
        tags: z.array(z.string()),
        progress: z.number().nullable(),
        progress_note: z.string().nullable(),
        traceparent: z.string().nullable().meta({
          description: 'Where it was enqueued (W3C Trace Context): link your span to it.',
        }),
        expires_at: instant.meta({ description: 'The end of its timeout.' }),
      }),
    ),
    heartbeat_every_ms: z
      .int()
      .meta({ description: 'Say so often, or oftener, that you still run them.' }),
  })
  .meta({ id: 'ClaimedJobs', description: 'The jobs that a worker was given.' });

/** The body of a call that only names the attempt. */
export const fenceBody: z.ZodType<{ readonly token: string }> = z.strictObject({ token });

/** How far an attempt is. */
export interface ProgressBody {
  readonly token: string;
  readonly progress: number;
  readonly note?: string | undefined;
}

/** The body of a progress. */
export const progressBody: z.ZodType<ProgressBody> = z.strictObject({
  token,
  progress: z.number().min(0).max(1),
  note: z.string().max(500).optional(),
});

/** What a handler returned. */
export interface CompleteBody {
  readonly token: string;
  readonly result?: unknown;
}

/** The body of a completion. */
export const completeBody: z.ZodType<CompleteBody> = z.strictObject({
  token,
  result: z.unknown().optional().meta({ description: 'Any JSON; default null.' }),
});

/** How an attempt failed. */
export interface FailBody {
  readonly token: string;
  readonly error: {
    readonly message: string;
    readonly code?: string | undefined;
    readonly name?: string | undefined;
    readonly stack?: string | undefined;
  };
  readonly retry?: boolean | undefined;
  readonly retry_after?: string | number | undefined;
}

/** The body of a failure. */
export const failBody: z.ZodType<FailBody> = z.strictObject({
  token,
  error: z.strictObject({
    message: z.string(),
    code: z.string().optional().meta({ description: 'Default HANDLER_FAILED.' }),
    name: z.string().optional().meta({ description: 'Default Error.' }),
    stack: z.string().optional(),
  }),
  retry: z
    .boolean()
    .optional()
    .meta({ description: 'False: fails at once, whatever attempts remain.' }),
  retry_after: duration.optional(),
});

/** What a worker hears to a heartbeat. */
export const claimBeat: z.ZodType = z
  .object({
    continue: z.boolean().meta({ description: 'False: stop, the attempt is over.' }),
    reason: z.enum(['cancelled', 'timed-out', 'lost', 'ended']).nullable(),
    expires_at: instantOrNull,
  })
  .meta({ id: 'ClaimBeat', description: 'Whether a worker shall go on.' });

/** Where a job is after an attempt ended. */
export const claimEnd: z.ZodType = z
  .object({
    id: z.string(),
    state: z.enum(['completed', 'failed', 'cancelled', 'pending', 'queued']),
  })
  .meta({ id: 'ClaimEnd', description: 'Where the job is after the end of this attempt.' });
