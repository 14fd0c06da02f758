/** The words around a job: what a caller sees of it, what an enqueue takes and answers. */
import type { Duration } from '../std/duration.ts';
import type { JobDelivery } from './delivery.ts';
import type { Notify } from './notify.ts';
import type { State } from './transitions.ts';

/** Why an attempt or a job failed, as it is stored. */
export interface JobError {
  /** Stable code of the catalogue, or the `code` of the handler's own error. */
  readonly code: string;
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
}

/** A job as it is now: one truth for every surface. Times come from the database's clock. */
export interface Job {
  readonly id: string;
  readonly type: string;
  readonly state: State;
  /** The gate of a pending job, `worker` when queued, `lease` when running, null when finished. */
  readonly waitsFor: string | null;
  /** The latest time at which `next` happens; null only when finished. */
  readonly deadline: Date | null;
  /** What happens next, in words. */
  readonly next: string;
  /** Whether the deadline has passed. */
  readonly late: boolean;
  /** -1000 to 1000; higher runs first among the jobs of its type. */
  readonly priority: number;
  /** The attempts charged so far, the running one included. */
  readonly attempt: number;
  readonly attemptsMax: number;
  /** Attempts lost with their worker; never charged to `attempt`. */
  readonly crashes: number;
  readonly snoozes: number;
  /** The fencing token of the latest attempt: a bigint as text, raised by every claim. */
  readonly token: string;
  readonly input: unknown;
  readonly result: unknown;
  /** The latest failure; kept while the job is retried, null once it completed. */
  readonly error: JobError | null;
  /** 0 to 1. */
  readonly progress: number | null;
  readonly progressNote: string | null;
  readonly key: string | null;
  readonly tags: readonly string[];
  /** The pool whose slot it holds or waits for. */
  readonly pool: string | null;
  /** The key under which it counts at its limit: `type:NAME`, `queue:NAME` or a name of its own, with `#` and the key of the limit. */
  readonly limitKey: string | null;
  /** The job of whose executions it is one, and which. */
  readonly parentId: string | null;
  readonly ordinal: number | null;
  /** The W3C Trace Context of whoever enqueued it, when that was traced. */
  readonly traceparent: string | null;
  /** Whom its end is told, and how that stands. */
  readonly notify: readonly JobDelivery[];
  readonly workerId: string | null;
  /** Why it ended, when a person or the sweep ended it. */
  readonly reason: string | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
  readonly runAt: Date | null;
  readonly finishBy: Date | null;
}

/** How one job is enqueued; everything is optional. */
export interface EnqueueOptions {
  /** Whole number from -1000 to 1000, default 0; higher runs first among the jobs of its type. */
  readonly priority?: number;
  /** Not before this instant. Excludes `delay`. At most ten years ahead. */
  readonly runAt?: Date;
  /** Not before this much time has passed, by the database's clock. Excludes `runAt`. At most ten years. */
  readonly delay?: Duration;
  /** Stored as PENDING until `release(id)`. Default false. */
  readonly hold?: boolean;
  /** The job fails as expired when it is not running or finished by then. */
  readonly finishBy?: Date;
  /** How long it may wait for a worker before a finding says why it waits. Default: that of the type (5 minutes). */
  readonly claimWithin?: Duration;
  /** At most one live job has this key; 1 to 500 characters. The key is free again when the job ends. */
  readonly key?: string;
  /**
   * When a live job has the key: `return` (default) answers with its id, `refuse` throws KEY_TAKEN, `replace` gives it this call's input and
   * priority (KEY_TAKEN when it is running, or of another type).
   */
  readonly whenTaken?: 'return' | 'refuse' | 'replace';
  /** No second job with the key for this long after the first was enqueued, whether it has ended or not. From 1 s to 10 years. */
  readonly keyWindow?: Duration;
  /** The pool to take a slot from, instead of the one that the type names. */
  readonly slot?: string;
  /** What to do when every slot is in use; default: that of the type. */
  readonly whenFull?: 'refuse' | 'wait';
  /** A limit that `unstuck.limits.set` has given its amounts, for a type without one. */
  readonly limit?: string | { readonly name: string; readonly key?: string };
  /** Up to 20 labels of 1 to 100 characters. */
  readonly tags?: readonly string[];
  /** Whom to tell when the job has ended, whatever its end: one address, or up to five. A call that stores nothing tells nobody. */
  readonly notify?: Notify | readonly Notify[];
}

/** What an enqueue answers; never null. */
export interface Enqueued {
  readonly id: string;
  /** Whether this call stored the job. */
  readonly created: boolean;
  /**
   * `created`; `key-live`: `id` is the live job that has the key; `replaced`: it has the new input; `key-window`: `id` is the job that was
   * enqueued within the window; `repeated`: this very job had been stored already.
   */
  readonly reason: 'created' | 'key-live' | 'replaced' | 'key-window' | 'repeated';
}

/** One page of jobs, newest first. */
export interface JobPage {
  /** Fewer than the limit when their inputs and results exceed 16 MiB, and one at least. */
  readonly jobs: readonly Job[];
  /** Pass as `after` to get the next page; null on the last one. */
  readonly next: string | null;
}
