// The examples: one line for each.
import { example as benchmarkMatrix } from './benchmark-matrix/example.ts';
import { example as blogSlots } from './blog-slots/example.ts';
import { example as collection } from './collection/example.ts';
import { example as episodes } from './episodes/example.ts';
import type { Example } from './example.ts';
import { example as routes } from './routes/example.ts';

/** Every example, in the order in which they are run. */
export const examples: readonly Example[] = [
  routes,
  blogSlots,
  episodes,
  collection,
  benchmarkMatrix,
];
