// The demo of an example: some jobs to look at, each enqueued once however often somebody asks.
import type { AnyJob, EndState, EnqueueOptions, Unstuck } from 'unstuck';

/** One job of a demo. */
export interface DemoJob {
  readonly title: string;
  readonly id: string;
  /** False when the one of an earlier demo is still waiting or running: then `id` is that one. */
  readonly created: boolean;
  /** How it is meant to end. */
  readonly ends: EndState;
}

/** How a demo is enqueued; everything is optional. */
export interface DemoOptions {
  /** How long what is scheduled waits. Default 20 s. */
  readonly scheduledAfter?: NonNullable<EnqueueOptions['delay']>;
}

/** A job as a demo plans it. */
export interface DemoItem {
  /** Unlike the others of the demo: it makes the key. */
  readonly title: string;
  readonly job: AnyJob;
  readonly input: unknown;
  readonly options?: EnqueueOptions;
  /** Default `completed`. */
  readonly ends?: EndState;
}

/** Enqueues what a demo plans, in this order. While the jobs of an earlier demo live none is enqueued twice. */
export function enqueueItems(
  unstuck: Pick<Unstuck, 'enqueue'>,
  example: string,
  items: readonly DemoItem[],
): Promise<DemoJob[]> {
  return Promise.all(
    items.map(async ({ title, job, input, options, ends = 'completed' }) => {
      const demo = `${example}-demo`;
      const own = { ...options, key: `${demo}: ${title}`, tags: [demo] };
      const { id, created } = await unstuck.enqueue(job, input, own);
      return { title, id, created, ends };
    }),
  );
}
