// Episodes as one of the examples: S2, a remote worker that is down.
import type { Example } from '../example.ts';
import { startBeside } from './beside.ts';
import { enqueueDemo } from './demo.ts';
import { jobs } from './index.ts';
import { requirements } from './requirements.ts';

/** Episodes that are assembled by a worker elsewhere, which may be down. */
export const example: Example = {
  name: 'episodes',
  jobs,
  requirements,
  demo: enqueueDemo,
  beside: startBeside,
};
