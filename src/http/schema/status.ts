/** Status: the shapes of the installation at a glance. */
import { z } from 'zod';
import { instant, instantOrNull } from './values.ts';

const stateCount = z.object({
  type: z.string(),
  state: z.string(),
  waits_for: z.string().nullable().meta({ description: 'The gate of pending jobs.' }),
  count: z.int(),
  at: instant.meta({
    description: 'When the oldest was created; of finished ones, when the newest ended.',
  }),
  late: z.int().meta({ description: 'How many are past their deadline.' }),
});

/** A worker process as the database sees it. */
export const worker: z.ZodType = z
  .object({
    id: z.string(),
    name: z.string(),
    pid: z.int(),
    state: z.string(),
    types: z.array(z.string()),
    concurrency: z.int(),
    running: z.int(),
    ghosts: z.int().meta({ description: 'Handlers that never returned.' }),
    loop_lag_ms: z.number(),
    beat_ms_ago: z.int(),
    version: z.string(),
    started_at: instant,
  })
  .meta({ id: 'Worker', description: 'A worker process, live or stopping.' });

/** Why a group of jobs is late. */
export const finding: z.ZodType = z
  .object({
    kind: z.string(),
    subject: z.string(),
    reason: z.string(),
    action: z.string().meta({ description: 'Who must do what.' }),
    count: z.int().meta({ description: 'At most 10,001: then there are more.' }),
    oldest: instant,
    first_seen: instant,
    next_look: instant,
    current: z.boolean(),
  })
  .meta({
    id: 'Finding',
    description: 'Why a group of jobs is late, who acts, and when it is looked at again.',
  });

/** A remote worker that is not simply up. */
const troubledTarget = z
  .object({
    name: z.string(),
    state: z.string().meta({ description: '`down`, `half-open`, `paused` or `busy`.' }),
    words: z.string().meta({ description: 'The same in words.' }),
    since: instantOrNull.meta({ description: 'Null while it is only busy.' }),
    parked: z.int().meta({ description: 'Jobs that wait for it, at most 10,001.' }),
  })
  .meta({ id: 'TroubledTarget', description: 'A remote worker that takes no jobs, or is tried.' });

/** The installation at one moment. */
export const status: z.ZodType = z
  .object({
    now: instant.meta({ description: 'The time of the database when it was counted.' }),
    live: z.array(stateCount),
    finished: z.array(stateCount).meta({ description: 'Of the last 24 hours.' }),
    finished_capped: z.boolean().meta({
      description: 'Whether a finished state has more than the 100,000 jobs that are counted.',
    }),
    workers: z.array(worker),
    targets: z
      .array(troubledTarget)
      .meta({ description: 'Remote workers that are not simply up.' }),
    findings: z.array(finding),
    late: z.int().meta({ description: 'Jobs past their deadline.' }),
    stuck: z.int().meta({ description: 'Late jobs that no current finding explains: must be 0.' }),
    swept_ms_ago: z
      .number()
      .nullable()
      .meta({ description: 'Since the sweep last ended a round well; null before the first.' }),
  })
  .meta({ id: 'Status', description: 'The installation at one moment.' });
