// The job types of this example: what `unstuck work examples/routes/index.ts` and `npm start` load.

import type { AnyJob } from 'unstuck';
import { routeJob } from './route-job.ts';

/** Every job type of the example. */
export const jobs: readonly AnyJob[] = [routeJob];
