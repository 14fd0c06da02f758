/** Execution: the shapes of how the work of a fan-out stands. */
import { z } from 'zod';
import { jobError } from './job.ts';

/** The states of an execution; `missing`: planned, but neither live nor ended. */
export const EXECUTION_STATES = [
  'missing',
  'pending',
  'queued',
  'running',
  'completed',
  'failed',
  'cancelled',
] as const;

const anyJson = z.unknown();

const counts = z
  .object({
    missing: z.int(),
    pending: z.int(),
    queued: z.int(),
    running: z.int(),
    completed: z.int(),
    failed: z.int(),
    cancelled: z.int(),
  })
  .meta({
    id: 'ExecutionCounts',
    description: 'How many executions are in each state; `missing` ones will be created again.',
  });

/** The work of a fan-out as a whole. */
export const fanOut: z.ZodType = z
  .object({
    parent_id: z.string(),
    axes: z
      .record(z.string(), z.array(anyJson))
      .meta({ description: 'The lists whose combinations are the cells.' }),
    expected: z.int(),
    success: z.number().meta({ description: 'The share that must complete; 0 means any one.' }),
    counts,
  })
  .meta({ id: 'FanOut', description: 'The work of a fan-out as a whole.' });

/** One planned execution. */
export const cell: z.ZodType = z
  .object({
    ordinal: z.int(),
    cell: anyJson.meta({ description: 'The combination, or the item, of the plan.' }),
    state: z.enum(EXECUTION_STATES),
    job_id: z.string().nullable().meta({ description: 'Null when it is missing.' }),
    attempt: z.int(),
    waits_for: z.string().nullable(),
    progress: z.number().nullable(),
    error: jobError.nullable(),
  })
  .meta({ id: 'Cell', description: 'One planned execution of a fan-out.' });

const axis = z.object({ axis: z.string(), values: z.array(anyJson) });

/** The work of a fan-out by one axis or two. */
export const matrix: z.ZodType = z
  .object({
    parent_id: z.string(),
    rows: axis,
    cols: axis.nullable(),
    cells: z.array(
      z.object({
        row: z.int().meta({ description: 'The place in the values of `rows`.' }),
        col: z.int().meta({ description: 'The place in the values of `cols`.' }),
        counts,
      }),
    ),
  })
  .meta({ id: 'Matrix', description: 'The work of a fan-out by the values of its axes.' });
