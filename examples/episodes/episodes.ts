// What the application offers: order an episode, and be told when it is there.
import { randomUUID } from 'node:crypto';
import type { EnqueueOptions, Unstuck } from 'unstuck';
import { assembleJob, type EpisodeInput, episodeJob, type Recipe } from './episode-jobs.ts';

/** Who wants which episode. */
export interface EpisodeOrder {
  readonly title: string;
  readonly recipe: Recipe;
}

/** What whoever ordered it is answered: never an error because the assembler is down. */
export interface EpisodeAnswer {
  readonly episode: string;
  readonly job: string;
  readonly message: string;
}

/** Orders an episode; it is stored when this resolves, whatever happens afterwards. */
export async function createEpisode(
  unstuck: Pick<Unstuck, 'enqueue' | 'targets'>,
  { title, recipe }: EpisodeOrder,
  options: EnqueueOptions = {},
): Promise<EpisodeAnswer> {
  const input: EpisodeInput = { episode: randomUUID(), title, recipe };
  const { id } = await unstuck.enqueue(episodeJob, input, options);
  return { episode: input.episode, job: id, message: await messageFor(unstuck) };
}

/** The episode is stored already: that nobody can say how the assembler stands is no reason to answer with an error. */
async function messageFor({ targets }: Pick<Unstuck, 'targets'>): Promise<string> {
  const notice = await targets.noticeFor(assembleJob.type).catch(() => null);
  return `${notice?.message ?? 'Queued.'} You will be told when it is done.`;
}
