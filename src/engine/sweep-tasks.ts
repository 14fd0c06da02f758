/** Sweep tasks: the list of ways in which a job can be late, and what moves it on. */
import type { Config } from '../domain/options.ts';
import { ATTEMPTS_DEFAULT } from '../domain/retry-policy.ts';
import type { Statement } from '../sql/sql.ts';
import {
  admit,
  failExpired,
  failPoolless,
  failUndefined,
  findDue,
  findExpired,
  findLost,
  findOverdue,
  findPoolless,
  findUndefined,
  promote,
  reclaim,
  type SweptRow,
  timeOut,
} from '../sql/sweep.ts';
import type { Work } from '../sql/ticks.ts';

/** One task: `find` returns ids of rows that are late, `apply` checks them again and moves them. */
export interface SweepTask {
  readonly name: string;
  /** The kind of work of which there is any whenever `find` finds something. */
  readonly work: Work;
  readonly find: Statement<{ id: string }>;
  findValues(limit: number): readonly unknown[];
  readonly apply: Statement<SweptRow>;
  /** The values of `apply` after $1, the ids. */
  readonly applyValues: readonly unknown[];
  /** Log every moved row: it is exceptional. */
  readonly exceptional: boolean;
}

/** How far past its timeout a running job may be before the sweep ends it: its own worker comes first. */
export function overdueGraceMs(config: Config): number {
  return config.abortGrace + config.lease;
}

/** The tasks of one round, in the order in which they run; each has its own queries, so that none starves another. */
export function sweepTasks(config: Config): readonly SweepTask[] {
  return [
    ...(config.unknownTypes === 'refuse' ? [refuseUndefined()] : []),
    {
      name: 'refuse-poolless',
      work: 'by-hand',
      find: findPoolless,
      findValues: (limit) => [limit],
      apply: failPoolless,
      applyValues: [POOLLESS, 'it names no pool that exists'],
      exceptional: true,
    },
    due('admit', 'admit', 'by-hand', admit, [config.claimWithin, ATTEMPTS_DEFAULT]),
    due('promote-time', 'time', 'time', promote, []),
    due('promote-retry', 'retry', 'retry', promote, []),
    {
      name: 'expire',
      work: 'expired',
      find: findExpired,
      findValues: (limit) => [limit],
      apply: failExpired,
      applyValues: [EXPIRED, 'not finished by its finishBy'],
      exceptional: true,
    },
    {
      name: 'reclaim',
      work: 'lost',
      find: findLost,
      findValues: (limit) => [limit],
      apply: reclaim,
      applyValues: [POISON],
      exceptional: true,
    },
    overdue(config),
  ];
}

/** The task that ends running jobs past their timeout; also applied to strays. */
export function overdue(config: Config): SweepTask {
  const grace = overdueGraceMs(config);
  return {
    name: 'time-out',
    work: 'overdue',
    find: findOverdue,
    findValues: (limit) => [grace, limit],
    apply: timeOut,
    applyValues: [grace, TIMED_OUT, 1_000, 600_000],
    exceptional: true,
  };
}

function due(
  name: string,
  gate: string,
  work: Work,
  apply: Statement<SweptRow>,
  applyValues: readonly unknown[],
): SweepTask {
  return {
    name,
    work,
    find: findDue,
    findValues: (limit) => [gate, limit],
    apply,
    applyValues,
    exceptional: false,
  };
}

function refuseUndefined(): SweepTask {
  return {
    name: 'refuse-undefined',
    work: 'by-hand',
    find: findUndefined,
    findValues: (limit) => [limit],
    apply: failUndefined,
    applyValues: [UNDEFINED, 'its type is unknown'],
    exceptional: true,
  };
}

const stored = (code: string, message: string): string =>
  JSON.stringify({ code, name: 'UnstuckError', message });
const EXPIRED = stored('JOB_EXPIRED', 'The job was not finished by its finishBy.');
const POISON = stored(
  'JOB_POISON',
  'Three attempts of this job were lost together with their worker process; it is not run again. Find what kills the process, then retry the job.',
);
const TIMED_OUT = stored(
  'JOB_TIMEOUT',
  'The attempt ran past its timeout and its worker did not end it; the sweep did.',
);
const POOLLESS = stored(
  'POOL_UNKNOWN',
  'This row names no pool although its type needs a slot, or a pool that does not exist. Set the pool, then retry the job.',
);
const UNDEFINED = stored(
  'JOB_TYPE_UNKNOWN',
  'No worker or producer has ever defined the type of this row, and unknown types are refused.',
);
