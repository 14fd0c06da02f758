/** Delivery: the shapes of what people and other systems are told. */
import { z } from 'zod';
import { PURPOSES, STATES_OF_DELIVERY } from '../../domain/delivery.ts';
import { instant, instantOrNull } from './values.ts';

/** Why a try failed. */
export const deliveryError: z.ZodType = z
  .object({ code: z.string(), message: z.string() })
  .meta({ id: 'DeliveryError', description: 'Why the latest try to tell somebody failed.' });

/** One thing that somebody is told, and how that stands. */
export const delivery: z.ZodType = z
  .object({
    id: z.string().meta({ description: 'The same for every try: the `webhook-id`.' }),
    purpose: z.enum(PURPOSES),
    channel: z.string().meta({
      description: '`webhook` or `email`; of an alert the name of its channel.',
    }),
    address: z.string().nullable().meta({ description: 'Of a URL without its query.' }),
    job_id: z.string().nullable(),
    state: z.enum(STATES_OF_DELIVERY),
    attempts: z.int().meta({ description: 'Tries so far.' }),
    sending: z.boolean().meta({ description: 'Whether a process is sending it now.' }),
    next_at: instantOrNull.meta({ description: 'When it is tried next; null when it has ended.' }),
    expires_at: instant.meta({ description: 'When it is given up.' }),
    error: deliveryError.nullable(),
    payload: z.unknown().meta({ description: 'What is told.' }),
    created_at: instant,
    delivered_at: instantOrNull,
    failed_at: instantOrNull,
  })
  .meta({ id: 'Delivery', description: 'One thing that somebody is told, and how that stands.' });
