/** Dispatcher: sends attempts to remote workers and writes what their answers mean. */
import type { AnyJob } from '../domain/define-job.ts';
import type { RemoteDefinition, TargetDefinition } from '../domain/define-target.ts';
import { type Arrived, type Failure, inTurn, judge, type Verdict } from '../domain/dispatch.ts';
import { StaleAttemptError } from '../domain/errors.ts';
import type { Log } from '../domain/log.ts';
import { readTrace } from '../domain/trace.ts';
import {
  acceptDispatch,
  beginDispatch,
  closeDispatch,
  lookLater,
  repeatDispatch,
} from '../sql/dispatches.ts';
import { holdTarget, noteAnswered, noteFailed, noteParked, readTargets } from '../sql/targets.ts';
import type { Database } from '../storage/database.ts';
import { persist } from '../storage/persist.ts';
import { codeOf } from '../storage/postgres-errors.ts';
import type { Attempt } from './attempt.ts';
import { type Decision, PARKED, PARKED_BEHIND } from './decide.ts';
import type { PullEnds } from './pull-ends.ts';
import type { Sendable, TargetCalls } from './target-calls.ts';

/** How long what was learnt from an answer is tried to be written; then the sweep asks again. */
const WRITE_MS = 30_000;

/** What is done next about an attempt whose answer has been judged: nothing, or the next target may have it, for this one has not got it. */
export type Next = 'done' | 'next';

/** Sends attempts of this process. */
export class Dispatcher {
  readonly calls: TargetCalls;
  #database: Database;
  #ends: PullEnds;
  #log: Log;
  /** Counts what was sent of each type, for targets that take turns. */
  #turns = new Map<string, number>();
  /** Targets that were warned of because no result can come from them. */
  #unheard = new Set<string>();
  /** Those that this process works on: what is not stored of how they are retried. */
  #definitions = new Map<string, AnyJob>();

  constructor(database: Database, calls: TargetCalls, ends: PullEnds, log: Log) {
    this.#database = database;
    this.calls = calls;
    this.#ends = ends;
    this.#log = log;
  }

  /** Knows the targets of these jobs, and those that are given besides. Throws TARGET_INVALID, or TARGET_UNKNOWN for one without a definition. */
  async define(jobs: readonly AnyJob[], besides: readonly TargetDefinition[]): Promise<void> {
    const remote = jobs.filter((job) => job.remote !== undefined);
    const known = new Set([...besides, ...remote.flatMap((job) => job.remote?.known ?? [])]);
    await this.calls.define([...known]);
    for (const { type, remote: where } of remote)
      for (const name of where?.names ?? []) this.calls.check(name, type);
    for (const job of remote) this.#definitions.set(job.type, job);
  }

  /** Sends an attempt of a worker of this process to the first of its targets that takes it, else it waits for them. */
  async dispatch(attempt: Attempt): Promise<Decision | 'dropped'> {
    try {
      return await this.#dispatch(attempt, attempt.definition.remote as RemoteDefinition);
    } catch (error) {
      if (error instanceof StaleAttemptError) return 'dropped';
      // What went wrong is not the fault of the job. What has been handed over already is looked after by the sweep; what has not goes on at the pace of
      // jobs that wait for a target, and not in a hot loop.
      this.#log.warn('dispatch_failed', { job: attempt.row.id, error });
      return attempt.handedOver ? 'dropped' : PARKED;
    }
  }

  async #dispatch(attempt: Attempt, remote: RemoteDefinition): Promise<Decision | 'dropped'> {
    const { row } = attempt;
    const turn = this.#turns.get(row.type) ?? 0;
    this.#turns.set(row.type, turn + 1);
    const targets = await this.#persist(() => this.#database.run(readTargets, [remote.names]));
    const at = { turn, attempt: row.attempt, attemptsMax: row.attempts_max };
    for (const { name } of inTurn(remote, targets, at)) {
      const begun = await this.#begin(attempt, name);
      if (begun === 'stale') return 'dropped';
      if (begun === 'taken') continue;
      if ((await this.send(name, sendableOf(attempt))) === 'done') return 'dropped';
    }
    const waitsFor = remote.names[0] as string;
    if (attempt.handedOver) {
      await this.park(waitsFor, { id: row.id, token: row.token, type: row.type }, PARKED);
      return 'dropped';
    }
    await this.#tellParked(waitsFor, row, 'its target takes none now');
    return PARKED;
  }

  /** Hands the attempt over to the row of the target before anything is sent. */
  async #begin(attempt: Attempt, name: string): Promise<'begun' | 'taken' | 'stale'> {
    const { id, token } = attempt.row;
    const digest = this.calls.digestOf(name, { id, token });
    const values = [id, token, attempt.workerId, name, digest, this.calls.patienceOf(name)];
    const [begun] = await this.#database.run(beginDispatch, values);
    if (begun?.held !== true) return 'stale';
    if (begun.worker_id === null) return 'taken';
    attempt.workerId = begun.worker_id;
    attempt.handedOver = true;
    return 'begun';
  }

  /** Sends an attempt again that the target holds and whose first sender has died. */
  async sendAgain(name: string, job: Sendable): Promise<Next> {
    const { id, token } = job;
    const values = [id, token, this.calls.digestOf(name, job), this.calls.patienceOf(name)];
    await this.#persist(() => this.#database.run(repeatDispatch, values));
    return this.send(name, job);
  }

  /** Sends an attempt that the target holds, and writes what its answer means. */
  async send(name: string, job: Sendable): Promise<Next> {
    const verdict = judge(await this.calls.send(name, job), job, false, Date.now());
    if (verdict.kind !== 'unclear' || !this.calls.isAsked(name))
      return this.conclude(name, job, verdict);
    // It may have got the job: it is asked, before anybody sends it again.
    await this.lookIn(job, this.calls.patienceOf(name));
    const asked = await this.ask(name, job);
    return this.conclude(name, job, isTold(asked) ? asked : verdict);
  }

  /** An attempt that a target holds is looked after in so many ms. */
  async lookIn({ id, token }: Pick<Sendable, 'id' | 'token'>, ms: number): Promise<void> {
    await this.#persist(() => this.#database.run(lookLater, [id, token, ms]));
  }

  /** What a target says of an attempt that it was sent; undefined when it cannot be asked. */
  async ask(name: string, fence: Pick<Sendable, 'id' | 'token'>): Promise<Verdict | undefined> {
    const answer: Arrived | undefined = await this.calls.ask(name, fence);
    return answer === undefined ? undefined : judge(answer, fence, true, Date.now());
  }

  /** Writes what an answer means, of the attempt and of the target. */
  async conclude(
    name: string,
    job: Pick<Sendable, 'id' | 'token' | 'type'>,
    verdict: Verdict,
  ): Promise<Next> {
    switch (verdict.kind) {
      case 'completed':
        await this.#answered(name);
        return this.#end(job, () => this.#ends.complete(job, verdict.result));
      case 'failed':
        await this.#answered(name);
        return this.fail(job, verdict.error, verdict.retry);
      case 'accepted':
        await this.#answered(name);
        await this.#accepted(job, verdict);
        this.#warnUnheard(name);
        return 'done';
      case 'busy':
        await this.hold(name, verdict.waitMs, verdict.failure);
        return 'next';
      case 'unreachable':
        await this.failed(name, job, verdict.failure, 'not-sent');
        return 'next';
      case 'unknown':
        return this.fail(job, LOST_BY_TARGET, true);
      case 'unclear':
        if (await this.failed(name, job, verdict.failure, 'sent'))
          return this.fail(job, verdict.failure, true);
        await this.park(name, job, PARKED_BEHIND);
        return 'done';
    }
  }

  /** Notes that a target failed an attempt, or a question about it; returns whether the fault is that of the job, which only one that was sent can have. */
  async failed(
    name: string,
    { id, token }: Pick<Sendable, 'id' | 'token'>,
    failure: Failure,
    reached: 'sent' | 'not-sent' | 'asked',
  ): Promise<boolean> {
    const values = [name, id, token, JSON.stringify(failure), reached === 'sent'];
    const [noted] = await this.#persist(() => this.#database.run(noteFailed, values));
    if (noted === undefined || noted.charged) return noted?.charged ?? false;
    const { before, after, failures } = noted;
    const facts = { target: name, job: id, failures, ...failure };
    if (before !== 'down' && after === 'down') this.#log.error('target_down', facts);
    else this.#log.warn('target_failed', facts);
    return false;
  }

  /** Puts an attempt that a target holds before the gate at which jobs wait for targets; it is not charged. */
  async park(
    name: string,
    job: Pick<Sendable, 'id' | 'token' | 'type'>,
    decision: typeof PARKED,
  ): Promise<void> {
    const isParked = await this.#persist(() => this.#ends.park(job, decision));
    await this.#database.run(closeDispatch, [job.id, job.token]);
    if (isParked) await this.#tellParked(name, job, 'its target failed');
  }

  async #tellParked(
    target: string,
    { id, type }: Pick<Sendable, 'id' | 'type'>,
    reason: string,
  ): Promise<void> {
    await this.#database.run(noteParked, [id, target, reason]);
    this.#log.info('parked', { job: id, type, target });
  }

  async #answered(name: string): Promise<void> {
    const [noted] = await this.#persist(() => this.#database.run(noteAnswered, [name]));
    if (noted?.before === 'half-open') this.#log.info('target_up', { target: name });
  }

  /** Sends a target nothing for as long as it asks for. */
  async hold(name: string, waitMs: number, failure: Failure): Promise<void> {
    const values = [name, Math.round(waitMs), JSON.stringify(failure)];
    const [held] = await this.#persist(() => this.#database.run(holdTarget, values));
    if (held?.before === 'half-open') this.#log.info('target_up', { target: name });
    this.#log.info('target_busy', { target: name, wait_ms: Math.round(waitMs) });
  }

  async #accepted(
    job: Pick<Sendable, 'id' | 'token'>,
    { progress, note }: Extract<Verdict, { readonly kind: 'accepted' }>,
  ): Promise<void> {
    await this.#persist(() => this.#database.run(acceptDispatch, [job.id, job.token]));
    if (progress !== undefined) await this.#ends.beat(job, { fraction: within(progress), note });
  }

  /** What it has accepted and can neither tell nor be asked of ends as silent, every time: said once. */
  #warnUnheard(name: string): void {
    if (this.calls.isHeard(name) || this.#unheard.has(name)) return;
    this.#unheard.add(name);
    const message =
      'It answered 202, and cannot tell the result: set UNSTUCK_PUBLIC_URL (publicUrl) where it is sent from, or give the target a status URL.';
    this.#log.warn('target_unheard', { target: name, message });
  }

  /** Ends an attempt that a target holds as failed; retried as its type says, unless `retry` is false. */
  fail(
    job: Pick<Sendable, 'id' | 'token'>,
    error: Extract<Verdict, { readonly kind: 'failed' }>['error'],
    retry: boolean,
  ): Promise<Next> {
    return this.#end(job, () => this.#ends.fail(job, { error, retry }, this.#definitions));
  }

  /** Whoever has ended it meanwhile was first. */
  async #end(job: Pick<Sendable, 'id' | 'token'>, end: () => Promise<unknown>): Promise<Next> {
    try {
      await this.#persist(end);
    } catch (error) {
      if (codeOf(error) !== 'STALE_ATTEMPT' && codeOf(error) !== 'JOB_NOT_FOUND') throw error;
    }
    await this.#database.run(closeDispatch, [job.id, job.token]);
    return 'done';
  }

  #persist<T>(work: () => Promise<T>): Promise<T> {
    return persist(work, WRITE_MS);
  }
}

/** What a target says that is more than not to have answered. */
type Told = Extract<Verdict, { readonly kind: 'completed' | 'failed' | 'accepted' }>;

/** Whether a target has said of an attempt that it knows it. */
export function isTold(verdict: Verdict | undefined): verdict is Told {
  return verdict !== undefined && ['completed', 'failed', 'accepted'].includes(verdict.kind);
}

const LOST_BY_TARGET = {
  code: 'TARGET_LOST_JOB',
  message: 'The target accepted the job and does not know it any more.',
};

/** An attempt in the form in which it is sent. */
function sendableOf({ row, trace }: Attempt): Sendable {
  return {
    id: row.id,
    token: row.token,
    type: row.type,
    attempt: row.attempt,
    attemptsMax: row.attempts_max,
    input: row.input,
    traceparent: trace?.carrier.traceparent ?? readTrace(row.trace).traceparent,
  };
}

function within(progress: number): number {
  return Math.min(1, Math.max(0, progress));
}
