// Blog posts as one of the examples: S0, a publisher's quota of slots.
import type { Example } from '../example.ts';
import { enqueueDemo } from './demo.ts';
import { jobs } from './index.ts';
import { requirements } from './requirements.ts';

/** Posts that are rendered from Markdown, so many at a time for each publisher. */
export const example: Example = { name: 'blog-slots', jobs, requirements, demo: enqueueDemo };
