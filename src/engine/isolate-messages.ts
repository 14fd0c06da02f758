/** The messages between a worker and the child process of an isolated job. */
import type { Config } from '../domain/options.ts';
import type { StoredTrace } from '../domain/trace.ts';
import type { JobLinks } from '../sql/links.ts';

/** What the worker tells the child. */
export type ToChild =
  | {
      readonly kind: 'start';
      readonly module: string;
      readonly url: string;
      readonly config: Config;
      readonly pooled: boolean;
      readonly workerId: string;
      readonly heartbeat: Heartbeat;
      /** The span of the attempt, while somebody traces. */
      readonly trace: StoredTrace | undefined;
      readonly job: {
        readonly id: string;
        readonly type: string;
        readonly attempt: number;
        readonly attemptsMax: number;
        readonly crashes: number;
        readonly provider: string | undefined;
        readonly token: string;
        readonly input: unknown;
        readonly links: JobLinks | null;
      };
    }
  | { readonly kind: 'heartbeat'; readonly heartbeat: Heartbeat }
  | {
      readonly kind: 'abort';
      readonly name: string;
      readonly message: string;
      readonly code?: string | undefined;
    };

/** How fresh the worker's lease was when the message was sent. */
export interface Heartbeat {
  readonly confirmedMsAgo: number;
  readonly held: boolean;
}

/** What a handler threw, in a form that crosses the process boundary. */
export interface ThrownInChild {
  readonly kind: 'Fail' | 'Snooze' | 'RetryAfter' | 'Cancel' | 'Stale' | 'Error';
  readonly name: string;
  readonly message: string;
  readonly code?: string | undefined;
  readonly stack?: string | undefined;
  readonly delay?: number | string | undefined;
}

/** What the child tells the worker. */
export type FromChild =
  | { readonly kind: 'progress'; readonly fraction: number; readonly note?: string | undefined }
  | {
      readonly kind: 'log';
      readonly level: 'debug' | 'info' | 'warn' | 'error';
      readonly event: string;
      readonly facts?: Record<string, unknown> | undefined;
    }
  | Answer;

/** The last message of a child: after it the child may go. */
export type Answer =
  | { readonly kind: 'returned'; readonly result: unknown }
  | { readonly kind: 'settled' }
  | { readonly kind: 'threw'; readonly thrown: ThrownInChild };
