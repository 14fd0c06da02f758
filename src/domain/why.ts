/** Why: where a job stands on its way, what has let it pass, what it waits for, who holds that, and what happens next. */
import { ERRORS, type ErrorCode } from './errors.ts';
import { explain } from './explain.ts';
import type { Job } from './job.ts';
import { checksOf, pausedInWords, some } from './why-checks.ts';
import type { Holder, Surroundings, Why } from './why-facts.ts';

/** Explains a job; `around` is null for a finished one. */
export function whyOf(job: Job, around: Surroundings | null): Why {
  const { id, type, state, late } = job;
  const next = { event: job.next, at: job.deadline };
  if (around === null)
    return {
      id,
      type,
      state,
      late,
      ...whyEnded(job),
      next,
      checks: [],
      finding: null,
      sweepErrors: [],
    };
  const { finding, sweepErrors } = around;
  const checks = checksOf(job, around);
  return { id, type, state, late, ...whyLive(job, around), next, checks, finding, sweepErrors };
}

/** In words: why, and who acts. */
type InWords = Pick<Why, 'reason' | 'action'>;

function whyEnded({ state, error, reason, finishedAt }: Job): InWords {
  const at = finishedAt?.toISOString() ?? 'some time';
  const because = reason === null ? '' : `: ${reason}`;
  if (state !== 'failed' || error === null)
    return { reason: `${state} at ${at}${because}`, action: 'nothing: it is finished' };
  const known = Object.hasOwn(ERRORS, error.code) ? ERRORS[error.code as ErrorCode].fix : undefined;
  return {
    reason: `failed at ${at} with ${error.code}: ${error.message}`,
    action: known ?? 'read the error, then retry the job: unstuck job retry',
  };
}

function whyLive(job: Job, around: Surroundings): InWords {
  if (job.state === 'running') return whyRunning(job, around);
  const late = { workers: 0, slots: 0, busy: 0, detail: null };
  switch (job.waitsFor) {
    case 'worker':
      return whyQueued(job, around);
    case 'slot':
      return explain({
        ...late,
        kind: 'slot',
        subject: job.pool ?? '',
        slots: around.pool?.capacity ?? -1,
        busy: around.pool?.inUse ?? 0,
        detail: inWords(around.pool?.holder),
      });
    case 'limit':
      return explain({
        ...late,
        kind: 'limit',
        subject: job.limitKey ?? '',
        slots: around.limit?.running ?? -1,
        busy: around.limit?.inUse ?? 0,
        detail: inWords(around.limit?.holder),
      });
    case 'target':
      return explain({
        ...late,
        kind: 'target',
        subject: around.target?.name ?? '',
        detail: around.target?.detail ?? null,
      });
    case 'executions':
      return whyParent(around);
    case 'hold':
      return {
        reason: 'somebody stored it to be released by hand',
        action: 'somebody releases it (unstuck job release) or cancels it',
      };
    case 'admit':
      return whyAdmitted(job, around);
    default:
      return whyTimed(job);
  }
}

function whyRunning({ attempt, startedAt }: Job, { worker }: Surroundings): InWords {
  if (worker === null)
    return {
      reason: 'it is marked as running, but there is no such worker',
      action: 'the sweep takes it back',
    };
  const where = `worker ${worker.name} (${worker.host}, process ${worker.pid})`;
  if (worker.leaseOver || !['live', 'stopping'].includes(worker.state))
    return {
      reason: `it was running on ${where}, which is ${worker.leaseOver ? 'silent' : worker.state}`,
      action: 'the sweep takes it back, and it runs again',
    };
  return {
    reason: `attempt ${attempt} has been running on ${where} since ${startedAt?.toISOString()}`,
    action: 'nothing: the worker ends it, or its deadline does',
  };
}

function whyQueued({ type }: Job, { fleet, pause, queuedBefore }: Surroundings): InWords {
  const detail = pause === null ? null : pausedInWords(pause);
  const why = explain({ kind: 'queued', subject: type, ...fleet, detail });
  if (pause !== null || fleet.workers === 0 || queuedBefore === 0) return why;
  return {
    reason: `${why.reason}; ${some(queuedBefore)} of its type are before it`,
    action: why.action,
  };
}

function whyParent({ executions }: Surroundings): InWords {
  if (executions === null)
    return { reason: 'its executions are planned by its next attempt', action: 'a worker goes on' };
  const { expected, ended, live } = executions;
  const missing = Math.max(0, expected - ended - live);
  const more = missing === 0 ? '' : `, ${missing} are missing and are created again`;
  return {
    reason: `${ended} of its ${expected} executions have ended, ${live} are live${more}`,
    action: 'it goes on when all have ended: unstuck job executions shows them',
  };
}

function whyAdmitted({ type }: Job, { queue }: Surroundings): InWords {
  if (queue !== null)
    return { reason: 'it was inserted by hand just now', action: 'the sweep lets it in' };
  return {
    reason: `it was inserted by hand, and nobody has ever defined the type "${type}"`,
    action: `start a worker that handles "${type}", or correct the type`,
  };
}

function whyTimed({ waitsFor, deadline, attempt, attemptsMax, error }: Job): InWords {
  const at = deadline?.toISOString() ?? 'its time';
  if (waitsFor !== 'retry') return { reason: `it is for ${at}`, action: 'nothing: its time comes' };
  const failure = error === null ? 'was put off' : `ended with ${error.code}: ${error.message}`;
  return {
    reason: `attempt ${attempt} of ${attemptsMax} ${failure}; the next is at ${at}`,
    action: 'nothing: it is tried again by itself',
  };
}

function inWords(holder: Holder | null | undefined): string | null {
  if (holder === null || holder === undefined) return null;
  return `${holder.type} ${holder.id}, live since ${holder.since.toISOString()}`;
}
