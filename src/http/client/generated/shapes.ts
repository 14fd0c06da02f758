/** Shapes: what the operations of the API take and answer. Written by `npm run docs` from the routes: change those, not this file. */

/** An alert as it is now: one for each rule and subject. */
export interface Alert {
  readonly id: string;
  readonly rule: string;
  readonly subject: string;
  readonly severity: 'info' | 'warning' | 'critical';
  readonly state: 'pending' | 'firing' | 'resolved';
  readonly summary: string;
  readonly count: number;
  /** What the rule saw last. */
  readonly detail: Readonly<Record<string, unknown>>;
  readonly since: string;
  readonly fired_at: string | null;
  readonly fired_times: number;
  /** Since when it has not been seen. */
  readonly clear_since: string | null;
  readonly resolved_at: string | null;
  /** What each channel was told last, and when. */
  readonly told: readonly {
    readonly channel: string;
    readonly state: 'firing' | 'acknowledged' | 'resolved';
    readonly at: string;
  }[];
  readonly acknowledged: {
    readonly at: string;
    readonly by: string | null;
    readonly reason: string | null;
  } | null;
  /** It tells nobody until then; without an end until that is ended. */
  readonly silenced: {
    readonly at: string;
    readonly by: string | null;
    readonly reason: string | null;
    readonly until: string | null;
  } | null;
  /** When it is looked at again; null when it is over. */
  readonly next_look: string | null;
  /** Whether that look is not overdue. */
  readonly current: boolean;
  readonly updated_at: string;
}

/** By which way people are told; without secrets. */
export interface AlertChannel {
  readonly name: string;
  readonly protocol: 'sms' | 'webhook' | 'slack' | 'email' | 'sentry' | 'pagerduty';
  /** Whom it tells, as far as it may be shown. */
  readonly to: string;
  readonly min_severity: 'info' | 'warning' | 'critical';
  /** Null: all. */
  readonly rules: readonly string[] | null;
  readonly fallback: string | null;
}

/** What is looked for; lengths of time in milliseconds. */
export interface AlertRule {
  readonly name: string;
  readonly kind:
    | 'stuck'
    | 'findings'
    | 'oldest'
    | 'oldest-of-queue'
    | 'dead-letters'
    | 'failure-rate'
    | 'worker-lost'
    | 'schedule-missed'
    | 'paused-with-backlog'
    | 'target-down'
    | 'target-waits'
    | 'dead-messages'
    | 'detector-dead'
    | 'channel-failing';
  readonly severity: 'info' | 'warning' | 'critical';
  /** How long it must hold before it fires. */
  readonly for_ms: number;
  readonly clear_after_ms: number;
  /** A channel gets at most one message in this time. */
  readonly every_ms: number;
  readonly repeat_ms: number | null;
  /** Null: all that take it. */
  readonly channels: readonly string[] | null;
  readonly parameters: Readonly<Record<string, number | readonly string[] | null>>;
}

/** Who did what to many jobs at once, and why. */
export interface AuditEntry {
  readonly id: string;
  readonly at: string;
  readonly by: string | null;
  readonly action: string;
  readonly reason: string | null;
  /** What was chosen and asked, and how far it came. */
  readonly detail: unknown;
}

/** A Redis list whose messages become jobs. */
export interface Bridge {
  readonly name: string;
  readonly list: string;
  readonly dead_list: string;
  readonly take_from: 'left' | 'right';
  /** Where Redis is, without user and password. */
  readonly address: string;
  readonly state: 'new' | 'up' | 'away';
  readonly last_error: string | null;
  readonly away_at: string | null;
  readonly looked_at: string | null;
  /** In the past when no process runs the bridge. */
  readonly next_look: string;
  /** Milliseconds. */
  readonly late_after: number;
  readonly waiting: BridgeList;
  readonly processing: BridgeList;
  readonly dead: BridgeList;
  readonly taken_times: number;
  /** Lost messages that were found and sent. */
  readonly lost_times: number;
  /** The latest of them, at most 20. */
  readonly lost_ids: readonly string[];
  readonly lost_look_at: string | null;
  readonly created_at: string;
  readonly updated_at: string;
}

/** One of the lists of a bridge, as last measured. */
export interface BridgeList {
  readonly length: number;
  /** When its oldest message was sent, or was first seen to be the oldest. */
  readonly oldest_at: string | null;
  /** Over the latest whole minute; negative when it shrinks. */
  readonly growth_per_minute: number | null;
}

/** A change of many jobs as it stands. */
export interface BulkAction {
  readonly id: string;
  readonly action: 'retry' | 'cancel' | 'delete';
  /** `stalled`: its server is silent, and another one carries it on; `interrupted`: it ran in a process that is gone and that was to end with it. */
  readonly state: 'running' | 'stalled' | 'interrupted' | 'done' | 'aborted' | 'failed';
  /** While it runs as counted when it began, up to 100,000. */
  readonly matched: number;
  readonly done: number;
  readonly refused_count: number;
  /** By the codes of the reasons. */
  readonly refused_by: Readonly<Record<string, number>>;
  /** The first 100. */
  readonly refused: readonly {
    readonly id: string;
    readonly state: 'pending' | 'queued' | 'running' | 'completed' | 'failed' | 'cancelled' | null;
    readonly code: string;
    readonly message: string;
  }[];
  readonly by: string | null;
  readonly reason: string | null;
  readonly at: string;
  /** As it was asked for. */
  readonly selection: unknown;
  readonly error: {
    readonly code: string;
    readonly message: string;
  } | null;
}

/** What a change of many jobs would do. */
export interface BulkDryRun {
  readonly action: 'retry' | 'cancel' | 'delete';
  readonly dry_run: true;
  readonly matched: number;
  readonly refused_count: number;
  /** The first 100 that would be refused. */
  readonly refused: readonly {
    readonly id: string;
    readonly state: 'pending' | 'queued' | 'running' | 'completed' | 'failed' | 'cancelled' | null;
    readonly code: string;
    readonly message: string;
  }[];
  /** The first 20 that would be changed. */
  readonly ids: readonly string[];
  /** False: it ended early because there are too many. */
  readonly complete: boolean;
}

/** One planned execution of a fan-out. */
export interface Cell {
  readonly ordinal: number;
  /** The combination, or the item, of the plan. */
  readonly cell: unknown;
  readonly state:
    | 'missing'
    | 'pending'
    | 'queued'
    | 'running'
    | 'completed'
    | 'failed'
    | 'cancelled';
  /** Null when it is missing. */
  readonly job_id: string | null;
  readonly attempt: number;
  readonly waits_for: string | null;
  readonly progress: number | null;
  readonly error: JobError | null;
}

/** The shape `ChangedPlace` of the API. */
export interface ChangedPlace {
  /** 0 is the oldest. */
  readonly position: number;
  /** SHA-1 of the entry, in hexadecimal. */
  readonly digest: string;
}

/** What a worker asks for. */
export interface Claim {
  readonly types: readonly string[];
  /** How many jobs; default 1. */
  readonly max?: number | undefined;
  /** How long to wait for a first job; at most "25s", default 0. */
  readonly wait?: string | number | undefined;
  /** What people see it as. */
  readonly name?: string | undefined;
  /** How long the worker may be silent; "5s" to "1h", default "30s". */
  readonly lease?: string | number | undefined;
  /** What the worker runs. What it was given more than 10 s ago and does not name goes back. */
  readonly holding?:
    | readonly {
        readonly id: string;
        /** The fencing token that came with the job. */
        readonly token: string;
      }[]
    | undefined;
}

/** Whether a worker shall go on. */
export interface ClaimBeat {
  /** False: stop, the attempt is over. */
  readonly continue: boolean;
  readonly reason: 'cancelled' | 'timed-out' | 'lost' | 'ended' | null;
  readonly expires_at: string | null;
}

/** Where the job is after the end of this attempt. */
export interface ClaimEnd {
  readonly id: string;
  readonly state: 'completed' | 'failed' | 'cancelled' | 'pending' | 'queued';
}

/** The jobs that a worker was given. */
export interface ClaimedJobs {
  readonly jobs: readonly {
    readonly id: string;
    /** Names this attempt in every call about it. */
    readonly token: string;
    readonly type: string;
    /** Any JSON, exactly as it was stored. */
    readonly input: unknown;
    readonly attempt: number;
    readonly attempts_max: number;
    readonly crashes: number;
    readonly tags: readonly string[];
    readonly progress: number | null;
    readonly progress_note: string | null;
    /** Where it was enqueued (W3C Trace Context): link your span to it. */
    readonly traceparent: string | null;
    /** The end of its timeout. */
    readonly expires_at: string;
  }[];
  /** Say so often, or oftener, that you still run them. */
  readonly heartbeat_every_ms: number;
}

/** What became of dead messages. */
export interface DeadChange {
  readonly done: number;
  /** Those that do not stand there any more; nothing was done to them. */
  readonly changed: readonly ChangedPlace[];
}

/** A message that could not become a job. */
export interface DeadMessage {
  /** 0 is the oldest. */
  readonly position: number;
  /** SHA-1 of the entry, in hexadecimal. */
  readonly digest: string;
  /** As it came, at most 10,000 characters of it. */
  readonly message: string;
  readonly encoding: 'text' | 'base64';
  readonly bytes: number;
  readonly code: string | null;
  readonly reason: string | null;
  readonly dead_at: string | null;
}

/** The shape `DeadPlace` of the API. */
export interface DeadPlace {
  /** 0 is the oldest. */
  readonly position: number;
  /** SHA-1 of the entry, in hexadecimal. */
  readonly digest: string;
}

/** Dead messages, by where they were seen. */
export interface DeadSelection {
  readonly messages: readonly DeadPlace[];
  /** Why; kept in the history and the audit. */
  readonly reason?: string | undefined;
}

/** One thing that somebody is told, and how that stands. */
export interface Delivery {
  /** The same for every try: the `webhook-id`. */
  readonly id: string;
  readonly purpose: 'notify' | 'alert';
  /** `webhook` or `email`; of an alert the name of its channel. */
  readonly channel: string;
  /** Of a URL without its query. */
  readonly address: string | null;
  readonly job_id: string | null;
  readonly state: 'pending' | 'delivered' | 'failed';
  /** Tries so far. */
  readonly attempts: number;
  /** Whether a process is sending it now. */
  readonly sending: boolean;
  /** When it is tried next; null when it has ended. */
  readonly next_at: string | null;
  /** When it is given up. */
  readonly expires_at: string;
  readonly error: DeliveryError | null;
  /** What is told. */
  readonly payload: unknown;
  readonly created_at: string;
  readonly delivered_at: string | null;
  readonly failed_at: string | null;
}

/** Why the latest try to tell somebody failed. */
export interface DeliveryError {
  readonly code: string;
  readonly message: string;
}

/** The job and whether this request stored it; only `id`, `created`, `enqueued` and `notice` when it was stored and could not be read back, or is another's and the scope `read` is missing. */
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
  /** The W3C Trace Context of whoever enqueued it, when that was traced. */
  readonly traceparent?: string | null | undefined;
  /** Whom its end is told, and how that stands. */
  readonly notify?: readonly JobDelivery[] | undefined;
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
  /** Why it will be done later, for whoever asked for it: its remote worker is away. */
  readonly notice: Notice | null;
}

/** What became of each job of a batch, in their order. */
export interface EnqueuedJobs {
  readonly data: readonly {
    /** Null when it was refused. */
    readonly id: string | null;
    readonly created: boolean;
    readonly enqueued: 'created' | 'key-live' | 'replaced' | 'key-window' | 'repeated' | null;
    /** Why it will be done later, for whoever asked for it: its remote worker is away. */
    readonly notice: Notice | null;
    /** Why it was refused. */
    readonly problem: ItemProblem | null;
  }[];
  /** How many this request stored. */
  readonly created: number;
  readonly refused: number;
}

/** What was started of a sequential queue. */
export interface ExecutedPending {
  readonly total_pending: number;
  readonly started: number;
  readonly job_ids: readonly string[];
  readonly message: string;
}

/** How many executions are in each state; `missing` ones will be created again. */
export interface ExecutionCounts {
  readonly missing: number;
  readonly pending: number;
  readonly queued: number;
  readonly running: number;
  readonly completed: number;
  readonly failed: number;
  readonly cancelled: number;
}

/** The work of a fan-out as a whole. */
export interface FanOut {
  readonly parent_id: string;
  /** The lists whose combinations are the cells. */
  readonly axes: Readonly<Record<string, readonly unknown[]>>;
  readonly expected: number;
  /** The share that must complete; 0 means any one. */
  readonly success: number;
  readonly counts: ExecutionCounts;
}

/** Why a group of jobs is late, who acts, and when it is looked at again. */
export interface Finding {
  readonly kind: string;
  readonly subject: string;
  readonly reason: string;
  /** Who must do what. */
  readonly action: string;
  /** At most 10,001: then there are more. */
  readonly count: number;
  readonly oldest: string;
  readonly first_seen: string;
  readonly next_look: string;
  readonly current: boolean;
}

/** An error of one item of a request that was answered for all. */
export interface ItemProblem {
  /** `urn:unstuck:error:` and the code. */
  readonly type: string;
  readonly title: string;
  readonly status: number;
  /** What was expected and what came. */
  readonly detail: string;
  /** Stable; docs/generated/errors.md lists all. */
  readonly code: string;
  /** What to do. */
  readonly hint: string;
  readonly errors?:
    | readonly {
        readonly pointer: string;
        readonly detail: string;
      }[]
    | undefined;
  readonly facts?: Readonly<Record<string, unknown>> | undefined;
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
  /** The W3C Trace Context of whoever enqueued it, when that was traced. */
  readonly traceparent: string | null;
  /** Whom its end is told, and how that stands. */
  readonly notify: readonly JobDelivery[];
  readonly worker_id: string | null;
  readonly reason: string | null;
  readonly created_at: string;
  readonly updated_at: string;
  readonly started_at: string | null;
  readonly finished_at: string | null;
  readonly run_at: string | null;
  readonly finish_by: string | null;
}

/** How many jobs fit, exactly up to 100,000. */
export interface JobCount {
  readonly count: number;
  /** Whether there are more than `count`. */
  readonly capped: boolean;
}

/** How telling one address of the end of a job stands. */
export interface JobDelivery {
  readonly channel: 'webhook' | 'email';
  /** Of a URL without its query. */
  readonly address: string;
  readonly state: 'waiting' | 'forgotten' | 'pending' | 'delivered' | 'failed';
  readonly attempts: number;
  readonly delivery_id: string | null;
  readonly error: DeliveryError | null;
}

/** Why an attempt or a job failed. */
export interface JobError {
  readonly code: string;
  readonly name: string;
  readonly message: string;
  readonly stack?: string | undefined;
}

/** Which jobs; a job must fit everything that is given. */
export interface JobFilter {
  readonly type?: string | undefined;
  readonly queue?: string | undefined;
  readonly tag?: string | undefined;
  readonly key?: string | undefined;
  readonly error_code?: string | undefined;
  readonly created_after?: Date | string | undefined;
  readonly created_before?: Date | string | undefined;
  readonly finished_after?: Date | string | undefined;
  readonly finished_before?: Date | string | undefined;
  readonly state?:
    | 'pending'
    | 'queued'
    | 'running'
    | 'completed'
    | 'failed'
    | 'cancelled'
    | readonly ('pending' | 'queued' | 'running' | 'completed' | 'failed' | 'cancelled')[]
    | undefined;
  readonly late?: boolean | undefined;
  readonly ids?: readonly string[] | undefined;
}

/** A job, and how its sending to a remote worker stands. */
export interface JobInFull {
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
  /** The W3C Trace Context of whoever enqueued it, when that was traced. */
  readonly traceparent: string | null;
  /** Whom its end is told, and how that stands. */
  readonly notify: readonly JobDelivery[];
  readonly worker_id: string | null;
  readonly reason: string | null;
  readonly created_at: string;
  readonly updated_at: string;
  readonly started_at: string | null;
  readonly finished_at: string | null;
  readonly run_at: string | null;
  readonly finish_by: string | null;
  /** Null for a job that runs here. */
  readonly sending: Sending | null;
}

/** A limit and how much it allows. */
export interface Limit {
  /** `type:NAME`, `queue:NAME`, or a name of its own. */
  readonly name: string;
  readonly running: number | null;
  readonly rate: {
    readonly count: number;
    readonly per_ms: number;
  } | null;
  /** Who has set it; null: the code. */
  readonly set_by: string | null;
  readonly updated_at: string;
}

/** How much a limit allows; at least one of both. */
export interface LimitAmounts {
  /** A whole number from 1 to 100,000. */
  readonly running?: number | undefined;
  /** `count` from 1 to 1,000, `per` from 100ms to 365d. */
  readonly rate?:
    | {
        readonly count: number;
        /** A length of time: milliseconds, or a text such as "30s", "10m", "2h". */
        readonly per: string | number;
      }
    | undefined;
}

/** How many jobs count at one key of a limit. */
export interface LimitKey {
  readonly key: string;
  readonly running: number;
  readonly queued: number;
  readonly waiting: number;
}

/** A new token with its secret. */
export interface MadeToken {
  readonly id: string;
  readonly name: string;
  readonly scopes: readonly (
    | 'metrics'
    | 'tick'
    | 'enqueue'
    | 'worker'
    | 'read'
    | 'write'
    | 'admin'
  )[];
  /** Whether it can be used: neither revoked nor expired. */
  readonly valid: boolean;
  readonly created_at: string;
  readonly created_by: string | null;
  readonly expires_at: string | null;
  readonly revoked_at: string | null;
  readonly revoked_by: string | null;
  readonly revoke_reason: string | null;
  /** To the minute. */
  readonly last_used_at: string | null;
  /** What to send; shown this once. */
  readonly token: string;
}

/** The work of a fan-out by the values of its axes. */
export interface Matrix {
  readonly parent_id: string;
  readonly rows: {
    readonly axis: string;
    readonly values: readonly unknown[];
  };
  readonly cols: {
    readonly axis: string;
    readonly values: readonly unknown[];
  } | null;
  readonly cells: readonly {
    /** The place in the values of `rows`. */
    readonly row: number;
    /** The place in the values of `cols`. */
    readonly col: number;
    readonly counts: ExecutionCounts;
  }[];
}

/** Who makes the request, and what they may do. */
export interface Me {
  readonly name: string;
  /** As they were given. */
  readonly scopes: readonly (
    | 'metrics'
    | 'tick'
    | 'enqueue'
    | 'worker'
    | 'read'
    | 'write'
    | 'admin'
  )[];
  /** With all that they contain. */
  readonly allows: readonly (
    | 'metrics'
    | 'tick'
    | 'enqueue'
    | 'worker'
    | 'read'
    | 'write'
    | 'admin'
  )[];
  /** What vouches for them: a token, the token of the environment, a cookie, a cloud, an address of this machine, or the application that serves this. */
  readonly via: 'token' | 'root' | 'session' | 'oidc' | 'host' | 'open';
}

/** A pause with what is paused. */
export interface NamedPause {
  readonly kind: 'queue' | 'type';
  readonly name: string;
  readonly reason: string | null;
  readonly by: string | null;
  readonly at: string;
  /** When it ends by itself; null: somebody resumes it. */
  readonly until: string | null;
}

/** What is to be done to many jobs. */
export interface NewBulkAction {
  readonly action: 'retry' | 'cancel' | 'delete';
  /** All jobs that fit it; it must leave some out. Or `ids`. */
  readonly filter?: JobFilter | undefined;
  /** 1 to 1,000 ids. Or `filter`. */
  readonly ids?: readonly string[] | undefined;
  /** Why; kept in the history and the audit. */
  readonly reason?: string | undefined;
  /** Changes nothing, and answers what would be changed. */
  readonly dry_run?: boolean | undefined;
  /** How many jobs are meant: more or fewer by over 10 % are refused. */
  readonly expected_count?: number | undefined;
  /** For `retry`: what all run with. */
  readonly input?: unknown;
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
  /** Whom to tell when the job has ended: one address, or up to five. */
  readonly notify?:
    | {
        readonly webhook: string;
      }
    | {
        readonly email: string;
      }
    | readonly (
        | {
            readonly webhook: string;
          }
        | {
            readonly email: string;
          }
      )[]
    | undefined;
}

/** Why something is paused, and until when. */
export interface NewPause {
  /** Why; kept in the history and the audit. */
  readonly reason?: string | undefined;
  readonly until?: Date | string | undefined;
}

/** A schedule to be set. */
export interface NewSchedule {
  readonly type: string;
  /** Any JSON; default {}. */
  readonly input?: unknown;
  /** Five fields, or six with seconds. Excludes `every`. */
  readonly cron?: string | undefined;
  /** From 1s to 10 years. Excludes `cron`. */
  readonly every?: string | number | undefined;
  /** In which `cron` is read. Default UTC. */
  readonly timezone?: string | undefined;
  /** From which `every` is counted. */
  readonly anchor?: Date | string | undefined;
  readonly missed?: 'skip' | 'once' | 'all' | undefined;
  readonly missed_max?: number | undefined;
  readonly overlap?: 'skip' | 'allow' | 'replace' | undefined;
  readonly priority?: number | undefined;
  readonly tags?: readonly string[] | undefined;
  /** A length of time: milliseconds, or a text such as "30s", "10m", "2h". */
  readonly claim_within?: string | number | undefined;
  readonly slot?: string | undefined;
  readonly when_full?: 'refuse' | 'wait' | undefined;
  readonly limit?:
    | string
    | {
        readonly name: string;
        readonly key?: string | undefined;
      }
    | undefined;
}

/** One of the next runs of a schedule. */
export interface NominalTime {
  /** RFC 3339, UTC, with milliseconds. */
  readonly at: string;
  /** The same instant in the time zone of the rule. */
  readonly local: string;
  /** What daylight saving does to it: see docs/schedules.md. */
  readonly note: 'gap' | 'overlap' | null;
}

/** Why a job that was stored will be done later; nothing is wrong with it. */
export interface Notice {
  readonly code: 'TARGET_DOWN' | 'TARGET_PAUSED' | 'TARGET_BUSY';
  /** For a person, as it stands. */
  readonly message: string;
  readonly target: string;
  /** Null while it is only busy. */
  readonly since: string | null;
}

/** Why and since when nothing of a queue or a type is started. */
export interface Pause {
  readonly reason: string | null;
  readonly by: string | null;
  readonly at: string;
  /** When it ends by itself; null: somebody resumes it. */
  readonly until: string | null;
}

/** A pool as it is now. */
export interface Pool {
  readonly key: string;
  readonly capacity: number;
  /** Live jobs that hold a slot: counted, never stored. */
  readonly reserved: number;
  /** Jobs that wait for a slot. */
  readonly waiting: number;
  /** Jobs that have completed, since the pool was made. */
  readonly processed: number;
  /** The holder that has been live for longest. */
  readonly oldest: {
    readonly id: string;
    readonly type: string;
    readonly state: string;
    readonly since: string;
  } | null;
  readonly created_at: string;
  readonly updated_at: string;
}

/** What does not fit together in a pool. */
export interface PoolProblem {
  readonly key: string;
  /** `missing`: live jobs name it, but it is gone; `over`: more holders than capacity (it drains); `room`: jobs wait although there is room. */
  readonly problem: 'missing' | 'over' | 'room';
  readonly capacity: number | null;
  readonly reserved: number;
  readonly waiting: number;
  /** What a repair did; null for a check, and where nothing is to do. */
  readonly repaired: string | null;
}

/** A schedule by its name, or a rule. */
export interface PreviewRequest {
  /** The name of a stored one; excludes a rule. */
  readonly schedule?: string | undefined;
  /** Five fields, or six with seconds. Excludes `every`. */
  readonly cron?: string | undefined;
  /** From 1s to 10 years. Excludes `cron`. */
  readonly every?: string | number | undefined;
  /** In which `cron` is read. Default UTC. */
  readonly timezone?: string | undefined;
  /** From which `every` is counted. */
  readonly anchor?: Date | string | undefined;
  /** Default 10. */
  readonly count?: number | undefined;
  /** Default: now. */
  readonly from?: Date | string | undefined;
}

/** An error, as RFC 9457 has it. */
export interface Problem {
  /** `urn:unstuck:error:` and the code. */
  readonly type: string;
  readonly title: string;
  readonly status: number;
  /** What was expected and what came. */
  readonly detail: string;
  /** Stable; docs/generated/errors.md lists all. */
  readonly code: string;
  /** What to do. */
  readonly hint: string;
  readonly errors?:
    | readonly {
        readonly pointer: string;
        readonly detail: string;
      }[]
    | undefined;
  readonly facts?: Readonly<Record<string, unknown>> | undefined;
  readonly instance: string;
  /** Finds the line in the log of the server. */
  readonly request_id: string;
}

/** A queue as it is now. */
export interface Queue {
  readonly name: string;
  readonly types: readonly string[];
  readonly paused: Pause | null;
  readonly pending: number;
  readonly queued: number;
  readonly running: number;
  /** Pending jobs by the gate at which they stand. */
  readonly waits_for: Readonly<Record<string, number>>;
  /** When the oldest live job was enqueued. */
  readonly oldest: string | null;
}

/** Which running jobs were put back into the queue. */
export interface ResetStuck {
  readonly success: true;
  readonly reset_count: number;
  readonly job_ids: readonly string[];
  readonly message: string;
}

/** A schedule as it is now. */
export interface Schedule {
  readonly name: string;
  readonly type: string;
  /** Of its jobs: any JSON. */
  readonly input: unknown;
  readonly cron: string | null;
  /** Milliseconds. */
  readonly every: number | null;
  readonly anchor: string | null;
  readonly timezone: string;
  readonly missed: 'skip' | 'once' | 'all';
  readonly missed_max: number;
  readonly overlap: 'skip' | 'allow' | 'replace';
  readonly priority: number;
  readonly tags: readonly string[];
  /** Milliseconds; null: of the type. */
  readonly claim_within: number | null;
  readonly pool: string | null;
  readonly limit_key: string | null;
  /** The next nominal time; there always is one. */
  readonly next_at: string;
  /** The nominal time of the latest run. */
  readonly last_at: string | null;
  readonly last_job_id: string | null;
  readonly fired_times: number;
  readonly missed_times: number;
  readonly skipped_times: number;
  readonly last_skipped_at: string | null;
  readonly paused: {
    readonly at: string;
    readonly until: string | null;
    readonly reason: string | null;
    readonly by: string | null;
  } | null;
  /** Why it could not be fired; it is tried again. */
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly at: string;
    readonly count: number;
  } | null;
  readonly created_at: string;
  readonly updated_at: string;
}

/** How the sending of a job to its remote worker stands. */
export interface Sending {
  readonly target: string;
  /** Without what follows its path. */
  readonly url: string | null;
  /** How the target stands, in words. */
  readonly words: string | null;
  /** When the job last began to wait for it. */
  readonly parked_at: string | null;
  readonly parked_times: number;
  readonly sent_times: number;
  readonly last_sent_at: string | null;
  readonly accepted_at: string | null;
  /** When it last said that it still works on it. */
  readonly heard_at: string | null;
  /** How often the target was asked since it went down. */
  readonly probes: number;
  readonly last_probe_at: string | null;
  readonly next_probe_at: string | null;
  /** The latest error of the target. */
  readonly last_error: TargetFailure | null;
}

/** The installation at one moment. */
export interface Status {
  /** The time of the database when it was counted. */
  readonly now: string;
  readonly live: readonly {
    readonly type: string;
    readonly state: string;
    /** The gate of pending jobs. */
    readonly waits_for: string | null;
    readonly count: number;
    /** When the oldest was created; of finished ones, when the newest ended. */
    readonly at: string;
    /** How many are past their deadline. */
    readonly late: number;
  }[];
  /** Of the last 24 hours. */
  readonly finished: readonly {
    readonly type: string;
    readonly state: string;
    /** The gate of pending jobs. */
    readonly waits_for: string | null;
    readonly count: number;
    /** When the oldest was created; of finished ones, when the newest ended. */
    readonly at: string;
    /** How many are past their deadline. */
    readonly late: number;
  }[];
  /** Whether a finished state has more than the 100,000 jobs that are counted. */
  readonly finished_capped: boolean;
  readonly workers: readonly Worker[];
  /** Remote workers that are not simply up. */
  readonly targets: readonly TroubledTarget[];
  readonly findings: readonly Finding[];
  /** Jobs past their deadline. */
  readonly late: number;
  /** Late jobs that no current finding explains: must be 0. */
  readonly stuck: number;
  /** Since the sweep last ended a round well; null before the first. */
  readonly swept_ms_ago: number | null;
}

/** A remote worker as it is now. */
export interface Target {
  readonly name: string;
  /** Without what follows its path. */
  readonly url: string;
  readonly health_url: string | null;
  readonly status_url: string | null;
  /** The types whose jobs are sent to it. */
  readonly types: readonly string[];
  /** `half-open`: it has answered a probe, and is tried with one job. */
  readonly state: 'up' | 'down' | 'half-open';
  /** Whether it can be sent a job now. */
  readonly usable: boolean;
  /** How it stands, in words. */
  readonly words: string;
  readonly since: string;
  readonly down_since: string | null;
  /** In a row. */
  readonly failures: number;
  /** How often it was asked since it went down. */
  readonly probes: number;
  readonly last_probe_at: string | null;
  readonly next_probe_at: string | null;
  readonly last_ok_at: string | null;
  readonly last_failed_at: string | null;
  readonly last_error: TargetFailure | null;
  /** It has asked to be sent nothing until then. */
  readonly hold_until: string | null;
  readonly paused: Pause | null;
  /** Jobs that wait for it: exact to 10,000, at most 10,001. */
  readonly parked: number;
  /** Attempts that were sent, and are not answered yet. */
  readonly sending: number;
  /** Attempts that it works on. */
  readonly accepted: number;
  /** How many waiting jobs go out in the next second. */
  readonly ramp: number;
  readonly ramp_max: number;
}

/** Why a remote worker was not reached, or failed. */
export interface TargetFailure {
  readonly code: string;
  readonly message: string;
}

/** What a remote worker said when it was asked. */
export interface TargetProbe {
  /** Null: nobody asked it within 15 s, since no process sweeps. */
  readonly answered: boolean | null;
  readonly error: TargetFailure | null;
  /** The same in words. */
  readonly message: string;
  readonly target: Target;
}

/** What became of a message that tried a channel. */
export interface TestedChannel {
  readonly channel: string;
  readonly accepted: boolean;
  readonly code: string | null;
  /** What the API of the channel said. */
  readonly message: string;
}

/** What one round of the sweep did. */
export interface TickRound {
  /** Jobs whose time, or next attempt, had come. */
  readonly promoted: number;
  /** Rows inserted by hand that were let in. */
  readonly admitted: number;
  /** Jobs whose worker was dead. */
  readonly reclaimed: number;
  /** Attempts that had run past their timeout. */
  readonly timed_out: number;
  /** Jobs that were not finished by their finish_by. */
  readonly expired: number;
  /** Rows of an unknown type, or without a pool. */
  readonly refused: number;
  /** Jobs that schedules made. */
  readonly fired: number;
  /** Remote workers that were asked whether they are back. */
  readonly targets_probed: number;
  /** Jobs that go on because their remote worker is back. */
  readonly unparked: number;
  /** How many groups of late jobs there are now. */
  readonly findings: number;
  /** Whether there is more to do: call again. */
  readonly more: boolean;
}

/** What happened to a job, oldest first. */
export interface Timeline {
  readonly data: readonly {
    readonly at: string;
    /** How an attempt ended (failed, timed-out, lost, released, snoozed, stale, cancelled), or what was done to the job. */
    readonly kind: string;
    readonly attempt: number | null;
    readonly token: string | null;
    readonly worker_id: string | null;
    readonly by: string | null;
    readonly reason: string | null;
    /** Any JSON, exactly as it was stored. */
    readonly detail: unknown;
  }[];
}

/** A token, without its secret. */
export interface Token {
  readonly id: string;
  readonly name: string;
  readonly scopes: readonly (
    | 'metrics'
    | 'tick'
    | 'enqueue'
    | 'worker'
    | 'read'
    | 'write'
    | 'admin'
  )[];
  /** Whether it can be used: neither revoked nor expired. */
  readonly valid: boolean;
  readonly created_at: string;
  readonly created_by: string | null;
  readonly expires_at: string | null;
  readonly revoked_at: string | null;
  readonly revoked_by: string | null;
  readonly revoke_reason: string | null;
  /** To the minute. */
  readonly last_used_at: string | null;
}

/** A remote worker that takes no jobs, or is tried. */
export interface TroubledTarget {
  readonly name: string;
  /** `down`, `half-open`, `paused` or `busy`. */
  readonly state: string;
  /** The same in words. */
  readonly words: string;
  /** Null while it is only busy. */
  readonly since: string | null;
  /** Jobs that wait for it, at most 10,001. */
  readonly parked: number;
}

/** Why a job is where it is, and what happens next. */
export interface Why {
  readonly id: string;
  readonly type: string;
  readonly state: 'pending' | 'queued' | 'running' | 'completed' | 'failed' | 'cancelled';
  readonly late: boolean;
  /** What it waits for, in one sentence. */
  readonly reason: string;
  /** Who acts, and how. */
  readonly action: string;
  readonly next: {
    readonly event: string;
    readonly at: string | null;
  };
  readonly checks: readonly {
    readonly name: string;
    /** Null: not come to yet. */
    readonly passed: boolean | null;
    readonly detail: string;
    readonly evidence: Readonly<Record<string, unknown>>;
  }[];
  readonly finding: {
    readonly reason: string;
    readonly action: string;
    readonly first_seen: string;
    readonly next_look: string;
  } | null;
  readonly sweep_errors: readonly {
    readonly task: string;
    readonly message: string;
    readonly count: number;
  }[];
}

/** A worker process, live or stopping. */
export interface Worker {
  readonly id: string;
  readonly name: string;
  readonly pid: number;
  readonly state: string;
  readonly types: readonly string[];
  readonly concurrency: number;
  readonly running: number;
  /** Handlers that never returned. */
  readonly ghosts: number;
  readonly loop_lag_ms: number;
  readonly beat_ms_ago: number;
  readonly version: string;
  readonly started_at: string;
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

/** What `enqueueJobs` takes. */
export interface EnqueueJobsRequest {
  readonly jobs: readonly NewJob[];
}

/** What `countJobs` takes. */
export interface CountJobsRequest {
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
}

/** What `getJob` takes. */
export interface GetJobRequest {
  /** The id of a job, a UUID of version 7. */
  readonly id: string;
}

/** What `deleteJob` takes. */
export interface DeleteJobRequest {
  /** The id of a job, a UUID of version 7. */
  readonly id: string;
  /** Why; kept in the history and the audit. */
  readonly reason?: string | undefined;
}

/** What `getTimeline` takes. */
export interface GetTimelineRequest {
  /** The id of a job, a UUID of version 7. */
  readonly id: string;
}

/** What `explainJob` takes. */
export interface ExplainJobRequest {
  /** The id of a job, a UUID of version 7. */
  readonly id: string;
}

/** What `cancelJob` takes. */
export interface CancelJobRequest {
  /** The id of a job, a UUID of version 7. */
  readonly id: string;
  /** Why; kept in the history and the audit. */
  readonly reason?: string | undefined;
}

/** What `retryJob` takes. */
export interface RetryJobRequest {
  /** The id of a job, a UUID of version 7. */
  readonly id: string;
  /** Why; kept in the history and the audit. */
  readonly reason?: string | undefined;
  readonly input?: unknown;
}

/** What `releaseJob` takes. */
export interface ReleaseJobRequest {
  /** The id of a job, a UUID of version 7. */
  readonly id: string;
  /** Why; kept in the history and the audit. */
  readonly reason?: string | undefined;
}

/** What `resetStuck` takes. */
export interface ResetStuckRequest {
  readonly timeout_minutes?: number | undefined;
  /** Why; kept in the history and the audit. */
  readonly reason?: string | undefined;
}

/** What `executePending` takes. */
export interface ExecutePendingRequest {
  readonly queue: string;
}

/** What `listBulkActions` takes. */
export interface ListBulkActionsRequest {
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
}

/** What `listBulkActions` answers. */
export interface ListBulkActionsAnswer {
  readonly data: readonly BulkAction[];
  /** Give it as `cursor` for the next page; null at the end. */
  readonly next_cursor: string | null;
}

/** What `getBulkAction` takes. */
export interface GetBulkActionRequest {
  /** The id of a bulk action, also that of its entry in the audit. */
  readonly id: string;
}

/** What `abortBulkAction` takes. */
export interface AbortBulkActionRequest {
  /** The id of a bulk action, also that of its entry in the audit. */
  readonly id: string;
  /** Why; kept in the history and the audit. */
  readonly reason?: string | undefined;
}

/** What `listFindings` answers. */
export interface ListFindingsAnswer {
  readonly data: readonly Finding[];
  /** Give it as `cursor` for the next page; null at the end. */
  readonly next_cursor: string | null;
}

/** What `listWorkers` answers. */
export interface ListWorkersAnswer {
  readonly data: readonly Worker[];
  /** Give it as `cursor` for the next page; null at the end. */
  readonly next_cursor: string | null;
}

/** What `listQueues` takes. */
export interface ListQueuesRequest {
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
}

/** What `listQueues` answers. */
export interface ListQueuesAnswer {
  readonly data: readonly Queue[];
  /** Give it as `cursor` for the next page; null at the end. */
  readonly next_cursor: string | null;
}

/** What `getQueue` takes. */
export interface GetQueueRequest {
  readonly name: string;
}

/** What `pauseQueue` takes. */
export interface PauseQueueRequest extends NewPause {
  readonly name: string;
}

/** What `resumeQueue` takes. */
export interface ResumeQueueRequest {
  readonly name: string;
}

/** What `pauseType` takes. */
export interface PauseTypeRequest extends NewPause {
  readonly type: string;
}

/** What `resumeType` takes. */
export interface ResumeTypeRequest {
  readonly type: string;
}

/** What `listPauses` answers. */
export interface ListPausesAnswer {
  readonly data: readonly NamedPause[];
  /** Give it as `cursor` for the next page; null at the end. */
  readonly next_cursor: string | null;
}

/** What `listTargets` takes. */
export interface ListTargetsRequest {
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
}

/** What `listTargets` answers. */
export interface ListTargetsAnswer {
  readonly data: readonly Target[];
  /** Give it as `cursor` for the next page; null at the end. */
  readonly next_cursor: string | null;
}

/** What `getTarget` takes. */
export interface GetTargetRequest {
  readonly name: string;
}

/** What `pauseTarget` takes. */
export interface PauseTargetRequest extends NewPause {
  readonly name: string;
}

/** What `resumeTarget` takes. */
export interface ResumeTargetRequest {
  readonly name: string;
  /** Why; kept in the history and the audit. */
  readonly reason?: string | undefined;
}

/** What `probeTarget` takes. */
export interface ProbeTargetRequest {
  readonly name: string;
}

/** What `listPools` takes. */
export interface ListPoolsRequest {
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
}

/** What `listPools` answers. */
export interface ListPoolsAnswer {
  readonly data: readonly Pool[];
  /** Give it as `cursor` for the next page; null at the end. */
  readonly next_cursor: string | null;
}

/** What `getPool` takes. */
export interface GetPoolRequest {
  readonly key: string;
}

/** What `setPool` takes. */
export interface SetPoolRequest {
  readonly key: string;
  /** A whole number from 0 to 1,000,000. */
  readonly capacity: number;
}

/** What `deletePool` takes. */
export interface DeletePoolRequest {
  readonly key: string;
}

/** What `checkPools` answers. */
export interface CheckPoolsAnswer {
  readonly data: readonly PoolProblem[];
  /** Give it as `cursor` for the next page; null at the end. */
  readonly next_cursor: string | null;
}

/** What `repairPools` answers. */
export interface RepairPoolsAnswer {
  readonly data: readonly PoolProblem[];
  /** Give it as `cursor` for the next page; null at the end. */
  readonly next_cursor: string | null;
}

/** What `listLimits` takes. */
export interface ListLimitsRequest {
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
}

/** What `listLimits` answers. */
export interface ListLimitsAnswer {
  readonly data: readonly Limit[];
  /** Give it as `cursor` for the next page; null at the end. */
  readonly next_cursor: string | null;
}

/** What `getLimit` takes. */
export interface GetLimitRequest {
  readonly name: string;
}

/** What `setLimit` takes. */
export interface SetLimitRequest extends LimitAmounts {
  readonly name: string;
}

/** What `deleteLimit` takes. */
export interface DeleteLimitRequest {
  readonly name: string;
}

/** What `listLimitKeys` takes. */
export interface ListLimitKeysRequest {
  readonly name: string;
}

/** What `listLimitKeys` answers. */
export interface ListLimitKeysAnswer {
  readonly data: readonly LimitKey[];
  /** Give it as `cursor` for the next page; null at the end. */
  readonly next_cursor: string | null;
}

/** What `listSchedules` takes. */
export interface ListSchedulesRequest {
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
}

/** What `listSchedules` answers. */
export interface ListSchedulesAnswer {
  readonly data: readonly Schedule[];
  /** Give it as `cursor` for the next page; null at the end. */
  readonly next_cursor: string | null;
}

/** What `getSchedule` takes. */
export interface GetScheduleRequest {
  readonly name: string;
}

/** What `setSchedule` takes. */
export interface SetScheduleRequest extends NewSchedule {
  readonly name: string;
}

/** What `deleteSchedule` takes. */
export interface DeleteScheduleRequest {
  readonly name: string;
  /** Why; kept in the history and the audit. */
  readonly reason?: string | undefined;
}

/** What `pauseSchedule` takes. */
export interface PauseScheduleRequest extends NewPause {
  readonly name: string;
}

/** What `resumeSchedule` takes. */
export interface ResumeScheduleRequest {
  readonly name: string;
  /** Why; kept in the history and the audit. */
  readonly reason?: string | undefined;
}

/** What `runSchedule` takes. */
export interface RunScheduleRequest {
  readonly name: string;
  /** Why; kept in the history and the audit. */
  readonly reason?: string | undefined;
}

/** What `previewSchedule` answers. */
export interface PreviewScheduleAnswer {
  readonly data: readonly NominalTime[];
  /** Give it as `cursor` for the next page; null at the end. */
  readonly next_cursor: string | null;
}

/** What `listBridges` takes. */
export interface ListBridgesRequest {
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
}

/** What `listBridges` answers. */
export interface ListBridgesAnswer {
  readonly data: readonly Bridge[];
  /** Give it as `cursor` for the next page; null at the end. */
  readonly next_cursor: string | null;
}

/** What `getBridge` takes. */
export interface GetBridgeRequest {
  readonly name: string;
}

/** What `deleteBridge` takes. */
export interface DeleteBridgeRequest {
  readonly name: string;
  /** Why; kept in the history and the audit. */
  readonly reason?: string | undefined;
}

/** What `listDeadMessages` takes. */
export interface ListDeadMessagesRequest {
  readonly name: string;
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
}

/** What `listDeadMessages` answers. */
export interface ListDeadMessagesAnswer {
  readonly data: readonly DeadMessage[];
  /** Give it as `cursor` for the next page; null at the end. */
  readonly next_cursor: string | null;
}

/** What `requeueDeadMessages` takes. */
export interface RequeueDeadMessagesRequest extends DeadSelection {
  readonly name: string;
}

/** What `deleteDeadMessages` takes. */
export interface DeleteDeadMessagesRequest extends DeadSelection {
  readonly name: string;
}

/** What `getExecutions` takes. */
export interface GetExecutionsRequest {
  /** The id of a job, a UUID of version 7. */
  readonly parent_id: string;
}

/** What `listCells` takes. */
export interface ListCellsRequest {
  /** The id of a job, a UUID of version 7. */
  readonly parent_id: string;
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
  readonly state?:
    | 'missing'
    | 'pending'
    | 'queued'
    | 'running'
    | 'completed'
    | 'failed'
    | 'cancelled'
    | undefined;
}

/** What `listCells` answers. */
export interface ListCellsAnswer {
  readonly data: readonly Cell[];
  /** Give it as `cursor` for the next page; null at the end. */
  readonly next_cursor: string | null;
}

/** What `getMatrix` takes. */
export interface GetMatrixRequest {
  /** The id of a job, a UUID of version 7. */
  readonly parent_id: string;
  /** An axis of the plan, such as `region`. */
  readonly rows: string;
  /** Another axis of the plan. */
  readonly cols?: string | undefined;
}

/** What `listDeliveries` takes. */
export interface ListDeliveriesRequest {
  /** The id of a job, a UUID of version 7. */
  readonly job?: string | undefined;
  readonly state?: 'pending' | 'delivered' | 'failed' | undefined;
  readonly purpose?: 'notify' | 'alert' | undefined;
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
}

/** What `listDeliveries` answers. */
export interface ListDeliveriesAnswer {
  readonly data: readonly Delivery[];
  /** Give it as `cursor` for the next page; null at the end. */
  readonly next_cursor: string | null;
}

/** What `getDelivery` takes. */
export interface GetDeliveryRequest {
  readonly id: string;
}

/** What `retryDelivery` takes. */
export interface RetryDeliveryRequest {
  readonly id: string;
  /** Why; kept in the history and the audit. */
  readonly reason?: string | undefined;
}

/** What `listAudit` takes. */
export interface ListAuditRequest {
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
}

/** What `listAudit` answers. */
export interface ListAuditAnswer {
  readonly data: readonly AuditEntry[];
  /** Give it as `cursor` for the next page; null at the end. */
  readonly next_cursor: string | null;
}

/** What `listAlerts` takes. */
export interface ListAlertsRequest {
  /** May be repeated. */
  readonly state?: readonly ('pending' | 'firing' | 'resolved')[] | undefined;
  readonly rule?: string | undefined;
  readonly limit?: number | undefined;
}

/** What `listAlerts` answers. */
export interface ListAlertsAnswer {
  readonly data: readonly Alert[];
  /** Give it as `cursor` for the next page; null at the end. */
  readonly next_cursor: string | null;
}

/** What `listAlertRules` answers. */
export interface ListAlertRulesAnswer {
  readonly data: readonly AlertRule[];
  /** Give it as `cursor` for the next page; null at the end. */
  readonly next_cursor: string | null;
}

/** What `listAlertChannels` answers. */
export interface ListAlertChannelsAnswer {
  readonly data: readonly AlertChannel[];
  /** Give it as `cursor` for the next page; null at the end. */
  readonly next_cursor: string | null;
}

/** What `testAlertChannel` takes. */
export interface TestAlertChannelRequest {
  readonly name: string;
}

/** What `getAlert` takes. */
export interface GetAlertRequest {
  readonly id: string;
}

/** What `acknowledgeAlert` takes. */
export interface AcknowledgeAlertRequest {
  readonly id: string;
  /** Why; kept in the history and the audit. */
  readonly reason?: string | undefined;
}

/** What `silenceAlert` takes. */
export interface SilenceAlertRequest {
  readonly id: string;
  /** From 1s to 365d; default until it is ended. */
  readonly for?: string | number | undefined;
  /** Why; kept in the history and the audit. */
  readonly reason?: string | undefined;
}

/** What `unsilenceAlert` takes. */
export interface UnsilenceAlertRequest {
  readonly id: string;
  /** Why; kept in the history and the audit. */
  readonly reason?: string | undefined;
}

/** What `tick` takes. */
export interface TickRequest {
  readonly name: string;
}

/** What `claimJobs` takes. */
export interface ClaimJobsRequest extends Claim {
  /** The id of the worker: a UUID that it makes when it starts. */
  readonly id: string;
}

/** What `stopPullWorker` takes. */
export interface StopPullWorkerRequest {
  /** The id of the worker: a UUID that it makes when it starts. */
  readonly id: string;
}

/** What `stopPullWorker` answers. */
export interface StopPullWorkerAnswer {
  readonly released: number;
}

/** What `heartbeatClaim` takes. */
export interface HeartbeatClaimRequest {
  /** The id of a job, a UUID of version 7. */
  readonly id: string;
  /** The fencing token that came with the job. */
  readonly token: string;
}

/** What `reportProgress` takes. */
export interface ReportProgressRequest {
  /** The id of a job, a UUID of version 7. */
  readonly id: string;
  /** The fencing token that came with the job. */
  readonly token: string;
  readonly progress: number;
  readonly note?: string | undefined;
}

/** What `completeClaim` takes. */
export interface CompleteClaimRequest {
  /** The id of a job, a UUID of version 7. */
  readonly id: string;
  /** The fencing token that came with the job. */
  readonly token: string;
  /** Any JSON; default null. */
  readonly result?: unknown;
}

/** What `failClaim` takes. */
export interface FailClaimRequest {
  /** The id of a job, a UUID of version 7. */
  readonly id: string;
  /** The fencing token that came with the job. */
  readonly token: string;
  readonly error: {
    readonly message: string;
    /** Default HANDLER_FAILED. */
    readonly code?: string | undefined;
    /** Default Error. */
    readonly name?: string | undefined;
    readonly stack?: string | undefined;
  };
  /** False: fails at once, whatever attempts remain. */
  readonly retry?: boolean | undefined;
  /** A length of time: milliseconds, or a text such as "30s", "10m", "2h". */
  readonly retry_after?: string | number | undefined;
}

/** What `releaseClaim` takes. */
export interface ReleaseClaimRequest {
  /** The id of a job, a UUID of version 7. */
  readonly id: string;
  /** The fencing token that came with the job. */
  readonly token: string;
}

/** What `logIn` takes. */
export interface LogInRequest {
  readonly token: string;
}

/** What `listTokens` takes. */
export interface ListTokensRequest {
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
}

/** What `listTokens` answers. */
export interface ListTokensAnswer {
  readonly data: readonly Token[];
  /** Give it as `cursor` for the next page; null at the end. */
  readonly next_cursor: string | null;
}

/** What `createToken` takes. */
export interface CreateTokenRequest {
  /** Who or what has it: 1 to 100 characters. */
  readonly name: string;
  readonly scopes: readonly (
    | 'metrics'
    | 'tick'
    | 'enqueue'
    | 'worker'
    | 'read'
    | 'write'
    | 'admin'
  )[];
  /** A length of time: milliseconds, or a text such as "30s", "10m", "2h". */
  readonly expires_in?: string | number | undefined;
}

/** What `revokeToken` takes. */
export interface RevokeTokenRequest {
  readonly id: string;
  /** Why; kept in the history and the audit. */
  readonly reason?: string | undefined;
}
