/** API: what the routes of one handler share. */
import type { AnyJob } from '../domain/define-job.ts';
import type { Unstuck } from '../unstuck.ts';
import type { Access } from './access/access.ts';
import type { Metrics } from './metrics/metrics.ts';
import type { Hub } from './stream/hub.ts';

/** Everything that a route may use beside its request. */
export interface Api {
  /** A view of the connection with connections and timeouts of its own: requests never starve workers. */
  readonly unstuck: Unstuck;
  /** Who makes requests, and whether they may. */
  readonly access: Access;
  /** The definitions whose schemas inputs are checked against, by type. */
  readonly definitions: ReadonlyMap<string, AnyJob>;
  /** The path below which the handler is mounted, without a slash at its end; empty at the root. */
  readonly prefix: string;
  /** Whether this process is going away: long polls end. */
  readonly draining: () => boolean;
  /** The OpenAPI document of the handler; made when it is first asked for. */
  readonly document: () => object;
  /** The live streams of the handler. */
  readonly hub: Hub;
  /** What /metrics answers. */
  readonly metrics: Metrics;
}
