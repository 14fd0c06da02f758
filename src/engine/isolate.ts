/** Isolate: runs a handler in a child process of its own, which can be killed for real. */
import type { ChildProcess } from 'node:child_process';
import type { RunningJob } from '../domain/define-job.ts';
import { StaleAttemptError, unstuckError } from '../domain/errors.ts';
import { Cancel, Fail, RetryAfter, Snooze } from '../domain/outcome.ts';
import { late } from '../std/late.ts';
import { after, type Timer } from '../std/timer.ts';
import type { Database } from '../storage/database.ts';
import type { Attempt } from './attempt.ts';
import { killGroup } from './isolate-group.ts';
import type { Answer, FromChild, ThrownInChild, ToChild } from './isolate-messages.ts';

/** How long a child that has answered may take to go; then it is killed. */
const GO_WITHIN_MS = 1_000;
/** The child is killed a little before the worker would leave its handler behind. */
const PART_OF_GRACE = 0.9;

/**
 * Runs one attempt in a child process; resolves with its result, or rejects with what its handler threw or how it died
 * (ISOLATE_DIED). Settles when the child is gone, and with it every process that it started and that stayed in its group.
 */
export function runIsolated(
  database: Database,
  attempt: Attempt,
  job: RunningJob,
): Promise<unknown> {
  // A group of its own: a Ctrl-C in the terminal reaches the worker, which drains, and not the handlers.
  const child = late.childProcess.fork(childUrl(), {
    execArgv: childArguments(process.execArgv),
    serialization: 'json',
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    detached: true,
  });
  return new Promise((resolve, reject) => {
    let answer: Answer | undefined;
    const stop = new AbortController();
    const end = (death: Error): void => {
      stop.abort();
      if (child.pid !== undefined) killGroup(child.pid);
      attempt.settled = answer?.kind === 'settled';
      if (answer === undefined) reject(death);
      else if (answer.kind === 'threw') reject(revive(answer.thrown, attempt));
      else resolve(answer.kind === 'returned' ? answer.result : undefined);
    };
    child.on('message', (message: FromChild) => {
      if (message.kind === 'progress') job.progress(message.fraction, message.note);
      else if (message.kind === 'log') job.log[message.level](message.event, message.facts);
      else if (answer === undefined) {
        answer = message;
        letGo(child, stop.signal);
      }
    });
    child.on('error', (cause) => end(unstarted(job.id, cause)));
    child.on('exit', (code, signal) => end(died(job.id, signal ?? `exit code ${code}`)));
    tell(child, startMessage(database, attempt, job));
    tellHeartbeats(child, job, database.config.lease / 5, stop.signal);
    killWhenAborted(child, attempt.signal, database.config.abortGrace, stop.signal);
  });
}

function startMessage(database: Database, attempt: Attempt, job: RunningJob): ToChild {
  const { id, type, attempt: number, attemptsMax, crashes, provider, token, heartbeat } = job;
  const { links } = attempt.row;
  return {
    kind: 'start',
    module: attempt.definition.module as string,
    url: database.url,
    config: database.config,
    pooled: database.pooled,
    workerId: attempt.workerId,
    heartbeat: { ...heartbeat },
    trace: attempt.trace?.carrier,
    job: {
      id,
      type,
      attempt: number,
      attemptsMax,
      crashes,
      provider,
      token,
      input: job.input,
      links,
    },
  };
}

/** A child that cannot be told anything is dying: its `exit` says so. */
function tell(child: ChildProcess, message: ToChild): void {
  if (child.connected) child.send(message, () => undefined);
}

function letGo(child: ChildProcess, stop: AbortSignal): void {
  if (child.connected) child.disconnect();
  const timer = after(GO_WITHIN_MS, () => child.kill('SIGKILL'));
  stop.addEventListener('abort', () => timer.clear(), { once: true });
}

function tellHeartbeats(
  child: ChildProcess,
  job: RunningJob,
  everyMs: number,
  stop: AbortSignal,
): void {
  const timer = setInterval(
    () => tell(child, { kind: 'heartbeat', heartbeat: { ...job.heartbeat } }),
    everyMs,
  );
  timer.unref();
  stop.addEventListener('abort', () => clearInterval(timer), { once: true });
}

/** The handler is asked first; shortly before its grace ends the process is killed, so that nothing is left behind. */
function killWhenAborted(
  child: ChildProcess,
  signal: AbortSignal,
  graceMs: number,
  stop: AbortSignal,
): void {
  let timer: Timer | undefined;
  const onAbort = (): void => {
    const { name, message, code } = signal.reason as Error & { code?: unknown };
    tell(child, {
      kind: 'abort',
      name,
      message,
      code: typeof code === 'string' ? code : undefined,
    });
    timer = after(graceMs * PART_OF_GRACE, () => child.kill('SIGKILL'));
  };
  stop.addEventListener('abort', () => timer?.clear(), { once: true });
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true, signal: stop });
}

/** Makes the error that the handler threw on the other side, so that it is decided on as if it had been thrown here. */
function revive(thrown: ThrownInChild, attempt: Attempt): unknown {
  const error = reviveKind(thrown, attempt);
  if (thrown.stack !== undefined) error.stack = thrown.stack;
  return error;
}

function reviveKind(thrown: ThrownInChild, attempt: Attempt): Error {
  switch (thrown.kind) {
    case 'Fail':
      return new Fail(thrown.message, thrown.code === undefined ? {} : { code: thrown.code });
    case 'Snooze':
      return new Snooze(thrown.delay ?? 0, thrown.message);
    case 'RetryAfter':
      return new RetryAfter(thrown.delay ?? 0, thrown.message);
    case 'Cancel':
      return new Cancel(thrown.message);
    case 'Stale':
      return new StaleAttemptError(attempt.row.id, attempt.row.token);
    case 'Error':
      return Object.assign(new Error(thrown.message), { name: thrown.name, code: thrown.code });
  }
}

function died(id: string, how: string): Error {
  return unstuckError(
    'ISOLATE_DIED',
    `The child process of job ${id} ended before it answered (${how}).`,
  );
}

function unstarted(id: string, cause: Error): Error {
  return unstuckError(
    'ISOLATE_DIED',
    `The child process of job ${id} could not be started: ${cause.message}. Check memory and process limits.`,
    { cause },
  );
}

function childUrl(): URL {
  const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
  return new URL(`./isolate-process${extension}`, import.meta.url);
}

/** Options of Node that make sense for one process only; `--eval` and `--print` have a value beside them. */
const OWN_ONLY = /^(?:-[epi]|--(?:eval|print|interactive|check|inspect|watch|test|input-type)\b)/;
const WITH_VALUE = /^(?:-[ep]|--(?:eval|print|input-type))$/;

/** A child runs under the loaders and limits of its worker; from source it resolves `unstuck` to the source too. */
function childArguments(own: readonly string[]): string[] {
  const kept = own.filter(
    (argument, index) => !OWN_ONLY.test(argument) && !WITH_VALUE.test(own[index - 1] ?? ''),
  );
  return import.meta.url.endsWith('.ts') ? [...kept, '--conditions=unstuck-source'] : kept;
}
