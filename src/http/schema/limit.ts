/** Limit: the shapes of limits and of the keys at which jobs count. */
import { z } from 'zod';
import type { LimitAmounts } from '../../domain/limits.ts';
import { duration, instant } from './values.ts';

/** A limit and how much it allows. */
export const limit: z.ZodType = z
  .object({
    name: z.string().meta({ description: '`type:NAME`, `queue:NAME`, or a name of its own.' }),
    running: z.int().nullable(),
    rate: z.object({ count: z.int(), per_ms: z.int() }).nullable(),
    set_by: z.string().nullable().meta({ description: 'Who has set it; null: the code.' }),
    updated_at: instant,
  })
  .meta({ id: 'Limit', description: 'A limit and how much it allows.' });

/** How many jobs count at one key. */
export const limitKey: z.ZodType = z
  .object({ key: z.string(), running: z.int(), queued: z.int(), waiting: z.int() })
  .meta({ id: 'LimitKey', description: 'How many jobs count at one key of a limit.' });

/** The amounts of a limit as they are given. */
export interface LimitBody {
  readonly running?: number | undefined;
  readonly rate?: { readonly count: number; readonly per: string | number } | undefined;
}

/** The amounts of a limit; bounds are checked where every door's are. */
export const limitAmounts: z.ZodType<LimitBody> = z
  .strictObject({
    running: z.number().optional().meta({ description: 'A whole number from 1 to 100,000.' }),
    rate: z
      .strictObject({ count: z.number(), per: duration })
      .optional()
      .meta({ description: '`count` from 1 to 1,000, `per` from 100ms to 365d.' }),
  })
  .meta({ id: 'LimitAmounts', description: 'How much a limit allows; at least one of both.' });

/** The amounts that a body means. */
export function toAmounts({ running, rate }: LimitBody): LimitAmounts {
  return {
    ...(running === undefined ? {} : { running }),
    ...(rate === undefined ? {} : { rate }),
  };
}
