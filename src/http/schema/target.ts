/** Target: the shapes of remote workers, and of what is said of a job while its remote worker is away. */
import { z } from 'zod';
import { pause } from './queue.ts';
import { instant, instantOrNull } from './values.ts';

const failure = z
  .object({ code: z.string(), message: z.string() })
  .meta({ id: 'TargetFailure', description: 'Why a remote worker was not reached, or failed.' });

/** A remote worker as it is now. */
export const target: z.ZodType = z
  .object({
    name: z.string(),
    url: z.string().meta({ description: 'Without what follows its path.' }),
    health_url: z.string().nullable(),
    status_url: z.string().nullable(),
    types: z.array(z.string()).meta({ description: 'The types whose jobs are sent to it.' }),
    state: z
      .enum(['up', 'down', 'half-open'])
      .meta({ description: '`half-open`: it has answered a probe, and is tried with one job.' }),
    usable: z.boolean().meta({ description: 'Whether it can be sent a job now.' }),
    words: z.string().meta({ description: 'How it stands, in words.' }),
    since: instant,
    down_since: instantOrNull,
    failures: z.int().meta({ description: 'In a row.' }),
    probes: z.int().meta({ description: 'How often it was asked since it went down.' }),
    last_probe_at: instantOrNull,
    next_probe_at: instantOrNull,
    last_ok_at: instantOrNull,
    last_failed_at: instantOrNull,
    last_error: failure.nullable(),
    hold_until: instantOrNull.meta({ description: 'It has asked to be sent nothing until then.' }),
    paused: pause.nullable(),
    parked: z
      .int()
      .meta({ description: 'Jobs that wait for it: exact to 10,000, at most 10,001.' }),
    sending: z.int().meta({ description: 'Attempts that were sent, and are not answered yet.' }),
    accepted: z.int().meta({ description: 'Attempts that it works on.' }),
    ramp: z.int().meta({ description: 'How many waiting jobs go out in the next second.' }),
    ramp_max: z.int(),
  })
  .meta({ id: 'Target', description: 'A remote worker as it is now.' });

/** What a remote worker said when it was asked. */
export const targetProbe: z.ZodType = z
  .object({
    answered: z
      .boolean()
      .nullable()
      .meta({ description: 'Null: nobody asked it within 15 s, since no process sweeps.' }),
    error: failure.nullable(),
    message: z.string().meta({ description: 'The same in words.' }),
    target,
  })
  .meta({ id: 'TargetProbe', description: 'What a remote worker said when it was asked.' });

/** What is told of a job whose remote workers take none now. */
export const notice: z.ZodType = z
  .object({
    code: z.enum(['TARGET_DOWN', 'TARGET_PAUSED', 'TARGET_BUSY']),
    message: z.string().meta({ description: 'For a person, as it stands.' }),
    target: z.string(),
    since: instantOrNull.meta({ description: 'Null while it is only busy.' }),
  })
  .meta({
    id: 'Notice',
    description: 'Why a job that was stored will be done later; nothing is wrong with it.',
  });

/** The sending of a job to its remote worker. */
export const sending: z.ZodType = z
  .object({
    target: z.string(),
    url: z.string().nullable().meta({ description: 'Without what follows its path.' }),
    words: z.string().nullable().meta({ description: 'How the target stands, in words.' }),
    parked_at: instantOrNull.meta({ description: 'When the job last began to wait for it.' }),
    parked_times: z.int(),
    sent_times: z.int(),
    last_sent_at: instantOrNull,
    accepted_at: instantOrNull,
    heard_at: instantOrNull.meta({ description: 'When it last said that it still works on it.' }),
    probes: z.int().meta({ description: 'How often the target was asked since it went down.' }),
    last_probe_at: instantOrNull,
    next_probe_at: instantOrNull,
    last_error: failure.nullable().meta({ description: 'The latest error of the target.' }),
  })
  .meta({ id: 'Sending', description: 'How the sending of a job to its remote worker stands.' });
