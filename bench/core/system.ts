/** The small interface behind which every queue is measured. */
import type { Payload } from './payload.ts';

/** How the jobs of one call are enqueued. */
export interface Enqueueing {
  /** The job type (task, queue): one of `types` of the cell. */
  readonly type: string;
  /** Jobs for the future, for the rows about backlogs. */
  readonly delayMs?: number;
}

/** The side that enqueues. */
export interface Producer {
  one(payload: Payload, how: Enqueueing): Promise<unknown>;
  /** One call of the bulk interface. */
  many(payloads: readonly Payload[], how: Enqueueing): Promise<unknown>;
  /** Whether a job is runnable or running. */
  left(): Promise<boolean>;
  close(): Promise<void>;
}

/** What a worker is started with. */
export interface Work {
  readonly types: readonly string[];
  /** The handler; a config whose handlers take batches calls it for each job of the batch. */
  readonly handle: (payload: Payload) => void | Promise<void>;
  /** Nothing is loaded that a queue does not need itself, such as a library for schemas. */
  readonly bare: boolean;
}

/** A started worker. */
export interface RunningWorker {
  stop(): Promise<void>;
}

/** One queue, in one configuration, on one server. */
export interface System {
  /** Loads what an application has loaded before it starts a worker, beside the queue itself. */
  load?(): Promise<void>;
  /** Brings an empty database to where jobs can be enqueued. */
  prepare(types: readonly string[]): Promise<void>;
  producer(types: readonly string[]): Promise<Producer>;
  work(work: Work): Promise<RunningWorker>;
}

/** The address of a fresh database or Redis, and the settings of the configuration. */
export interface Target<Settings> {
  readonly url: string;
  readonly settings: Settings;
}
