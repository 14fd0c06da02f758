// Every job type of every example, and one to try: what `npm start` loads.
import type { AnyJob, Unstuck } from 'unstuck';
import { type DemoJob, enqueueDemo } from './routes/demo.ts';
import { jobs as routes } from './routes/index.ts';

/** Every job type of the examples. */
export const jobs: readonly AnyJob[] = [...routes];

/** What `unstuck start` offers for trying. */
export const tryIt: { readonly type: string; readonly input: unknown } = {
  type: 'route',
  input: { country: 'DE', stops: 300 },
};

/** What `unstuck start` enqueues on the first start, so that there is something to look at. */
export function demo(unstuck: Unstuck): Promise<readonly DemoJob[]> {
  return enqueueDemo(unstuck);
}
