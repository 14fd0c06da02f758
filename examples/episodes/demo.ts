// Orders episodes, one of which takes the assembler down: what is ordered meanwhile waits for it, and is made when it is back.
import { randomUUID } from 'node:crypto';
import type { Unstuck } from 'unstuck';
import { type DemoItem, type DemoJob, enqueueItems } from '../demo.ts';
import { episodeJob, type Recipe } from './episode-jobs.ts';

/** Enqueues the demo and returns its jobs. A second call while the first one's jobs live enqueues none twice. */
export function enqueueDemo(unstuck: Pick<Unstuck, 'enqueue'>): Promise<DemoJob[]> {
  return enqueueItems(unstuck, 'episodes', [
    episode('Pilot', { segments: CHORD, join: { crossfade: 0.1 } }),
    episode('Interview (takes a while)', {
      segments: Array.from({ length: 12 }, (_, seed) => ({ kind: 'noise', seed, seconds: 1 })),
      join: { silence: 0.2 },
      rehearse: 'slow',
    }),
    {
      ...episode('Lost tape (fails: the assembler has no such file)', {
        segments: [...CHORD, { kind: 'file', name: 'lost-tape.wav' }],
        join: { crossfade: 0 },
      }),
      ends: 'failed',
    },
    {
      ...episode('Live recording (takes the assembler down in the middle)', {
        segments: CHORD,
        join: { crossfade: 0.2 },
        rehearse: 'crash',
      }),
      options: { delay: '3s' },
    },
    ...[1, 2, 3, 4].map((part) => ({
      ...episode(`Serial, part ${part} (ordered while the assembler is down)`, {
        segments: CHORD.slice(part - 1),
        join: { silence: 0.5 },
      }),
      options: { delay: 4_000 + part * 500 },
    })),
  ]);
}

const CHORD: Recipe['segments'] = [262, 330, 392, 523].map((hz) => ({
  kind: 'tone',
  hz,
  seconds: 1,
}));

function episode(title: string, recipe: Recipe): DemoItem {
  return { title, job: episodeJob, input: { episode: randomUUID(), title, recipe } };
}
