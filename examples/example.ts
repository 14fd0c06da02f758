// What an example is: job types as its users would write them, a demo to look at, and the requirements it shows to hold.
import type { AnyJob, Unstuck } from 'unstuck';
import type { DemoJob, DemoOptions } from './demo.ts';
import type { Requirement } from './requirement.ts';

/** An example, in its directory `examples/<name>`. */
export interface Example {
  readonly name: string;
  readonly jobs: readonly AnyJob[];
  readonly requirements: readonly Requirement[];
  /** Enqueues some jobs of each kind. */
  readonly demo: (unstuck: Unstuck, options?: DemoOptions) => Promise<readonly DemoJob[]>;
}
