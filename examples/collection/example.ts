// Data collection as one of the examples: S3, one job at a time, none of which stays stuck.
import type { Example } from '../example.ts';
import { enqueueDemo } from './demo.ts';
import { jobs } from './index.ts';
import { requirements } from './requirements.ts';

/** Facts about a checkout, collected by one job at a time. */
export const example: Example = { name: 'collection', jobs, requirements, demo: enqueueDemo };
