/** Bridge: the shapes of bridges and of dead messages in requests and answers. */
import { z } from 'zod';
import type { DeadPlace } from '../../domain/bridge.ts';
import { givenReason, instant, instantOrNull } from './values.ts';

const list = z
  .object({
    length: z.int(),
    oldest_at: instantOrNull.meta({
      description: 'When its oldest message was sent, or was first seen to be the oldest.',
    }),
    growth_per_minute: z
      .number()
      .nullable()
      .meta({ description: 'Over the latest whole minute; negative when it shrinks.' }),
  })
  .meta({ id: 'BridgeList', description: 'One of the lists of a bridge, as last measured.' });

/** A bridge as it was last looked at. */
export const bridge: z.ZodType = z
  .object({
    name: z.string(),
    list: z.string(),
    dead_list: z.string(),
    take_from: z.enum(['left', 'right']),
    address: z.string().meta({ description: 'Where Redis is, without user and password.' }),
    state: z.enum(['new', 'up', 'away']),
    last_error: z.string().nullable(),
    away_at: instantOrNull,
    looked_at: instantOrNull,
    next_look: instant.meta({ description: 'In the past when no process runs the bridge.' }),
    late_after: z.int().meta({ description: 'Milliseconds.' }),
    waiting: list,
    processing: list,
    dead: list,
    taken_times: z.int(),
    lost_times: z.int().meta({ description: 'Lost messages that were found and sent.' }),
    lost_ids: z.array(z.string()).meta({ description: 'The latest of them, at most 20.' }),
    lost_look_at: instantOrNull,
    created_at: instant,
    updated_at: instant,
  })
  .meta({ id: 'Bridge', description: 'A Redis list whose messages become jobs.' });

const place = {
  position: z.int().min(0).max(1_000_000_000).meta({ description: '0 is the oldest.' }),
  digest: z.string().meta({ description: 'SHA-1 of the entry, in hexadecimal.' }),
};

/** A dead message. */
export const deadMessage: z.ZodType = z
  .object({
    ...place,
    message: z.string().meta({ description: 'As it came, at most 10,000 characters of it.' }),
    encoding: z.enum(['text', 'base64']),
    bytes: z.int(),
    code: z.string().nullable(),
    reason: z.string().nullable(),
    dead_at: instantOrNull,
  })
  .meta({ id: 'DeadMessage', description: 'A message that could not become a job.' });

/** Which dead messages, and why. */
export const deadSelection: z.ZodType<{
  readonly messages: readonly DeadPlace[];
  readonly reason?: string | undefined;
}> = z
  .strictObject({
    messages: z
      .array(z.strictObject(place).meta({ id: 'DeadPlace' }))
      .min(1)
      .max(1_000),
    reason: givenReason,
  })
  .meta({ id: 'DeadSelection', description: 'Dead messages, by where they were seen.' });

/** What became of dead messages. */
export const deadChange: z.ZodType = z
  .object({
    done: z.int(),
    changed: z
      .array(z.object(place).meta({ id: 'ChangedPlace' }))
      .meta({ description: 'Those that do not stand there any more; nothing was done to them.' }),
  })
  .meta({ id: 'DeadChange', description: 'What became of dead messages.' });
