/** The error catalogue, of jobs: what each means, what to do, and its HTTP status. */
import type { CatalogueEntry } from './catalogue-entry.ts';

/** Codes of jobs: what is asked of them, and how they end. */
export const JOB_ERRORS = {
  OPTION_INVALID: {
    status: 422,
    meaning: 'An option or environment variable has a value that it cannot have.',
    fix: 'Set the option that the message names to a value within the bounds it gives; see docs/generated/options.md.',
  },
  OPTION_UNKNOWN: {
    status: 422,
    meaning: 'An option was given that does not exist.',
    fix: 'Correct the spelling; see docs/generated/options.md for all options.',
  },
  JOB_TYPE_INVALID: {
    status: 422,
    meaning: 'The name of a job type is empty, too long or has characters it cannot have.',
    fix: 'Use 1 to 200 letters, digits and `. _ : / -`.',
  },
  JOB_TYPE_DUPLICATE: {
    status: 422,
    meaning: 'Two definitions of one job type were given to one worker.',
    fix: 'Give each definition a type of its own.',
  },
  JOB_TYPE_UNKNOWN: {
    status: 422,
    meaning: 'No worker or producer has ever defined this job type, and unknown types are refused.',
    fix: 'Correct the type, start a worker that handles it first, or connect with `unknownTypes: "accept"`.',
  },
  TARGET_INVALID: {
    status: 422,
    meaning: 'The definition of a remote worker, or the target of a job type, cannot be used.',
    fix: 'Correct what the message names; see docs/targets.md.',
  },
  TARGET_UNKNOWN: {
    status: 404,
    meaning: 'No target has this name, or this process has no definition of it.',
    fix: 'Correct the name (`unstuck target list`), or give the definition to `work`.',
  },
  TARGET_REJECTED: {
    status: 422,
    meaning: 'A remote worker refused the job for what is in it; it is not sent again.',
    fix: 'Read what it answered, correct the input, and retry the job with it.',
  },
  TARGET_ANSWER_INVALID: {
    status: 502,
    meaning:
      'A remote worker answered with success, but not about this job: something else stands at its address.',
    fix: 'Look at what answers at the URL of the target; an answer repeats the id and the token of the job.',
  },
  TARGET_LOST_JOB: {
    status: 502,
    meaning: 'A remote worker had accepted the job, and does not know it any more.',
    fix: 'Nothing: the job is tried again as its type says. If this comes back, look for restarts of the remote worker.',
  },
  TARGET_SILENT: {
    status: 504,
    meaning: 'A remote worker had accepted the job, said nothing more, and cannot be asked.',
    fix: 'Let it send heartbeats, give the target a `status` URL, or raise its `silence`.',
  },
  INPUT_INVALID: {
    status: 422,
    meaning: 'The input does not fit the schema of its job type.',
    fix: 'Correct the fields that the message names; nothing was stored.',
  },
  INPUT_UNSTORABLE: {
    status: 422,
    meaning:
      'The input holds a value that JSON in PostgreSQL cannot keep exactly (NUL, a lone surrogate, NaN, a function, a cycle, …).',
    fix: 'Change the value at the path that the message names; nothing was stored.',
  },
  INPUT_TOO_LARGE: {
    status: 413,
    meaning: 'The input is larger or deeper than the limits allow.',
    fix: 'Store large data elsewhere and pass a reference, or raise `inputBytesMax`.',
  },
  TIME_INVALID: {
    status: 422,
    meaning: 'A time or duration is not one, or lies more than ten years away.',
    fix: 'Pass a valid Date, or a duration such as "30s".',
  },
  KEY_INVALID: {
    status: 422,
    meaning: 'A unique key or tag is empty, too long or has characters it cannot have.',
    fix: 'Use 1 to 500 characters without NUL.',
  },
  PRIORITY_INVALID: {
    status: 422,
    meaning: 'A priority is not a whole number from -1000 to 1000.',
    fix: 'Pass a whole number from -1000 to 1000; higher runs first.',
  },
  POOL_INVALID: {
    status: 422,
    meaning: 'A job needs a slot, but no good pool was named.',
    fix: 'Name the pool in the input that `slot` reads, or with the enqueue option `slot`; nothing was stored.',
  },
  POOL_UNKNOWN: {
    status: 404,
    meaning: 'There is no pool of this name.',
    fix: 'Set its capacity first: `unstuck.pools.set(key, { capacity })`.',
  },
  POOL_IN_USE: {
    status: 409,
    meaning: 'A pool cannot be deleted while live jobs hold its slots or wait for them.',
    fix: 'Wait for them or cancel them; set the capacity to 0 to let nobody in meanwhile.',
  },
  POOL_BUSY: {
    status: 409,
    meaning: 'An open transaction of another session has enqueued into the same pool.',
    fix: 'Try again when that transaction has ended; nothing was stored.',
  },
  SLOTS_EXHAUSTED: {
    status: 409,
    meaning: 'Every slot of the pool is in use.',
    fix: 'Try again when a job has ended, raise the capacity, or enqueue with `whenFull: "wait"`; nothing was stored.',
  },
  LIMIT_INVALID: {
    status: 422,
    meaning: 'A limit has amounts, a name or a key that it cannot have.',
    fix: 'Set what the message names to a value within the bounds it gives.',
  },
  LIMIT_UNKNOWN: {
    status: 404,
    meaning: 'There is no limit of this name.',
    fix: 'Set it first: `unstuck.limits.set(name, { running })`.',
  },
  LIMIT_IN_USE: {
    status: 409,
    meaning: 'A limit cannot be deleted while live jobs count at it.',
    fix: 'Wait for them or cancel them.',
  },
  QUEUE_UNKNOWN: {
    status: 404,
    meaning: 'No job type has ever been defined in this queue.',
    fix: 'Correct the name; `unstuck queue list` shows all of them.',
  },
  EXECUTIONS_INVALID: {
    status: 422,
    meaning: 'The plan of a fan-out, or its success rate, is not one.',
    fix: 'Correct what the message names.',
  },
  EXECUTIONS_FAILED: {
    status: 500,
    meaning: 'Too few executions of a fan-out have completed.',
    fix: 'Look at the failed ones (`unstuck job executions ID`), then retry the parent: it runs again those that did not complete.',
  },
  PROVIDERS_INVALID: {
    status: 422,
    meaning: 'The providers of a job are no list of names.',
    fix: 'Give 1 to 20 names.',
  },
  BATCH_INVALID: {
    status: 422,
    meaning: 'A batch holds no list of jobs, or too many, or one that is no object.',
    fix: 'Pass a list of at most 10,000 objects.',
  },
  BATCH_INCOMPLETE: {
    status: 500,
    meaning: 'Not every job of a batch could be stored.',
    fix: 'Read `detail.outcomes`, one for each item in their order, and send only those again that have a code.',
  },
  TRANSACTION_INVALID: {
    status: 422,
    meaning: 'The value given as `in` is not a transaction that Unstuck can use.',
    fix: 'Pass a pg client, or wrap yours with an adapter such as fromDrizzle(tx).',
  },
  JOB_ID_INVALID: {
    status: 422,
    meaning: 'A job id is not a UUID.',
    fix: 'Pass the id that enqueue returned.',
  },
  JOB_NOT_FOUND: {
    status: 404,
    meaning: 'There is no job with this id: it never existed, or its retention has ended.',
    fix: 'Check the id; finished jobs are kept 7 days (failed ones 30) unless set otherwise.',
  },
  JOB_STATE_CONFLICT: {
    status: 409,
    meaning: 'The job is not in a state that allows this.',
    fix: 'Look at the job: the message names its state and the states that allow it.',
  },
  KEY_TAKEN: {
    status: 409,
    meaning: 'Another live job has the unique key, and it was to be refused, replaced or retried.',
    fix: 'Wait for the other job to end, or cancel it.',
  },
  JOB_BUSY: {
    status: 409,
    meaning:
      'A job, or its unique key, is locked by a transaction of another session that is still open.',
    fix: 'End that transaction, then do it again; the job was left as it is.',
  },
  CHANGE_REFUSED: {
    status: 409,
    meaning: 'PostgreSQL refused to change the job (a trigger or constraint of your own).',
    fix: 'Read the reason; the job was left as it is.',
  },
  KEY_BUSY: {
    status: 409,
    meaning: 'A unique key is held by a transaction of another session that is still open.',
    fix: 'End that transaction, then enqueue again; nothing was stored.',
  },
  ENQUEUE_REFUSED: {
    status: 422,
    meaning:
      'PostgreSQL refused to store the job (a trigger or constraint of your own, or a value out of range).',
    fix: 'Read the cause; nothing was stored.',
  },
  WAIT_TIMEOUT: {
    status: 504,
    meaning: 'The job did not finish within the time that the caller was ready to wait.',
    fix: 'The job goes on; wait again, or look at what it waits for.',
  },
  SCHEDULE_INVALID: {
    status: 422,
    meaning: 'A schedule has a name, rule or setting that it cannot have, or no time to come.',
    fix: 'Correct what the message names; see docs/schedules.md. Nothing was changed.',
  },
  SCHEDULE_NOT_FOUND: {
    status: 404,
    meaning: 'There is no schedule of this name.',
    fix: 'Check the name; `unstuck schedule list` shows all of them.',
  },
  STALE_ATTEMPT: {
    status: 409,
    meaning:
      'The attempt has lost its lease: the job was taken over, cancelled or timed out; its writes were rolled back.',
    fix: 'Let the handler end; another attempt decides the job.',
  },
  JOB_TIMEOUT: {
    status: 500,
    meaning: 'The attempt ran longer than its timeout and was ended.',
    fix: 'Raise the timeout of the type, make the job smaller, or make the handler honour job.signal.',
  },
  JOB_EXPIRED: {
    status: 500,
    meaning: 'The job was not finished by its `finishBy`.',
    fix: 'Start more workers, or give it more time.',
  },
  JOB_POISON: {
    status: 500,
    meaning: 'Three attempts of this job were lost together with their worker process.',
    fix: 'Find what kills the process (memory, native code, process.exit), then retry the job.',
  },
  JOB_LOST: {
    status: 500,
    meaning: 'The attempt was lost with its worker.',
    fix: 'Nothing: the job runs again by itself.',
  },
  JOB_RESET: {
    status: 500,
    meaning: 'Somebody reset the job because its attempt had run for too long.',
    fix: 'Nothing: the job runs again by itself. Find out why the attempt hung, or give the type a shorter timeout.',
  },
  JOB_QUARANTINED: {
    status: 500,
    meaning: 'The healer met the same error three times on this job and set it aside.',
    fix: 'Read the stored error, mend the row or its type, then retry the job.',
  },
  SNOOZES_EXHAUSTED: {
    status: 500,
    meaning: 'The handler put the job off more often than allowed.',
    fix: 'Raise snoozesMax of the type, or let the handler fail.',
  },
  HANDLER_FAILED: {
    status: 500,
    meaning: 'The handler threw an error.',
    fix: 'Read the stored error; the job is retried while attempts remain.',
  },
  RESULT_UNSTORABLE: {
    status: 500,
    meaning:
      'The handler returned a value that cannot be stored as JSON, or that is too large; its work was done, so it is not run again.',
    fix: 'Return plain JSON within resultBytesMax.',
  },
  FINISH_REFUSED: {
    status: 500,
    meaning:
      'PostgreSQL refused to store the end of this job three times; it was ended with the least that could be stored.',
    fix: 'Read the cause (often a trigger or constraint of your own on the schema), then retry the job.',
  },
  INPUT_REFUSED_BY_WORKER: {
    status: 500,
    meaning: 'The stored input does not fit the schema of the worker that took the job.',
    fix: 'Correct the input where it is enqueued, or deploy a worker that understands it; then retry the job.',
  },
  ISOLATE_INVALID: {
    status: 422,
    meaning: 'An isolated job cannot be found by its child process.',
    fix: 'Define it with `module: import.meta.url` and export the definition from that module.',
  },
  ISOLATE_DIED: {
    status: 500,
    meaning: 'The child process of an isolated job ended before it answered.',
    fix: 'Read its exit code or signal; the job is retried while attempts remain.',
  },
} as const;
// Checked here and not in the declaration, whose literal types must be readable without inference.
JOB_ERRORS satisfies Record<string, CatalogueEntry>;
