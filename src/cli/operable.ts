/** Operable: what the commands use of an installation, whether it is reached straight on PostgreSQL or over HTTP. */
import type { BulkAction } from '../domain/bulk.ts';
import type { Enqueued, EnqueueOptions, Job } from '../domain/job.ts';
import type { Schedule, ScheduleOfType } from '../domain/schedule.ts';
import type { Notice } from '../domain/target-notice.ts';
import type { WaitOptions } from '../engine/waiter.ts';
import type { RetryCall } from '../features/edited-retry.ts';
import type { Unstuck } from '../unstuck.ts';

/** The methods of a class, without its private parts. */
export type MethodsOf<T> = Pick<T, keyof T>;

/** What commands that look and change use. */
export interface Operable
  extends Pick<
    Unstuck,
    'list' | 'history' | 'explain' | 'release' | 'cancel' | 'resetStuck' | 'status' | 'stuck'
  > {
  /** Stores a job. */
  enqueue(type: string, input: unknown, options?: EnqueueOptions): Promise<Enqueued>;
  /** Returns a job; undefined when there is none. */
  get(id: string): Promise<Job | undefined>;
  /** Runs a finished job again. */
  retry(id: string, call?: RetryCall): Promise<Job>;
  /** Resolves with a job that has finished. */
  wait(id: string, options?: WaitOptions): Promise<Job>;
  readonly bulk: Pick<Unstuck['bulk'], BulkAction>;
  readonly audit: MethodsOf<Unstuck['audit']>;
  readonly alerts: Omit<MethodsOf<Unstuck['alerts']>, 'start'>;
  readonly tokens: Pick<Unstuck['tokens'], 'create' | 'list' | 'revoke'>;
  readonly queues: MethodsOf<Unstuck['queues']>;
  readonly targets: Omit<
    MethodsOf<Unstuck['targets']>,
    'verifyCallback' | 'noticeFor' | 'define' | 'callbackAt'
  > & {
    /** What to tell of a job that was just enqueued; a server has told it with its answer. */
    noticeFor(type: string, enqueued: Enqueued): Promise<Notice | null>;
  };
  readonly pools: MethodsOf<Unstuck['pools']>;
  readonly limits: MethodsOf<Unstuck['limits']>;
  readonly executions: MethodsOf<Unstuck['executions']>;
  readonly deliveries: MethodsOf<Unstuck['deliveries']>;
  readonly redis: Omit<MethodsOf<Unstuck['redis']>, 'start'>;
  readonly schedules: Omit<MethodsOf<Unstuck['schedules']>, 'set'> & {
    set(name: string, options: ScheduleOfType): Promise<Schedule>;
  };
}
