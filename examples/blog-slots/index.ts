// The job types of this example: what `unstuck work examples/blog-slots/index.ts` and `npm start` load.
import type { AnyJob } from 'unstuck';
import { postJob } from './post-job.ts';

/** Every job type of the example. */
export const jobs: readonly AnyJob[] = [postJob];
