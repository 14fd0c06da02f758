// What an example is: job types as its users would write them, a demo to look at, and the requirements it shows to hold.
import type { AnyJob, TargetDefinition, Unstuck } from 'unstuck';
import type { DemoJob, DemoOptions } from './demo.ts';
import type { Requirement } from './requirement.ts';

/** What runs beside the workers of an example, on this machine. */
export interface Beside {
  /** Where it is: what workers need to know of it. */
  readonly targets: readonly TargetDefinition[];
  /** The same for workers that are processes of their own, as environment variables. */
  readonly env: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

/** An example, in its directory `examples/<name>`. */
export interface Example {
  readonly name: string;
  readonly jobs: readonly AnyJob[];
  readonly requirements: readonly Requirement[];
  /** Enqueues some jobs of each kind. */
  readonly demo: (unstuck: Unstuck, options?: DemoOptions) => Promise<readonly DemoJob[]>;
  /** Starts what its jobs need beside a worker, which keeps what it must below this directory. Default: they need nothing. */
  readonly beside?: (directory: string) => Promise<Beside>;
}
