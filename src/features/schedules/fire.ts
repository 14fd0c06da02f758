/** Fire: enqueues the runs of the schedules that are due, each in the transaction that moves its schedule on. */
import type { Enqueued } from '../../domain/job.ts';
import type { Log } from '../../domain/log.ts';
import type { NewJob } from '../../domain/new-job.ts';
import type { Enqueuer } from '../../engine/enqueuer.ts';
import { traceFirings } from '../../engine/send-trace.ts';
import type { ChoreRound } from '../../engine/sweeper.ts';
import type { ChangedRow } from '../../sql/admin.ts';
import { findConflicts } from '../../sql/enqueue.ts';
import {
  cancelReplaced,
  failSchedules,
  lockDueSchedule,
  lockDueSchedules,
  moveSchedules,
  type ScheduleRow,
} from '../../sql/schedules.ts';
import { monotonicMs } from '../../std/timer.ts';
import type { Database, Executor } from '../../storage/database.ts';
import { cancelChildrenOf, concernedBy, letOn } from '../../storage/links.ts';
import { makePartitions } from '../../storage/partitions.ts';
import { codeOf, isConnectionLost, isPartitionMissing } from '../../storage/postgres-errors.ts';
import { keyOf, nominalJob, type Plan, planOf } from './plan.ts';

const BATCH = 50;
const ROUND_MS = 200;
/** Planning many missed times keeps the event loop, and with it the handlers of this process, for so long at most. */
const PLAN_MS = 20;

/** What stores the jobs of schedules. */
export type Storing = Pick<Enqueuer, 'enqueueIn'>;

/** A schedule that cannot be fired, and why. */
interface Unfired {
  readonly name: string;
  readonly error: unknown;
}

/** What was fired so far. */
interface Fired {
  readonly types: Set<string>;
  runs: number;
}

/** What became of locked rows. */
interface Outcome {
  /** The types of the jobs that were made, or found live. */
  readonly types: readonly string[];
  /** How many jobs were made. */
  readonly runs: number;
  readonly unfired: readonly Unfired[];
  /** The runs that were cancelled for new ones, and whom that concerns. */
  readonly replaced: readonly ChangedRow[];
  /** Rows that are left for the next batch. */
  readonly left: number;
}

/**
 * Fires the schedules that are due, batch after batch while there are more, for at most 200 ms. Job and step of the
 * schedule are one transaction: each nominal time is fired once, whoever dies when (K3). A schedule that cannot be fired keeps its error and no
 * other from being fired.
 */
export async function fireDue(database: Database, storing: Storing, log: Log): Promise<ChoreRound> {
  const fired: Fired = { types: new Set(), runs: 0 };
  const until = monotonicMs() + ROUND_MS;
  for (;;) {
    const more = await fireBatch(database, storing, log, fired);
    if (!more || monotonicMs() > until) return { ready: fired.types, done: fired.runs, more };
  }
}

/** One transaction for many schedules; when PostgreSQL refuses it, one for each. Returns whether more are due. */
async function fireBatch(
  database: Database,
  storing: Storing,
  log: Log,
  fired: Fired,
): Promise<boolean> {
  let rows: ScheduleRow[] = [];
  const fire = async (lock: (client: Executor) => Promise<ScheduleRow[]>): Promise<number> => {
    const outcome = await database.transaction(async (client) => {
      rows = await lock(client);
      return fireLocked(database, storing, rows, client);
    });
    fired.runs += outcome.runs;
    for (const type of outcome.types) fired.types.add(type);
    for (const type of await letOnAfter(database, outcome.replaced)) fired.types.add(type);
    for (const unfired of outcome.unfired) report(log, unfired);
    return outcome.left;
  };
  try {
    const left = await fire((client) => database.run(lockDueSchedules, [BATCH], client));
    return left > 0 || rows.length === BATCH;
  } catch (error) {
    if (isConnectionLost(error)) throw error;
    if (isPartitionMissing(error)) await makePartitions(database);
  }
  const names = rows.map(({ name }) => name);
  for (const name of names) {
    try {
      await fire((client) => database.run(lockDueSchedule, [name], client));
    } catch (error) {
      if (isConnectionLost(error)) throw error;
      // What PostgreSQL refuses is the fault of this schedule alone.
      await fail(database, [{ name, error }]);
      report(log, { name, error });
    }
  }
  return names.length === BATCH;
}

/** Fires rows that are locked; the errors of those that cannot be fired are stored with them. */
async function fireLocked(
  database: Database,
  storing: Storing,
  rows: readonly ScheduleRow[],
  client: Executor,
): Promise<Outcome> {
  if (rows.length === 0) return { types: [], runs: 0, unfired: [], replaced: [], left: 0 };
  const { plans, unfired } = planAll(rows, database.config.sweepInterval);
  const jobs = await newJobs(database, plans, client);
  const replaced = await replace(database, plans, jobs, client);
  const all = [...jobs.values()].flat();
  const answers =
    all.length === 0
      ? []
      : await traceFirings(database.config, firings(jobs), (traced) =>
          storing.enqueueIn(client, traced),
        );
  const byId = new Map(all.map(({ job }, index) => [job.id, answers[index] as Enqueued]));
  const moves = plans.map((plan) => moveOf(plan, jobs.get(plan) ?? [], byId));
  await database.run(moveSchedules, [JSON.stringify(moves)], client);
  await fail(database, unfired, client);
  const left = rows.length - plans.length - unfired.length;
  const runs = answers.filter(({ created }) => created).length;
  return { types: all.map(({ job }) => job.type), runs, unfired, replaced, left };
}

/** Plans rows until its time is up, at least one; the others stay due, for the next batch. */
function planAll(
  rows: readonly ScheduleRow[],
  sweepMs: number,
): {
  readonly plans: readonly Plan[];
  readonly unfired: readonly Unfired[];
} {
  const plans: Plan[] = [];
  const unfired: Unfired[] = [];
  const until = monotonicMs() + PLAN_MS;
  for (const row of rows) {
    try {
      plans.push(planOf(row, sweepMs));
    } catch (error) {
      unfired.push({ name: row.name, error });
    }
    if (monotonicMs() > until) break;
  }
  return { plans, unfired };
}

function report(log: Log, { name, error }: Unfired): void {
  log.warn('schedule_failed', { schedule: name, error });
}

/** One run that is to be fired. */
interface Run {
  readonly atMs: number;
  readonly job: NewJob;
}

/**
 * The jobs of each plan. Where times come again, because a clock was put back or a hand moved the schedule, those that have their job already,
 * live or finished, are left out.
 */
async function newJobs(
  database: Database,
  plans: readonly Plan[],
  client: Executor,
): Promise<ReadonlyMap<Plan, readonly Run[]>> {
  const runs = new Map(
    plans.map((plan) => [
      plan,
      plan.fire.map((atMs): Run => ({ atMs, job: nominalJob(plan.row, atMs) })),
    ]),
  );
  const again = [...runs].flatMap(([{ row }, own]) =>
    own.filter(({ atMs }) => row.fired_to !== null && atMs <= row.fired_to.getTime()),
  );
  if (again.length === 0) return runs;
  const ids = again.map(({ job }) => job.id);
  const there = new Set((await database.run(findConflicts, [ids, []], client)).map(({ id }) => id));
  return new Map(
    [...runs].map(([plan, own]) => [plan, own.filter(({ job }) => !there.has(job.id))]),
  );
}

/** Cancels the runs that are live, of schedules whose new run replaces them. */
async function replace(
  database: Database,
  plans: readonly Plan[],
  jobs: ReadonlyMap<Plan, readonly Run[]>,
  client: Executor,
): Promise<readonly ChangedRow[]> {
  const keys = plans
    .filter((plan) => plan.row.overlap === 'replace' && (jobs.get(plan) ?? []).length > 0)
    .flatMap(({ row }) => keyOf(row) ?? []);
  if (keys.length === 0) return [];
  return database.run(cancelReplaced, [keys, 'schedule', 'replaced by the next run'], client);
}

/** After the commit: cancels the children of runs that were replaced, and lets on whoever waited for their slots and limits. */
export async function letOnAfter(
  database: Database,
  replaced: readonly ChangedRow[],
): Promise<ReadonlySet<string>> {
  for (const { id } of replaced) await cancelChildrenOf(database, id);
  return letOn(database, concernedBy(replaced.map(({ links }) => links)));
}

/** The jobs of each schedule, in the order of `jobs`. */
function firings(
  jobs: ReadonlyMap<Plan, readonly Run[]>,
): { readonly name: string; readonly jobs: readonly NewJob[] }[] {
  return [...jobs].map(([{ row }, runs]) => ({ name: row.name, jobs: runs.map(({ job }) => job) }));
}

/** The row that `moveSchedules` reads. */
function moveOf(
  { row, missed, replaced, nextMs, resumed }: Plan,
  runs: readonly Run[],
  answers: ReadonlyMap<string, Enqueued>,
): Record<string, unknown> {
  const fired = runs.filter(({ job }) => answers.get(job.id)?.created === true);
  const kept = runs.filter(({ job }) => answers.get(job.id)?.reason === 'key-live');
  const [last, lastKept] = [fired.at(-1), kept.at(-1)];
  return {
    name: row.name,
    next_at: new Date(nextMs),
    last_at: last && new Date(last.atMs),
    last_job_id: last?.job.id,
    fired: fired.length,
    missed,
    skipped: kept.length + replaced,
    skipped_at: lastKept && new Date(lastKept.atMs),
    resumed,
  };
}

async function fail(
  database: Database,
  unfired: readonly Unfired[],
  client?: Executor,
): Promise<void> {
  if (unfired.length === 0) return;
  const rows = unfired.map(({ name, error }) => ({
    name,
    error: {
      code: codeOf(error) === '' ? 'INTERNAL_ERROR' : codeOf(error),
      message: (error as Error).message.slice(0, 1_000),
    },
  }));
  await database.run(failSchedules, [JSON.stringify(rows)], client);
}
