// The job types of this example: what `unstuck work examples/benchmark-matrix/index.ts` and `npm start` load.
import type { AnyJob } from 'unstuck';
import { cellJob, matrixJob } from './benchmark-jobs.ts';

/** Every job type of the example. */
export const jobs: readonly AnyJob[] = [matrixJob, cellJob];
