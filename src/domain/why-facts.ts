/** Why facts: what is said of a job and its way, and what stands around it. */
import type { Job } from './job.ts';

/** One condition that a job must meet before it runs, and while it does. */
export interface Check {
  readonly name:
    | 'admit'
    | 'hold'
    | 'slot'
    | 'time'
    | 'target'
    | 'limit'
    | 'executions'
    | 'pause'
    | 'worker'
    | 'lease';
  /** Null: the job has not come to it yet. */
  readonly passed: boolean | null;
  /** The same in words. */
  readonly detail: string;
  /** The figures behind it. */
  readonly evidence: Readonly<Record<string, unknown>>;
}

/** Why a job is where it is. */
export interface Why {
  readonly id: string;
  readonly type: string;
  readonly state: Job['state'];
  readonly late: boolean;
  /** What it waits for, in one sentence. */
  readonly reason: string;
  /** Who acts, and how. */
  readonly action: string;
  readonly next: {
    /** What happens next, in words. */
    readonly event: string;
    /** The latest time at which it happens; null when nothing happens any more. */
    readonly at: Date | null;
  };
  /** In the order in which a job comes to them; none for a finished job. */
  readonly checks: readonly Check[];
  /** What the sweep has found of the group of late jobs to which this one belongs. */
  readonly finding: {
    readonly reason: string;
    readonly action: string;
    readonly firstSeen: Date;
    readonly nextLook: Date;
  } | null;
  /** Errors that the sweep met on this very job. */
  readonly sweepErrors: readonly {
    readonly task: string;
    readonly message: string;
    readonly count: number;
  }[];
}

/** Who holds what others wait for: the job that has held it longest. */
export interface Holder {
  readonly id: string;
  readonly type: string;
  readonly since: Date;
}

/** What stands around a live job. Counts are exact up to 10,000. */
export interface Surroundings {
  /** Null: nobody has ever defined its type. */
  readonly queue: string | null;
  readonly pause: {
    readonly kind: string;
    readonly name: string;
    readonly reason: string | null;
    readonly by: string | null;
    readonly at: Date;
    readonly until: Date | null;
  } | null;
  readonly fleet: { readonly workers: number; readonly slots: number; readonly busy: number };
  /** Jobs of its type that are queued before it. */
  readonly queuedBefore: number;
  readonly slotHeld: boolean;
  readonly pool: {
    /** Null: there is no such pool. */
    readonly capacity: number | null;
    readonly inUse: number;
    readonly waitingBefore: number;
    readonly holder: Holder | null;
  } | null;
  readonly limit: {
    readonly running: number | null;
    readonly rate: { readonly count: number; readonly perMs: number } | null;
    readonly inUse: number;
    readonly waitingBefore: number;
    readonly holder: Holder | null;
  } | null;
  /** Null: its type has no target. */
  readonly target: {
    readonly name: string;
    /** How it stands, in words; null when there is none any more. */
    readonly detail: string | null;
    /** Whether one of its targets can be sent a job now. */
    readonly usable: boolean;
    /** Without what follows its path. */
    readonly url: string | null;
    /** How often it was asked whether it is back since it went down. */
    readonly probes: number;
    /** How often the job was sent. */
    readonly sends: number;
    /** When the job last began to wait for it. */
    readonly parkedAt: Date | null;
  } | null;
  readonly executions: {
    readonly expected: number;
    readonly live: number;
    readonly ended: number;
  } | null;
  readonly worker: {
    readonly name: string;
    readonly host: string;
    readonly pid: number;
    readonly state: string;
    readonly leaseUntil: Date;
    readonly leaseOver: boolean;
  } | null;
  readonly finding: Why['finding'];
  readonly sweepErrors: Why['sweepErrors'];
}
