// Routes as one of the examples: S1, the database is the queue.
import type { Example } from '../example.ts';
import { enqueueDemo } from './demo.ts';
import { jobs } from './index.ts';
import { requirements } from './requirements.ts';

/** Delivery tours over real places. */
export const example: Example = { name: 'routes', jobs, requirements, demo: enqueueDemo };
