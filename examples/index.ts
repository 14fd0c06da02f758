// Every job type of every example, where those are sent that do not run here, who is told when that fails, and one to try: what `npm start` loads.
import type { AnyJob, Unstuck } from 'unstuck';
import type { DemoJob } from './demo.ts';
import { examples } from './examples.ts';

export { alerts, assembler } from './episodes/index.ts';

/** Every job type of the examples. */
export const jobs: readonly AnyJob[] = examples.flatMap((example) => example.jobs);

/** What `unstuck start` offers for trying. */
export const tryIt: { readonly type: string; readonly input: unknown } = {
  type: 'route',
  input: { country: 'DE', stops: 300 },
};

/** What `unstuck start` enqueues on the first start, so that there is something to look at. */
export async function demo(unstuck: Unstuck): Promise<readonly DemoJob[]> {
  const enqueued = await Promise.all(examples.map((example) => example.demo(unstuck)));
  return enqueued.flat();
}
