/** Queue: the shapes of queues and of what is paused. */
import { z } from 'zod';
import { givenInstant, givenReason, instant, instantOrNull } from './values.ts';

const pauseFacts = z.object({
  reason: z.string().nullable(),
  by: z.string().nullable(),
  at: instant,
  until: instantOrNull.meta({ description: 'When it ends by itself; null: somebody resumes it.' }),
});

/** Why and since when nothing of a queue or a type is started. */
export const pause: z.ZodType = pauseFacts.meta({
  id: 'Pause',
  description: 'Why and since when nothing of a queue or a type is started.',
});

/** A pause with what is paused. */
export const namedPause: z.ZodType = z
  .object({ kind: z.enum(['queue', 'type']), name: z.string(), ...pauseFacts.shape })
  .meta({ id: 'NamedPause', description: 'A pause with what is paused.' });

/** A queue as it is now. */
export const queue: z.ZodType = z
  .object({
    name: z.string(),
    types: z.array(z.string()),
    paused: pause.nullable(),
    pending: z.int(),
    queued: z.int(),
    running: z.int(),
    waits_for: z
      .record(z.string(), z.int())
      .meta({ description: 'Pending jobs by the gate at which they stand.' }),
    oldest: instantOrNull.meta({ description: 'When the oldest live job was enqueued.' }),
  })
  .meta({ id: 'Queue', description: 'A queue as it is now.' });

/** What a pause is asked with. */
export interface NewPauseBody {
  readonly reason?: string | undefined;
  readonly until?: Date | undefined;
}

/** Why something is paused, and until when. */
export const newPause: z.ZodType<NewPauseBody> = z
  .strictObject({ reason: givenReason, until: givenInstant.optional() })
  .meta({ id: 'NewPause', description: 'Why something is paused, and until when.' });
