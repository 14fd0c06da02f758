/** Request meter: how long requests took, by route, method and status, as plain numbers. */
import { Histogram } from '../../std/histogram.ts';

/** Requests of one kind. */
export interface MeteredRequests {
  readonly route: string;
  readonly method: string;
  readonly status: number;
  readonly seconds: Histogram;
}

const BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** Counts the requests of one handler. Routes, methods and statuses are few, whatever comes in. */
export class RequestMeter {
  readonly kinds: Map<string, MeteredRequests> = new Map();

  /** Counts an answer: `route` is the operation id, `none` where nothing is. */
  add(route: string, givenMethod: string, status: number, ms: number): void {
    const method = METHODS.has(givenMethod) ? givenMethod : 'other';
    const key = `${route} ${method} ${status}`;
    let kind = this.kinds.get(key);
    if (kind === undefined) {
      kind = { route, method, status, seconds: new Histogram(BOUNDS) };
      this.kinds.set(key, kind);
    }
    kind.seconds.add(ms / 1_000);
  }
}
