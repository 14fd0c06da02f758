// The job types: `assemble` is done by the remote worker, `episode` has it done and then publishes what came of it.
import { defineFanOut, defineJob, type FanOutJob, type JobDefinition } from 'unstuck';
import { z } from 'zod';
import { type Episode, publish } from './episodes-table.ts';

const seconds = z.number().min(0.01).max(60);
const segment = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('tone'), hz: z.number().min(20).max(10_000), seconds }),
  z.strictObject({ kind: z.literal('noise'), seed: z.int().min(0).max(4_294_967_295), seconds }),
  /** A file that lies at the assembler. */
  z.strictObject({
    kind: z.literal('file'),
    name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,60}\.wav$/),
  }),
]);
const pause = z.number().min(0).max(10);
const recipe = z.strictObject({
  segments: z.array(segment).min(1).max(200),
  join: z.union([z.strictObject({ crossfade: pause }), z.strictObject({ silence: pause })]),
  /** Rehearses long work (a third of a second more for each segment), or the death of the assembler in the middle of it. */
  rehearse: z.enum(['slow', 'crash']).optional(),
});

/** What an episode is made of, and how its segments are joined; all in seconds. */
export type Recipe = z.infer<typeof recipe>;

/** What the assembler answers. It is somebody else's program: what it says is checked. */
const assembled = z.object({
  file: z.string().regex(/^[0-9a-f-]{36}\.wav$/),
  samples: z.int().min(1),
  seconds: z.number().positive(),
  bytes: z.int().min(1),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});

/** Assembles an episode elsewhere. While the assembler is down the job waits for it, and no attempt is charged. */
export const assembleJob: JobDefinition<Recipe, Recipe> = defineJob({
  type: 'assemble',
  input: recipe,
  target: 'assembler',
  timeout: '10m',
  retry: { attempts: 3, base: '1s' },
});

const episodeInput = z.strictObject({
  episode: z.uuid(),
  title: z.string().min(1).max(200),
  recipe,
});

/** An episode that is to be made. */
export type EpisodeInput = z.infer<typeof episodeInput>;

/** Has an episode assembled, then publishes it: the row and the end of the job are one transaction, so each is published exactly once. */
export const episodeJob: JobDefinition<EpisodeInput, EpisodeInput, Episode> = defineFanOut({
  type: 'episode',
  input: episodeInput,
  executions: {
    of: assembleJob,
    plan: () => ['audio'],
    input: (_part: string, input): Recipe => input.recipe,
  },
  run: publishEpisode,
});

function publishEpisode(job: FanOutJob<EpisodeInput>): Promise<Episode> {
  const { episode, title } = job.input;
  const { file, ...audio } = assembled.parse(job.executions[0]?.result);
  return job.transaction((tx) => publish(tx, { id: episode, title, file, ...audio }));
}
