/** Fan-out: one attempt of a job whose work is done by executions: plans them, creates those that are missing, and ends when enough have ended. */
import type { Execution, FanOutResult } from '../domain/define-fan-out.ts';
import type { ExecutionsDefinition, RunningJob } from '../domain/define-job.ts';
import { StaleAttemptError, UnstuckError } from '../domain/errors.ts';
import { type Axes, axesOf, cellOf, countOf, isSuccess } from '../domain/executions.ts';
import { JobIds } from '../domain/job-id.ts';
import { checkInput, checkJob } from '../domain/new-job.ts';
import { Fail } from '../domain/outcome.ts';
import {
  countExecutions,
  findMissing,
  type PlanRow,
  readEnded,
  readPlan,
  storePlan,
} from '../sql/executions.ts';
import type { Database } from '../storage/database.ts';
import { cancelChildrenOf, concernedBy, letOn } from '../storage/links.ts';
import { persist } from '../storage/persist.ts';
import { readError } from '../storage/rows.ts';
import type { Attempt } from './attempt.ts';
import { AWAITS_EXECUTIONS } from './decide.ts';
import { answerOf, type LinkedJob, sendLinked } from './linked-jobs.ts';
import { readyPayload } from './notifier.ts';
import { traceSend } from './send-trace.ts';

/** How many executions are created in one transaction: a crash loses none, and the next attempt creates the rest (M7). */
const CHUNK = 500;
const READ_MAX = 5_000;
const NAMED_MAX = 5;
const PERSIST_MS = 15_000;

/** Runs one attempt; answers with the result of the job, or with AWAITS_EXECUTIONS. */
export async function runFanOut(
  database: Database,
  attempt: Attempt,
  job: RunningJob,
): Promise<unknown> {
  const fanOut = new FanOut(database, attempt, job);
  return fanOut.run();
}

class FanOut {
  #database: Database;
  #attempt: Attempt;
  #job: RunningJob;
  #ids = new JobIds();

  constructor(database: Database, attempt: Attempt, job: RunningJob) {
    this.#database = database;
    this.#attempt = attempt;
    this.#job = job;
  }

  async run(): Promise<unknown> {
    const plan = await this.#plan();
    if (plan.over) await cancelChildrenOf(this.#database, this.#job.id);
    else await this.#createMissing(plan);
    const counts = await this.#count();
    if ((counts.get('live') ?? 0) > 0) return AWAITS_EXECUTIONS;
    const executions = await this.#readEnded(plan.axes as Axes);
    const completed = counts.get('completed') ?? 0;
    if (!isSuccess(plan.success, plan.expected, completed))
      throw tooFew(plan, completed, executions);
    if (this.#executions.combines)
      return this.#attempt.definition.run(withExecutions(this.#job, executions) as never);
    return summary(plan.expected, executions, this.#database.config.resultBytesMax);
  }

  get #executions(): ExecutionsDefinition {
    return this.#attempt.definition.executions as ExecutionsDefinition;
  }

  /** The plan of the first attempt stays, whatever a newer version would plan. */
  async #plan(): Promise<PlanRow> {
    const { id, input, token } = this.#job;
    const [known] = await this.#ask(() => this.#database.run(readPlan, [id]));
    if (known !== undefined) return known;
    const { of, plan, share, finishWithinMs } = this.#executions;
    const where = `job type ${this.#job.type}`;
    const axes = axesOf(plan(input as never), where);
    const settings = [of.type, JSON.stringify(axes), countOf(axes), share, finishWithinMs];
    const [stored] = await this.#ask(() =>
      this.#database.run(storePlan, [id, this.#attempt.workerId, token, ...settings]),
    );
    if (stored === undefined) throw new StaleAttemptError(id, token);
    return stored;
  }

  async #createMissing(plan: PlanRow): Promise<void> {
    for (;;) {
      this.#job.signal.throwIfAborted();
      const rows = await this.#ask(() => this.#database.run(findMissing, [this.#job.id, CHUNK]));
      if (rows.length === 0) return;
      const children = await Promise.all(rows.map(({ ordinal }) => this.#child(plan, ordinal)));
      const { config } = this.#database;
      await traceSend(config, children, (traced) => this.#ask(() => this.#store(traced)));
    }
  }

  async #child(plan: PlanRow, ordinal: number): Promise<LinkedJob> {
    const { of, input } = this.#executions;
    const cell = cellOf(plan.axes as Axes, ordinal);
    const given = input(cell as never, this.#job.input as never);
    const now = Date.now();
    const options = { priority: 0 - this.#attempt.row.rank };
    const checked = checkJob(of.type, of, given, options, this.#database.config, now);
    await checkInput(of, given);
    const id = this.#ids.next(now);
    return { ...checked, whenFull: 'wait', id, size: 0, ordinal };
  }

  /** Safe to repeat: an execution that is live or has ended is not stored again. */
  async #store(children: readonly LinkedJob[]): Promise<void> {
    const { id, token } = this.#job;
    const parent = { id, workerId: this.#attempt.workerId, token };
    const payload = this.#database.config.notify
      ? readyPayload(children.map((child) => child.type))
      : null;
    const rows = await sendLinked(this.#database, children, { parent, payload, patience: null });
    if (rows.some((row) => row.answer === 'stale')) throw new StaleAttemptError(id, token);
    const refused = rows.map(answerOf).find((answer) => answer instanceof UnstuckError);
    if (refused !== undefined) throw new Fail(refused.message, { code: refused.code });
    const limitKeys = new Set(children.flatMap((child) => child.limitKey ?? []));
    await letOn(this.#database, { ...concernedBy([]), limitKeys });
  }

  async #count(): Promise<Map<string, number>> {
    const rows = await this.#ask(() => this.#database.run(countExecutions, [this.#job.id]));
    return new Map(rows.map(({ state, count }) => [state, count]));
  }

  async #readEnded(axes: Axes): Promise<Execution[]> {
    const all: Execution[] = [];
    for (;;) {
      const behind = all.at(-1)?.ordinal ?? -1;
      const rows = await this.#ask(() =>
        this.#database.run(readEnded, [this.#job.id, behind, READ_MAX]),
      );
      for (const { ordinal, child_id, state, result, error } of rows)
        all.push({
          ordinal,
          cell: cellOf(axes, ordinal),
          state,
          result,
          error: error === null ? null : readError(error),
          childId: child_id,
        });
      if (rows.length < READ_MAX) return all;
    }
  }

  #ask<T>(work: () => Promise<T>): Promise<T> {
    return persist(work, PERSIST_MS);
  }
}

/** Not copied: what few handlers ask for (a signal, a log) is made when they do. */
function withExecutions(job: RunningJob, executions: readonly Execution[]): RunningJob {
  return Object.create(job, { executions: { value: executions, enumerable: true } }) as RunningJob;
}

function summary(
  expected: number,
  executions: readonly Execution[],
  bytesMax: number,
): FanOutResult {
  const count = (state: Execution['state']): number =>
    executions.filter((execution) => execution.state === state).length;
  const results: unknown[] = Array.from({ length: expected }, () => null);
  for (const { ordinal, result } of executions) results[ordinal] = result;
  const counts = {
    expected,
    completed: count('completed'),
    failed: count('failed'),
    cancelled: count('cancelled'),
    success_rate: expected === 0 ? 1 : count('completed') / expected,
  };
  const fits = JSON.stringify(results).length + 500 < bytesMax;
  return { ...counts, results: fits ? results : null };
}

function tooFew(plan: PlanRow, completed: number, executions: readonly Execution[]): Fail {
  const wanted = plan.success === 0 ? 'any' : `${Math.round(plan.success * 1000) / 10} %`;
  const failed = executions.filter((execution) => execution.state !== 'completed');
  const named = failed
    .slice(0, NAMED_MAX)
    .map(({ cell, error, state }) => `${JSON.stringify(cell)}: ${error?.message ?? state}`);
  const more = failed.length > NAMED_MAX ? ` and ${failed.length - NAMED_MAX} more` : '';
  return new Fail(
    `${completed} of ${plan.expected} executions completed, ${wanted} were wanted. ${named.join('; ')}${more}`,
    { code: 'EXECUTIONS_FAILED' },
  );
}
