// Enqueues two benchmarks: one that most cells of complete, two of its providers notwithstanding, and one that too few do.
import type { Unstuck } from 'unstuck';
import { type DemoItem, type DemoJob, type DemoOptions, enqueueItems } from '../demo.ts';
import { matrixJob } from './benchmark-jobs.ts';

/** Enqueues the demo and returns its jobs. A second call while the first one's jobs live enqueues none twice. */
export function enqueueDemo(
  unstuck: Pick<Unstuck, 'enqueue'>,
  _options: DemoOptions = {},
): Promise<DemoJob[]> {
  return enqueueItems(unstuck, 'benchmark-matrix', ITEMS);
}

const ITEMS: readonly DemoItem[] = [
  {
    title: '4 codecs × 4 levels × 5 samples, brotli by providers that refuse and hang',
    job: matrixJob,
    input: {
      codecs: ['gzip', 'deflate', 'brotli', 'zstd'],
      levels: [1, 6, 9, 11],
      samples: ['prose', 'schema', 'lock', 'log', 'noise'],
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
