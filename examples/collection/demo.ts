// Enqueues collections that are run one at a time: an urgent one first, a slow one to watch, and two that fail.
import type { Unstuck } from 'unstuck';
import { type DemoItem, type DemoJob, enqueueItems } from '../demo.ts';
import { collectDocuments, collectPackages, collectSources } from './collect-jobs.ts';

/** Enqueues the demo and returns its jobs. A second call while the first one's jobs live enqueues none twice. */
export function enqueueDemo(unstuck: Pick<Unstuck, 'enqueue'>): Promise<DemoJob[]> {
  return enqueueItems(unstuck, 'collection', ITEMS);
}

const ITEMS: readonly DemoItem[] = [
  {
    title: 'lines of src (slow: watch its progress)',
    job: collectSources,
    input: { directory: 'src', rehearse: 'slow' },
  },
  {
    title: 'lines of test (fails once, then completes)',
    job: collectSources,
    input: { directory: 'test', rehearse: 'transient' },
  },
  { title: 'words and links of docs', job: collectDocuments, input: { directory: 'docs' } },
  {
    title: 'packages and licences (urgent: before the others that wait)',
    job: collectPackages,
    input: {},
    options: { priority: 10 },
  },
  {
    title: 'packages, by a handler that hangs (fails: over its timeout)',
    job: collectPackages,
    input: { rehearse: 'hangs' },
    ends: 'failed',
  },
  {
    title: 'packages, by a handler that loses a promise (fails: nobody awaits it)',
    job: collectPackages,
    input: { rehearse: 'background' },
    ends: 'failed',
  },
];
