/** Pool: the shapes of pools and of what does not fit together in them. */
import { z } from 'zod';
import { instant } from './values.ts';

/** A pool as it is now. */
export const pool: z.ZodType = z
  .object({
    key: z.string(),
    capacity: z.int(),
    reserved: z.int().meta({ description: 'Live jobs that hold a slot: counted, never stored.' }),
    waiting: z.int().meta({ description: 'Jobs that wait for a slot.' }),
    processed: z.int().meta({ description: 'Jobs that have completed, since the pool was made.' }),
    oldest: z
      .object({ id: z.string(), type: z.string(), state: z.string(), since: instant })
      .nullable()
      .meta({ description: 'The holder that has been live for longest.' }),
    created_at: instant,
    updated_at: instant,
  })
  .meta({ id: 'Pool', description: 'A pool as it is now.' });

/** What does not fit together in a pool. */
export const poolProblem: z.ZodType = z
  .object({
    key: z.string(),
    problem: z.enum(['missing', 'over', 'room']).meta({
      description:
        '`missing`: live jobs name it, but it is gone; `over`: more holders than capacity (it drains); `room`: jobs wait although there is room.',
    }),
    capacity: z.int().nullable(),
    reserved: z.int(),
    waiting: z.int(),
    repaired: z
      .string()
      .nullable()
      .meta({ description: 'What a repair did; null for a check, and where nothing is to do.' }),
  })
  .meta({ id: 'PoolProblem', description: 'What does not fit together in a pool.' });
