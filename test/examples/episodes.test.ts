// S2: the episodes from end to end, with an assembler that is a process of its own and is killed for real.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Unstuck } from 'unstuck';
import { describe, expect, onTestFinished, test } from 'vitest';
import { startBeside } from '../../examples/episodes/beside.ts';
import { enqueueDemo } from '../../examples/episodes/demo.ts';
import { type EpisodeInput, episodeJob } from '../../examples/episodes/episode-jobs.ts';
import { EPISODES } from '../../examples/episodes/episodes-table.ts';
import { jobs } from '../../examples/episodes/index.ts';
import type { Beside } from '../../examples/example.ts';
import { setup } from '../support/unstuck.ts';

const RECIPE = {
  segments: [{ kind: 'tone', hz: 440, seconds: 0.1 }],
  join: { crossfade: 0 },
} as const;
const INPUT: EpisodeInput = {
  episode: '6f9619ff-8b86-4d01-b42d-00cf4fc964ff',
  title: 'Pilot',
  recipe: { ...RECIPE, segments: [...RECIPE.segments] },
};

describe('the demo', () => {
  test('S2.3 S2.8 ends as it says, through the twenty seconds in which the assembler is away', async () => {
    const { unstuck, query, lines } = await setup({ privateAddresses: ['127.0.0.1'] });
    await work(unstuck);
    const demo = await enqueueDemo(unstuck);
    const ended = await Promise.all(demo.map(({ id }) => unstuck.wait(id, { timeout: '100s' })));
    expect(ended.map(({ state }) => state)).toEqual(demo.map(({ ends }) => ends));
    expect(lines.map(({ event }) => event)).toEqual(
      expect.arrayContaining(['target_down', 'parked', 'found_parked_jobs', 'retried']),
    );
    expect(lines.filter(({ event }) => event === 'target_down')).toHaveLength(1);
    const published = await query(`select title from ${EPISODES} order by published_at`);
    expect(published).toHaveLength(ended.filter(({ state }) => state === 'completed').length);
    for (const { id } of ended) {
      const [assembly] = await unstuck.executions.list(id);
      expect(assembly?.attempt).toBe(1);
    }
  }, 120_000);

  test('a second one enqueues nothing twice while the first one lives', async () => {
    const { unstuck } = await setup({ sweep: false });
    const first = await enqueueDemo(unstuck);
    const second = await enqueueDemo(unstuck);
    expect(second).toEqual(first.map((job) => ({ ...job, created: false })));
  });
});

describe('an episode', () => {
  test('that is published already is not published again', async () => {
    const { unstuck, query } = await setup({ privateAddresses: ['127.0.0.1'] });
    await work(unstuck);
    const first = await unstuck.enqueue(episodeJob, INPUT);
    expect(await unstuck.wait(first.id)).toMatchObject({ state: 'completed' });
    const second = await unstuck.enqueue(episodeJob, INPUT, { key: 'again' });
    const { state, error } = await unstuck.wait(second.id);
    expect([state, error?.code]).toEqual(['failed', 'EPISODE_PUBLISHED']);
    expect(await query(`select from ${EPISODES}`)).toHaveLength(1);
  });

  test.each([
    { ...INPUT, title: '' },
    { ...INPUT, episode: 'pilot' },
    { ...INPUT, recipe: { ...RECIPE, segments: [] } },
    { ...INPUT, file: 'pilot.wav' },
  ])('%# that is none is refused before it is stored', async (input) => {
    const { issues } = await episodeJob.schema['~standard'].validate(input);
    expect(issues).not.toBeUndefined();
  });
});

/** Works with an assembler beside it. */
async function work(unstuck: Unstuck): Promise<Beside> {
  const directory = await mkdtemp(join(tmpdir(), 'assembler-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const beside = await startBeside(directory);
  onTestFinished(() => beside.stop());
  await unstuck.work(jobs, { targets: beside.targets });
  return beside;
}
