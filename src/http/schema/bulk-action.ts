/** Bulk action: the shapes of changes of many jobs. */
import { z } from 'zod';
import { STATES } from '../../domain/transitions.ts';
import { type FilterBody, filterBody } from './job-filter.ts';
import { givenReason, instant } from './values.ts';

const ACTIONS = ['retry', 'cancel', 'delete'] as const;

/** What is to be done to many jobs, as its schema gives it. */
export interface NewBulkActionBody {
  readonly action: (typeof ACTIONS)[number];
  readonly filter?: FilterBody | undefined;
  readonly ids?: string[] | undefined;
  readonly reason?: string | undefined;
  readonly dry_run?: boolean | undefined;
  readonly expected_count?: number | undefined;
  readonly input?: unknown;
}

/** What is to be done to many jobs. */
export const newBulkAction: z.ZodType<NewBulkActionBody> = z
  .strictObject({
    action: z.enum(ACTIONS),
    filter: filterBody
      .optional()
      .meta({ description: 'All jobs that fit it; it must leave some out. Or `ids`.' }),
    ids: z
      .array(z.string())
      .max(1_000)
      .optional()
      .meta({ description: '1 to 1,000 ids. Or `filter`.' }),
    reason: givenReason,
    dry_run: z
      .boolean()
      .optional()
      .meta({ description: 'Changes nothing, and answers what would be changed.' }),
    expected_count: z.int().min(0).optional().meta({
      description: 'How many jobs are meant: more or fewer by over 10 % are refused.',
    }),
    input: z.unknown().optional().meta({ description: 'For `retry`: what all run with.' }),
  })
  .meta({ id: 'NewBulkAction', description: 'What is to be done to many jobs.' });

const refusal = z.object({
  id: z.string(),
  state: z.enum(STATES).nullable(),
  code: z.string(),
  message: z.string(),
});

/** A change of many jobs as it stands. */
export const bulkAction: z.ZodType = z
  .object({
    id: z.string(),
    action: z.enum(ACTIONS),
    state: z.enum(['running', 'stalled', 'interrupted', 'done', 'aborted', 'failed']).meta({
      description:
        '`stalled`: its server is silent, and another one carries it on; `interrupted`: it ran in a process that is gone and that was to end with it.',
    }),
    matched: z
      .int()
      .meta({ description: 'While it runs as counted when it began, up to 100,000.' }),
    done: z.int(),
    refused_count: z.int(),
    refused_by: z.record(z.string(), z.int()).meta({ description: 'By the codes of the reasons.' }),
    refused: z.array(refusal).meta({ description: 'The first 100.' }),
    by: z.string().nullable(),
    reason: z.string().nullable(),
    at: instant,
    selection: z.unknown().meta({ description: 'As it was asked for.' }),
    error: z.object({ code: z.string(), message: z.string() }).nullable(),
  })
  .meta({ id: 'BulkAction', description: 'A change of many jobs as it stands.' });

/** What a change of many jobs would do. */
export const dryRun: z.ZodType = z
  .object({
    action: z.enum(ACTIONS),
    dry_run: z.literal(true),
    matched: z.int(),
    refused_count: z.int(),
    refused: z.array(refusal).meta({ description: 'The first 100 that would be refused.' }),
    ids: z.array(z.string()).meta({ description: 'The first 20 that would be changed.' }),
    complete: z
      .boolean()
      .meta({ description: 'False: it ended early because there are too many.' }),
  })
  .meta({ id: 'BulkDryRun', description: 'What a change of many jobs would do.' });
