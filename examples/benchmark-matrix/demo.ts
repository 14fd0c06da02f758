// Enqueues benchmarks: one whose cells all complete, one with providers that refuse and hang, and one of whose cells too few complete.
import type { Unstuck } from 'unstuck';
import { type DemoItem, type DemoJob, enqueueItems } from '../demo.ts';
import { matrixJob } from './benchmark-jobs.ts';

/** Enqueues the demo and returns its jobs. A second call while the first one's jobs live enqueues none twice. */
export function enqueueDemo(unstuck: Pick<Unstuck, 'enqueue'>): Promise<DemoJob[]> {
  return enqueueItems(unstuck, 'benchmark-matrix', ITEMS);
}

const ITEMS: readonly DemoItem[] = [
  {
    title: '4 codecs × 3 levels × 5 samples',
    job: matrixJob,
    input: {
      codecs: ['gzip', 'deflate', 'brotli', 'zstd'],
      levels: [1, 5, 9],
      samples: ['prose', 'schema', 'lock', 'log', 'noise'],
    },
  },
  {
    title: 'gzip and brotli, brotli by providers that refuse and hang',
    job: matrixJob,
    input: {
      codecs: ['gzip', 'brotli'],
      levels: [1, 9],
      samples: ['prose', 'log'],
      providers: { brotli: ['refusing', 'hanging', 'here'] },
    },
  },
  {
    title: 'gzip at levels 6, 9 and 11 (fails: a third of its cells have no such level)',
    job: matrixJob,
    input: { codecs: ['gzip'], levels: [6, 9, 11], samples: ['prose', 'log'] },
    ends: 'failed',
  },
];
