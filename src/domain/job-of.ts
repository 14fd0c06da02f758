/** Job of: a job seen through its definition. */
import type { AnyJob, InputOf, ResultOf, Stored } from './define-job.ts';
import type { Job } from './job.ts';

/** A job whose input and result have the types of its definition, as JSON gives them back. */
export type JobOf<J extends AnyJob> = Omit<Job, 'input' | 'result'> & {
  readonly input: Stored<InputOf<J>>;
  readonly result: Stored<ResultOf<J>> | null;
};
