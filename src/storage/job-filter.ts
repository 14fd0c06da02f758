/** Job filter: jobs that fit conditions, by pages, by count, or in the order of their ids. */
import type { Job, JobPage } from '../domain/job.ts';
import type { Conditions } from '../domain/job-filter.ts';
import { STATES, type State } from '../domain/transitions.ts';
import {
  countJobs,
  countNamedJobs,
  listJobs,
  listNamedJobs,
  type SelectedRow,
  selectJobs,
  selectNamedJobs,
} from '../sql/job-filter.ts';
import type { Database } from './database.ts';
import { toJob } from './rows.ts';

/** How many jobs fit, as far as they are counted. */
export interface JobCount {
  /** Exact up to 100,000. */
  readonly count: number;
  /** Whether there are more than `count`. */
  readonly capped: boolean;
}

/** A job as a change of many sees it. */
export interface SelectedJob {
  readonly id: string;
  readonly state: State;
  readonly finishedAt: Date | null;
}

const COUNT_MAX = 100_000;
const FIRST_ID = '00000000-0000-0000-0000-000000000000';
const LAST_ID = 'ffffffff-ffff-ffff-ffff-ffffffffffff';
/** Nothing finishes before it is created, but the clock of the database may have been set back meanwhile. */
const CLOCK_SLACK_MS = 86_400_000;

/** Returns one page of jobs, newest first; it is cut when their inputs and results exceed 16 MiB. */
export async function readJobs(
  database: Database,
  conditions: Conditions,
  { limit, after }: { readonly limit: number; readonly after: string | undefined },
): Promise<JobPage> {
  const { ids } = conditions;
  const values = valuesOf(conditions, limit + 1);
  const rows =
    ids === undefined
      ? await database.run(listJobs, [...values, after ?? LAST_ID])
      : await database.run(listNamedJobs, [...values, ids, after ?? LAST_ID]);
  const jobs: Job[] = rows.slice(0, limit).map(toJob);
  return { jobs, next: (rows[0]?.found ?? 0) > jobs.length ? (jobs.at(-1)?.id ?? null) : null };
}

/** Counts jobs, up to 100,000. */
export async function readCount(database: Database, conditions: Conditions): Promise<JobCount> {
  const { ids } = conditions;
  const values = valuesOf(conditions, COUNT_MAX + 1);
  const [row] =
    ids === undefined
      ? await database.run(countJobs, values)
      : await database.run(countNamedJobs, [...values, ids]);
  const count = row?.count ?? 0;
  return { count: Math.min(count, COUNT_MAX), capped: count > COUNT_MAX };
}

/** Returns up to `limit` jobs in the order of their ids, behind `after`. */
export async function selectBehind(
  database: Database,
  conditions: Conditions,
  after: string | undefined,
  limit: number,
): Promise<SelectedJob[]> {
  const { ids } = conditions;
  const values = valuesOf(conditions, limit);
  const rows =
    ids === undefined
      ? await database.run(selectJobs, [...values, after ?? FIRST_ID])
      : await database.run(selectNamedJobs, [...values, ids, after ?? FIRST_ID]);
  return rows.map(toSelected);
}

/** Turns a row into a selected job. */
export function toSelected({ id, state, finished_at }: SelectedRow): SelectedJob {
  return { id, state: state as State, finishedAt: finished_at };
}

/** The values $1 to $19 of the statements, in their order. */
function valuesOf(conditions: Conditions, limit: number): unknown[] {
  const { live, ended, type, queue, tag, key, errorCode, late } = conditions;
  const { createdAfter, createdBefore, finishedAfter, finishedBefore } = conditions;
  const states: readonly State[] = [...live, ...ended];
  return [
    ...STATES.map((_, place) => states[place] ?? null),
    live.length > 0,
    ended.length > 0,
    finishedAfter ?? earliest(createdAfter),
    finishedBefore ?? 'infinity',
    type,
    queue,
    tag,
    key,
    errorCode,
    late,
    createdAfter,
    createdBefore,
    limit,
  ];
}

/** Days that ended before a job was created need not be looked at. */
function earliest(createdAfter: Date | undefined): Date | string {
  return createdAfter === undefined
    ? '-infinity'
    : new Date(createdAfter.getTime() - CLOCK_SLACK_MS);
}
