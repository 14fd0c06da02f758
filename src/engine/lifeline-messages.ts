/** The messages between a worker and the keeper of its lease, and what a keeper is started with. */
import type { Config } from '../domain/options.ts';

/** What a keeper needs to know of its worker. */
export interface LifelineSetup {
  readonly url: string;
  readonly config: Config;
  readonly pooled: boolean;
  readonly workerId: string;
  readonly registration: Readonly<Record<string, unknown>>;
  /** The key of the session lock that another keeper of this worker holds; null for the first one. */
  readonly lockKey: number | null;
}

/** An attempt by its fence. */
export interface AttemptRef {
  readonly id: string;
  readonly token: string;
}

/** What a keeper asks for and tells. */
export type FromLifeline =
  | { readonly kind: 'ask'; readonly question: number }
  | { readonly kind: 'registered' }
  | { readonly kind: 'beat'; readonly lagMs: number }
  | {
      readonly kind: 'foreign';
      readonly attempts: readonly (AttemptRef & { readonly cancelled: boolean })[];
    }
  | { readonly kind: 'unknown'; readonly attempts: readonly AttemptRef[] }
  | { readonly kind: 'dead' }
  | { readonly kind: 'trouble'; readonly message: string };

/** What the worker answers and wants. */
export type ToLifeline =
  | {
      readonly kind: 'answer';
      readonly question: number;
      readonly held: readonly AttemptRef[];
      readonly claiming: readonly string[];
      readonly over: readonly string[];
      readonly running: number;
      readonly ghosts: number;
      readonly stalled: readonly string[];
    }
  | { readonly kind: 'beat-now' }
  | { readonly kind: 'state'; readonly state: 'stopping' | 'stopped' }
  | { readonly kind: 'end' };

/** How many beats there are in one lease. */
export const BEATS_PER_LEASE = 5;
