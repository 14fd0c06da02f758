/** Operations: the methods of the client. Written by `npm run docs` from the routes: change those, not this file. */
import type { CallOptions, NoFields } from '../call.ts';
import type {
  CancelJobRequest,
  EnqueuedJob,
  GetJobRequest,
  Job,
  ListJobsAnswer,
  ListJobsRequest,
  NewJob,
} from './shapes.ts';

/**
 * Every operation of the API: path parameters and the fields of query or body in one object. All reject with an `UnstuckError` that has the
 * code of the server, or SERVER_UNREACHABLE.
 */
export interface Operations {
  /** Answers the OpenAPI document of this API. */
  getOpenApi(request?: NoFields, options?: CallOptions): Promise<unknown>;
  /**
   * Stores a job.
   * Throws KEY_TAKEN, SLOTS_EXHAUSTED, INPUT_TOO_LARGE, INPUT_INVALID, JOB_TYPE_UNKNOWN.
   */
  enqueueJob(request: NewJob, options?: CallOptions): Promise<EnqueuedJob>;
  /**
   * Lists jobs, newest first.
   * Throws JOB_ID_INVALID.
   */
  listJobs(request?: ListJobsRequest, options?: CallOptions): Promise<ListJobsAnswer>;
  /**
   * Cancels a live job; a running one is told within two heartbeats.
   * Throws JOB_NOT_FOUND, JOB_STATE_CONFLICT, JOB_ID_INVALID.
   */
  cancelJob(request: CancelJobRequest, options?: CallOptions): Promise<Job>;
  /**
   * Answers one job, live or finished.
   * Throws JOB_NOT_FOUND, JOB_ID_INVALID.
   */
  getJob(request: GetJobRequest, options?: CallOptions): Promise<Job>;
}
