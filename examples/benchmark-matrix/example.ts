// The benchmark as one of the examples: S4, a job that fans out into the cells of a matrix.
import type { Example } from '../example.ts';
import { enqueueDemo } from './demo.ts';
import { jobs } from './index.ts';
import { requirements } from './requirements.ts';

/** Codecs × levels × files, each combination measured by a job of its own. */
export const example: Example = { name: 'benchmark-matrix', jobs, requirements, demo: enqueueDemo };
