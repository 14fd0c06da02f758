/** API: what the routes of one handler share. */
import type { AnyJob } from '../domain/define-job.ts';
import type { Unstuck } from '../unstuck.ts';

/** Everything that a route may use beside its request. */
export interface Api {
  /** A view of the connection with connections and timeouts of its own: requests never starve workers. */
  readonly unstuck: Unstuck;
  /** The definitions whose schemas inputs are checked against, by type. */
  readonly definitions: ReadonlyMap<string, AnyJob>;
  /** The path below which the handler is mounted, without a slash at its end; empty at the root. */
  readonly prefix: string;
  /** Whether this process is going away: long polls end. */
  readonly draining: () => boolean;
  /** The OpenAPI document of the handler; made when it is first asked for. */
  readonly document: () => object;
}
