/** The child process of an isolated job: imports the module, runs the handler once, answers, and exits. */
import { Worker } from 'node:worker_threads';
import type { AnyJob, RunningJob } from '../domain/define-job.ts';
import { StaleAttemptError, unstuckError } from '../domain/errors.ts';
import { findDefinitions } from '../domain/find-definitions.ts';
import type { Log, LogFacts } from '../domain/log.ts';
import { parseInput } from '../domain/new-job.ts';
import { Cancel, Fail, RetryAfter, Snooze, toJobError } from '../domain/outcome.ts';
import { encodePayload, type PayloadLimits } from '../domain/payload.ts';
import { monotonicMs } from '../std/timer.ts';
import { Database } from '../storage/database.ts';
import { killGroup } from './isolate-group.ts';
import type { Answer, FromChild, Heartbeat, ThrownInChild, ToChild } from './isolate-messages.ts';
import { underRemote } from './tracing.ts';
import { completeInTransaction } from './transaction.ts';

type Start = Extract<ToChild, { kind: 'start' }>;

const abort = new AbortController();
let lease: Heartbeat & { readonly heardAt: number };
let settled = false;
let answered = false;

watchParent();
process.on('message', (message: ToChild) => {
  if (message.kind === 'abort') abort.abort(Object.assign(new Error(message.message), message));
  else {
    lease = { ...message.heartbeat, heardAt: monotonicMs() };
    if (message.kind === 'start') void main(message);
  }
});
// Either the worker has its answer, or it is gone and nobody waits for this process and what it started.
process.on('disconnect', () => (answered ? process.exit(0) : killGroup(process.pid)));
// A promise that nobody awaited, or an error in a timer: it ends this attempt.
process.on('uncaughtException', (error) => answer(threw(error)));

async function main(start: Start): Promise<void> {
  try {
    const definition = await findDefinition(start);
    const job = (await runningJob(start, definition)) as never;
    const result = await underRemote(start.config, start.trace, () => definition.run(job));
    answer(returned(result ?? null, limitsOf(start)));
  } catch (thrown) {
    answer(threw(thrown));
  }
}

/** Once the end was written in the handler's own transaction, nothing that follows changes it. */
function answer(message: Answer): void {
  if (answered) return;
  answered = true;
  tell(settled ? { kind: 'settled' } : message);
}

async function findDefinition(start: Start): Promise<AnyJob> {
  const { type } = start.job;
  const exported = await import(start.module).catch((cause: unknown) => {
    throw unstuckError(
      'ISOLATE_INVALID',
      `The module ${start.module} of job type ${type} could not be imported. Read the cause.`,
      { cause },
    );
  });
  const found = findDefinitions(exported as Record<string, unknown>).find(
    (definition) => definition.type === type,
  );
  if (found !== undefined) return found;
  throw new Fail(
    `The module ${start.module} exports no definition of job type ${type}. Export it, by itself or in an array.`,
    { code: 'ISOLATE_INVALID' },
  );
}

async function runningJob(start: Start, definition: AnyJob): Promise<RunningJob> {
  const { links: _, ...told } = start.job;
  return {
    ...told,
    input: await parseInput(definition, start.job.input),
    idempotencyKey: start.job.id,
    signal: abort.signal,
    log: logToParent(),
    get heartbeat() {
      const { confirmedMsAgo, held, heardAt } = lease;
      return { confirmedMsAgo: confirmedMsAgo + monotonicMs() - heardAt, held };
    },
    progress: (fraction, note) => tell({ kind: 'progress', fraction, note }),
    transaction: (fn) => transaction(start, fn),
  };
}

async function transaction<T>(
  start: Start,
  fn: Parameters<typeof completeInTransaction<T>>[3],
): Promise<T> {
  const { workerId, job } = start;
  const database = new Database(start.url, start.config, start.pooled, (error) =>
    logToParent().warn('connection_lost', { error }),
  );
  try {
    const fence = {
      workerId,
      id: job.id,
      token: job.token,
      links: job.links,
      signal: abort.signal,
    };
    const value = await completeInTransaction(database, fence, limitsOf(start), fn);
    settled = true;
    return value;
  } finally {
    await database.close();
  }
}

/** Checked here as well: what JSON cannot carry would be changed on its way to the worker. */
function returned(result: unknown, limits: PayloadLimits): Answer {
  const encoded = encodePayload(result, limits);
  if ('json' in encoded) return { kind: 'returned', result: JSON.parse(encoded.json) };
  const message = `The handler returned a value that cannot be stored: ${encoded.path} ${encoded.problem}.`;
  return threw(new Fail(message, { code: 'RESULT_UNSTORABLE' }));
}

function threw(thrown: unknown): Answer {
  return { kind: 'threw', thrown: describe(thrown) };
}

function describe(thrown: unknown): ThrownInChild {
  const error = toJobError(thrown);
  if (thrown instanceof Snooze) return { kind: 'Snooze', ...error, delay: thrown.delay };
  if (thrown instanceof RetryAfter) return { kind: 'RetryAfter', ...error, delay: thrown.delay };
  if (thrown instanceof Fail) return { kind: 'Fail', ...error };
  if (thrown instanceof Cancel) return { kind: 'Cancel', ...error };
  return { kind: thrown instanceof StaleAttemptError ? 'Stale' : 'Error', ...error };
}

function logToParent(): Log {
  const at = (level: 'debug' | 'info' | 'warn' | 'error') => (event: string, facts?: LogFacts) =>
    tell({ kind: 'log', level, event, facts: facts === undefined ? undefined : plain(facts) });
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

/** Facts as JSON carries them: logging never throws, and an error keeps its message. */
function plain(facts: LogFacts): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(facts).map(([name, value]) => {
      if (value instanceof Error) return [name, value.message];
      const json = encodePayload(value ?? null, { bytesMax: 100_000, depthMax: 20 });
      return [name, 'json' in json ? (JSON.parse(json.json) as unknown) : String(value)];
    }),
  );
}

function limitsOf({ config }: Start): PayloadLimits {
  return { bytesMax: config.resultBytesMax, depthMax: config.depthMax };
}

function tell(message: FromChild): void {
  if (process.connected) process.send?.(message);
}

/** In a thread, because a handler may block this one for ever. */
function watchParent(): void {
  const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
  const watchman = new Worker(new URL(`./isolate-watch-thread${extension}`, import.meta.url), {
    workerData: { parent: process.ppid },
  });
  watchman.unref();
}
