// The job types of this example: what `unstuck work examples/collection/index.ts` and `npm start` load.
import type { AnyJob } from 'unstuck';
import { collectDocuments, collectPackages, collectSources } from './collect-jobs.ts';

/** Every job type of the example. */
export const jobs: readonly AnyJob[] = [collectSources, collectDocuments, collectPackages];
