/** Shapes: what the operations of the API take and answer. Written by `npm run docs` from the routes: change those, not this file. */

/** The job and whether this request stored it; only `id`, `created` and `enqueued` when it was stored and could not be read back. */
export interface EnqueuedJob {
  readonly id: string;
  readonly type?: string | undefined;
  readonly state?:
    | 'pending'
    | 'queued'
    | 'running'
    | 'completed'
    | 'failed'
    | 'cancelled'
    | undefined;
  /** The gate of a pending job, `worker` when queued, `lease` when running. */
  readonly waits_for?: string | null | undefined;
  /** The latest time at which `next` happens. */
  readonly deadline?: string | null | undefined;
  /** What happens next, in words. */
  readonly next?: string | undefined;
  /** Whether the deadline has passed. */
  readonly late?: boolean | undefined;
  readonly priority?: number | undefined;
  readonly attempt?: number | undefined;
  readonly attempts_max?: number | undefined;
  readonly crashes?: number | undefined;
  readonly snoozes?: number | undefined;
  /** The fencing token of the latest attempt. */
  readonly token?: string | undefined;
  /** Any JSON, exactly as it was stored. */
  readonly input?: unknown;
  /** Any JSON, exactly as it was stored. */
  readonly result?: unknown;
  readonly error?: JobError | null | undefined;
  readonly progress?: number | null | undefined;
  readonly progress_note?: string | null | undefined;
  readonly key?: string | null | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly pool?: string | null | undefined;
  readonly limit_key?: string | null | undefined;
  readonly parent_id?: string | null | undefined;
  readonly ordinal?: number | null | undefined;
  readonly worker_id?: string | null | undefined;
  readonly reason?: string | null | undefined;
  readonly created_at?: string | undefined;
  readonly updated_at?: string | undefined;
  readonly started_at?: string | null | undefined;
  readonly finished_at?: string | null | undefined;
  readonly run_at?: string | null | undefined;
  readonly finish_by?: string | null | undefined;
  /** Whether this request stored the job. */
  readonly created: boolean;
  readonly enqueued: 'created' | 'key-live' | 'replaced' | 'key-window' | 'repeated';
}

/** A job, live or finished. */
export interface Job {
  readonly id: string;
  readonly type: string;
  readonly state: 'pending' | 'queued' | 'running' | 'completed' | 'failed' | 'cancelled';
  /** The gate of a pending job, `worker` when queued, `lease` when running. */
  readonly waits_for: string | null;
  /** The latest time at which `next` happens. */
  readonly deadline: string | null;
  /** What happens next, in words. */
  readonly next: string;
  /** Whether the deadline has passed. */
  readonly late: boolean;
  readonly priority: number;
  readonly attempt: number;
  readonly attempts_max: number;
  readonly crashes: number;
  readonly snoozes: number;
  /** The fencing token of the latest attempt. */
  readonly token: string;
  /** Any JSON, exactly as it was stored. */
  readonly input: unknown;
  /** Any JSON, exactly as it was stored. */
  readonly result: unknown;
  readonly error: JobError | null;
  readonly progress: number | null;
  readonly progress_note: string | null;
  readonly key: string | null;
  readonly tags: readonly string[];
  readonly pool: string | null;
  readonly limit_key: string | null;
  readonly parent_id: string | null;
  readonly ordinal: number | null;
  readonly worker_id: string | null;
  readonly reason: string | null;
  readonly created_at: string;
  readonly updated_at: string;
  readonly started_at: string | null;
  readonly finished_at: string | null;
  readonly run_at: string | null;
  readonly finish_by: string | null;
}

/** Why an attempt or a job failed. */
export interface JobError {
  readonly code: string;
  readonly name: string;
  readonly message: string;
  readonly stack?: string | undefined;
}

/** A job to be stored. */
export interface NewJob {
  readonly type: string;
  readonly input: unknown;
  readonly priority?: number | undefined;
  readonly run_at?: Date | string | undefined;
  /** A length of time: milliseconds, or a text such as "30s", "10m", "2h". */
  readonly delay?: string | number | undefined;
  readonly hold?: boolean | undefined;
  readonly finish_by?: Date | string | undefined;
  /** A length of time: milliseconds, or a text such as "30s", "10m", "2h". */
  readonly claim_within?: string | number | undefined;
  readonly key?: string | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly slot?: string | undefined;
  readonly when_full?: 'refuse' | 'wait' | undefined;
  readonly limit?:
    | string
    | {
        readonly name: string;
        readonly key?: string | undefined;
      }
    | undefined;
  readonly when_taken?: 'return' | 'refuse' | 'replace' | undefined;
  /** A length of time: milliseconds, or a text such as "30s", "10m", "2h". */
  readonly key_window?: string | number | undefined;
}

/** An error, as RFC 9457 has it. */
export interface Problem {
  /** `urn:unstuck:error:` and the code. */
  readonly type: string;
  readonly title: string;
  readonly status: number;
  /** What was expected and what came. */
  readonly detail: string;
  readonly instance: string;
  /** Stable; docs/generated/errors.md lists all. */
  readonly code: string;
  /** What to do. */
  readonly hint: string;
  /** Finds the line in the log of the server. */
  readonly request_id: string;
  readonly errors?:
    | readonly {
        readonly pointer: string;
        readonly detail: string;
      }[]
    | undefined;
  readonly facts?: Readonly<Record<string, unknown>> | undefined;
}

/** What `listJobs` takes. */
export interface ListJobsRequest {
  readonly type?: string | undefined;
  readonly queue?: string | undefined;
  readonly tag?: string | undefined;
  readonly key?: string | undefined;
  readonly error_code?: string | undefined;
  readonly created_after?: Date | string | undefined;
  readonly created_before?: Date | string | undefined;
  readonly finished_after?: Date | string | undefined;
  readonly finished_before?: Date | string | undefined;
  /** May be repeated. */
  readonly state?:
    | readonly ('pending' | 'queued' | 'running' | 'completed' | 'failed' | 'cancelled')[]
    | undefined;
  readonly late?: boolean | undefined;
  /** May be repeated. */
  readonly ids?: readonly string[] | undefined;
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
}

/** What `listJobs` answers. */
export interface ListJobsAnswer {
  readonly data: readonly Job[];
  /** Give it as `cursor` for the next page; null at the end. */
  readonly next_cursor: string | null;
}

/** What `cancelJob` takes. */
export interface CancelJobRequest {
  /** The id of a job, a UUID of version 7. */
  readonly id: string;
  /** Why; kept in the history and the audit. */
  readonly reason?: string | undefined;
}

/** What `getJob` takes. */
export interface GetJobRequest {
  /** The id of a job, a UUID of version 7. */
  readonly id: string;
}
