// The job types that the tests of the command run in processes of their own.
import { appendFileSync } from 'node:fs';
import { type AnyJob, defineJob, Fail, type JobDefinition, type RunningJob } from 'unstuck';
import { z } from 'zod';

const anything = z.record(z.string(), z.unknown());
type Anything = z.infer<typeof anything>;

/** Returns its input and the process that ran it. */
const echo: JobDefinition<Anything, Anything> = defineJob({
  type: 'echo',
  input: anything,
  run: (job) => ({ ...job.input, pid: process.pid }),
});

/** Fails for good. */
const broken: JobDefinition<Anything, Anything, never> = defineJob({
  type: 'broken',
  input: anything,
  run: () => {
    throw new Fail('it is broken', { code: 'BROKEN' });
  },
});

/** Takes `ms` milliseconds whatever its signal says, and notes in `file` that it started. */
const slow: JobDefinition<Anything, Anything> = defineJob({
  type: 'slow',
  input: anything,
  run: async (job) => {
    note(job);
    await new Promise((resolve) => setTimeout(resolve, Number(job.input['ms'])));
    return { pid: process.pid, attempt: job.attempt, crashes: job.crashes };
  },
});

/** Never returns. */
const ghost: JobDefinition<Anything, Anything, never> = defineJob({
  type: 'ghost',
  input: anything,
  timeout: '200ms',
  retry: { attempts: 1 },
  run: () => new Promise<never>(() => undefined),
});

/** All of them. */
export const jobs: readonly AnyJob[] = [echo, broken, slow, ghost];

function note(job: RunningJob<Anything>): void {
  if (typeof job.input['file'] === 'string') appendFileSync(job.input['file'], `${process.pid}\n`);
}
