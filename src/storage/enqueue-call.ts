/** Enqueue call: how one job is enqueued, and in whose transaction. */
import type { EnqueueOptions } from '../domain/job.ts';
import type { CallerTransaction, PgTransaction } from './caller-transaction.ts';

/** How one job is enqueued, and in whose transaction. */
export interface EnqueueCall extends EnqueueOptions {
  /** The caller's transaction: a pg client, or an adapter's. The job exists when, and only when, it commits. */
  readonly in?: CallerTransaction | PgTransaction;
}
