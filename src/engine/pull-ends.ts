/** Pull ends: writes what workers say over HTTP of their attempts. Each call is fenced by the token alone, may be repeated, and may arrive at any process. */
import type { AnyJob } from '../domain/define-job.ts';
import { unstuckError } from '../domain/errors.ts';
import type { Log } from '../domain/log.ts';
import type { Meter } from '../domain/meter.ts';
import { Fail, RetryAfter } from '../domain/outcome.ts';
import { toStorableText } from '../domain/payload.ts';
import type { PullBeat, PulledFence, PullFailure, PullStop } from '../domain/pull.ts';
import { parseRetry } from '../domain/retry-policy.ts';
import { beatPulled, type FormerRow, findFormer, findPulled, type PulledRow } from '../sql/pull.ts';
import { deferJobs, finishJobs, finishLinked, noteProgress, recordStale } from '../sql/settle.ts';
import type { Database } from '../storage/database.ts';
import { concernedBy } from '../storage/links.ts';
import { makePartitions } from '../storage/partitions.ts';
import { isPartitionMissing } from '../storage/postgres-errors.ts';
import { type Decision, type Defer, onReturn, onThrow, type Policy, RELEASED } from './decide.ts';
import { LettingOn } from './letting-on.ts';
import { deferRow, endColumns } from './settle-rows.ts';

/** Where a job is after the end of an attempt was accepted. */
export type PulledState = 'completed' | 'failed' | 'cancelled' | 'pending' | 'queued';

/** Who hears of attempts that have ended. */
export interface PullEndsHooks {
  /** Jobs of these types are ready, because what they waited for has ended. */
  ready(types: ReadonlySet<string>): void;
  /** A job has ended. */
  ended(id: string): void;
}

/** Characters that are kept of a note of progress. */
const NOTE_MAX = 500;

/** Says of an attempt that was refused whether the same had been accepted before. */
type Repeated = (former: FormerRow) => PulledState | undefined;

/** Writes ends, progress and heartbeats of attempts that pull workers hold. */
export class PullEnds {
  #database: Database;
  #log: Log;
  #hooks: PullEndsHooks;
  #meter: Meter;
  #lettingOn: LettingOn;

  constructor(database: Database, log: Log, hooks: PullEndsHooks, meter: Meter) {
    this.#meter = meter;
    this.#database = database;
    this.#log = log;
    this.#hooks = hooks;
    this.#lettingOn = new LettingOn(database, log, (types) => hooks.ready(types));
  }

  /** Renews the lease of the worker, and says whether the attempt is still its own; of a note at most 500 characters are kept. Throws JOB_NOT_FOUND. */
  async beat(
    fence: PulledFence,
    progress?: { readonly fraction: number; readonly note: string | undefined },
  ): Promise<PullBeat> {
    const [row] = await this.#database.run(beatPulled, [fence.id, fence.token]);
    if (row === undefined) {
      const former = await this.#former(fence);
      return { continue: false, reason: reasonOf(former), expiresAt: null };
    }
    if (progress !== undefined) {
      const { fraction, note } = progress;
      const kept = note === undefined ? note : toStorableText(note.slice(0, NOTE_MAX));
      const list = [{ ...fence, progress: fraction, note: kept }];
      await this.#database.run(noteProgress, [row.worker_id, JSON.stringify(list)]);
    }
    if (row.timed_out) return { continue: false, reason: 'timed-out', expiresAt: row.expires_at };
    return { continue: true, reason: null, expiresAt: row.expires_at };
  }

  /** The handler returned; a result that cannot be stored fails the job, as it does in every worker. Throws STALE_ATTEMPT or JOB_NOT_FOUND. */
  complete(fence: PulledFence, result: unknown): Promise<PulledState> {
    const { resultBytesMax: bytesMax, depthMax } = this.#database.config;
    const decision = onReturn(result ?? null, { bytesMax, depthMax });
    return this.#end(
      fence,
      () => decision,
      ({ done, state }) => (done && state === decision.state ? decision.state : undefined),
    );
  }

  /** The handler failed: retried as its type says (by `definitions`, else by what is stored of it). Throws STALE_ATTEMPT or JOB_NOT_FOUND. */
  fail(
    fence: PulledFence,
    failure: PullFailure,
    definitions: ReadonlyMap<string, AnyJob>,
  ): Promise<PulledState> {
    const thrown = thrownOf(failure);
    return this.#end(
      fence,
      (row) =>
        onThrow(thrown, definitions.get(row.type) ?? policyOf(row), countsOf(row), Math.random()),
      ({ done, state, outcomes }) => {
        if (done) return state === 'failed' ? 'failed' : undefined;
        return outcomes.includes('failed') ? 'pending' : undefined;
      },
    );
  }

  /** The worker must stop: the job goes back uncharged. Throws STALE_ATTEMPT or JOB_NOT_FOUND. */
  release(fence: PulledFence): Promise<PulledState> {
    return this.#end(
      fence,
      () => RELEASED,
      ({ outcomes }) => (outcomes.includes('released') ? 'queued' : undefined),
    );
  }

  /** None of its targets takes the job now: it waits for them, uncharged. False when whoever it was has ended the attempt before. */
  async park(fence: PulledFence, decision: Defer): Promise<boolean> {
    const [row] = await this.#database.run(findPulled, [fence.id, fence.token]);
    if (row === undefined || !(await this.#write(fence, row, decision))) return false;
    this.#accepted(fence, row, decision);
    return true;
  }

  /** Resolves when nobody is left to be let on. */
  drain(): Promise<void> {
    return this.#lettingOn.drain();
  }

  /** A refused end may be the repeat of one whose answer was lost: it is answered as that was. Else it is stale, and recorded once. */
  async #end(
    fence: PulledFence,
    decide: (row: PulledRow) => Decision,
    repeated: Repeated,
  ): Promise<PulledState> {
    const [row] = await this.#database.run(findPulled, [fence.id, fence.token]);
    if (row !== undefined) {
      const decision = decide(row);
      if (await this.#write(fence, row, decision)) return this.#accepted(fence, row, decision);
    }
    const former = await this.#former(fence);
    const state = repeated(former);
    if (state !== undefined) return state;
    await this.#recordStale(fence, former);
    throw unstuckError(
      'STALE_ATTEMPT',
      `Job ${fence.id} is no longer held by attempt token ${fence.token}: ${STOPS[reasonOf(former)]}. What was sent of it is refused.`,
      { detail: { ...fence, reason: reasonOf(former) } },
    );
  }

  async #write(fence: PulledFence, row: PulledRow, decision: Decision): Promise<boolean> {
    const refused =
      decision.kind === 'defer'
        ? await this.#run(deferJobs, [row.worker_id, JSON.stringify([deferRow(fence, decision)])])
        : await this.#run(row.links === null ? finishJobs : finishLinked, [
            row.worker_id,
            ...endColumns([{ ...fence, ...decision }]),
          ]);
    return refused.length === 0;
  }

  async #run(
    statement: typeof finishJobs,
    values: readonly unknown[],
  ): Promise<readonly { id: string }[]> {
    try {
      return await this.#database.run(statement, values);
    } catch (error) {
      if (!isPartitionMissing(error)) throw error;
      await makePartitions(this.#database);
      return this.#database.run(statement, values);
    }
  }

  #accepted({ id }: PulledFence, row: PulledRow, decision: Decision): PulledState {
    const { type, attempt, links } = row;
    const { error, outcome } = decision;
    if (error !== undefined) {
      const { code, message } = error;
      this.#log.warn('attempt_failed', { job: id, type, attempt, outcome, code, error: message });
    }
    const isEnd = decision.kind === 'finish';
    this.#meter.ended(type, outcome ?? 'completed', isEnd ? decision.state : undefined);
    const { parents, pools, limitKeys } = concernedBy([links]);
    if (decision.kind === 'finish') {
      this.#lettingOn.add({ parents, pools, limitKeys });
      this.#hooks.ended(id);
      return decision.state;
    }
    // A job that goes back into the queue keeps its place and its slot.
    if (decision.gate === null) this.#hooks.ready(new Set([type]));
    else this.#lettingOn.add({ ...concernedBy([]), limitKeys });
    return decision.gate === null ? 'queued' : 'pending';
  }

  async #former({ id, token }: PulledFence): Promise<FormerRow> {
    const [former] = await this.#database.run(findFormer, [id, token]);
    if (former?.known === true) return former;
    throw unstuckError(
      'JOB_NOT_FOUND',
      `There is no job ${id}. It never existed, or its retention has ended.`,
      { detail: { id } },
    );
  }

  /** Only of attempts that there were: a worker that makes tokens up fills no history. */
  async #recordStale(
    { id, token }: PulledFence,
    { type, attempt, worker_id, outcomes }: FormerRow,
  ): Promise<void> {
    if (type === null || outcomes.includes('stale')) return;
    this.#log.warn('late_result_refused', { job: id, token });
    const list = JSON.stringify([{ id, type, token, attempt }]);
    await this.#database
      .run(recordStale, [worker_id, list])
      .catch((error: unknown) => this.#log.warn('late_result_not_recorded', { error }));
  }
}

const STOPS: Readonly<Record<PullStop, string>> = {
  cancelled: 'the job was cancelled',
  'timed-out': 'it ran longer than its timeout',
  lost: 'its worker was silent for a lease, or it was taken from it',
  ended: 'it has ended',
};

function reasonOf({ done, state, outcomes }: FormerRow): PullStop {
  if (done) return 'ended';
  if (state === 'cancelled') return 'cancelled';
  if (outcomes.includes('timed-out')) return 'timed-out';
  return outcomes.includes('failed') || outcomes.includes('released') ? 'ended' : 'lost';
}

/** What a handler of this process would have thrown, so that it is judged and stored in the same way. */
function thrownOf({ error, retry = true, retryAfter }: PullFailure): Error {
  const { message, code, name = 'Error', stack } = error;
  let thrown = new Error(message);
  if (retryAfter !== undefined) thrown = new RetryAfter(retryAfter, message);
  if (!retry) thrown = new Fail(message);
  return Object.assign(thrown, { name, code, stack });
}

/** How a type is retried of which this process has no definition: what is not stored of it is as if it were not set. */
function policyOf({ type, attempts_max, backoff_base_ms, backoff_max_ms }: PulledRow): Policy {
  const stored =
    backoff_base_ms === null || backoff_max_ms === null
      ? {}
      : { base: Number(backoff_base_ms), max: Number(backoff_max_ms) };
  const retry = parseRetry({ attempts: attempts_max, ...stored }, `job type ${type}`);
  return { retry, providers: undefined, snoozesMax: 0 };
}

function countsOf({ attempt, attempts_max, snoozes }: PulledRow): Parameters<typeof onThrow>[2] {
  return { attempt, attemptsMax: attempts_max, snoozes };
}
