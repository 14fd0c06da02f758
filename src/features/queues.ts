/** Queues: paused, resumed, counted and drained together; and the next job of a sequential one. */
import { unstuckError } from '../domain/errors.ts';
import { checkCount } from '../domain/job-filter.ts';
import { refuseUnknown } from '../domain/known-options.ts';
import { findTypes } from '../sql/enqueue.ts';
import {
  countByQueue,
  findLetIn,
  listPauses,
  listQueues,
  pause,
  type QueueRow,
  readLine,
  resume,
} from '../sql/queues.ts';
import { type Duration, parseDuration } from '../std/duration.ts';
import { shown } from '../std/shown.ts';
import { monotonicMs, sleep } from '../std/timer.ts';
import type { Database } from '../storage/database.ts';
import type { Actor } from '../storage/jobs.ts';
import { concernedBy, letOn } from '../storage/links.ts';

/** Why and since when nothing of a queue or a type is started. */
export interface Pause {
  readonly reason: string | null;
  readonly by: string | null;
  readonly at: Date;
  /** When it ends by itself; null: somebody must resume it, and a finding reminds of it while work piles up. */
  readonly until: Date | null;
}

/** A pause with what is paused. */
export interface NamedPause extends Pause {
  readonly kind: 'queue' | 'type';
  readonly name: string;
}

/** A queue as it is now. */
export interface Queue {
  readonly name: string;
  readonly types: readonly string[];
  readonly paused: Pause | null;
  readonly pending: number;
  readonly queued: number;
  readonly running: number;
  /** Pending jobs by the gate at which they stand. */
  readonly waitsFor: Readonly<Record<string, number>>;
  /** When the oldest live job was enqueued. */
  readonly oldest: Date | null;
}

/** Why something is paused, and until when. */
export interface PauseOptions extends Actor {
  readonly until?: Date;
}

/** What `executePending` answers (S3.5). */
export interface ExecutedPending {
  readonly totalPending: number;
  readonly started: number;
  readonly jobIds: readonly string[];
  readonly message: string;
}

const LINE_MAX = 1_000;
const DRAIN_LOOK_MS = 200;

/** The queues of an installation. */
export class Queues {
  #database: Database;
  #onReady: (types: ReadonlySet<string> | undefined) => void;

  constructor(database: Database, onReady: (types: ReadonlySet<string> | undefined) => void) {
    this.#database = database;
    this.#onReady = onReady;
  }

  /** Returns queues with their counts, by name: at most `limit` (1 to 1,000, the default) behind the name `after`. Throws REQUEST_INVALID. */
  async list(page: { readonly after?: string; readonly limit?: number } = {}): Promise<Queue[]> {
    const { after = '', limit = 1_000 } = page;
    return this.#read(null, after, checkCount('limit', limit));
  }

  /** Returns a queue with its counts. Throws QUEUE_UNKNOWN. */
  async get(name: string): Promise<Queue> {
    const [queue] = await this.#read(name);
    if (queue !== undefined) return queue;
    throw unstuckError(
      'QUEUE_UNKNOWN',
      `There is no queue ${shown(name)}: no job type has been defined in it. Correct the name.`,
    );
  }

  /** Starts no further job of a queue, in any process; running ones go on. A second pause replaces the first. Throws QUEUE_UNKNOWN or TIME_INVALID. */
  async pause(name: string, options: PauseOptions = {}): Promise<Queue> {
    await this.get(name);
    await this.#pause('queue', name, options);
    return this.get(name);
  }

  /** Starts jobs of a queue again. One that is not paused stays as it is. Throws QUEUE_UNKNOWN. */
  async resume(name: string): Promise<Queue> {
    await this.get(name);
    await this.#resume('queue', name);
    return this.get(name);
  }

  /** Starts no further job of one type. Throws JOB_TYPE_UNKNOWN or TIME_INVALID. */
  async pauseType(type: string, options: PauseOptions = {}): Promise<Pause> {
    await this.#checkType(type);
    return this.#pause('type', type, options);
  }

  /** Starts jobs of one type again. One that is not paused stays as it is. Throws JOB_TYPE_UNKNOWN. */
  async resumeType(type: string): Promise<void> {
    await this.#checkType(type);
    return this.#resume('type', type);
  }

  /** Returns everything that is paused, the oldest pause first. */
  pauses(): Promise<NamedPause[]> {
    return this.#database.run(listPauses);
  }

  /**
   * Lets the next job of a sequential queue in, as far as its limit has room, and says what it did; while one is running it starts none
   * (S3.5). Jobs are let in by themselves: this is for those who want to see it now. Throws QUEUE_UNKNOWN.
   */
  async executePending(name: string): Promise<ExecutedPending> {
    const queue = await this.get(name);
    const line = await this.#database.run(readLine, [name, LINE_MAX]);
    const waiting = line.filter((row) => row.kind === 'waiting');
    const totalPending = queue.waitsFor['limit'] ?? 0;
    const answer = (message: string, jobIds: readonly string[] = []): ExecutedPending => ({
      totalPending,
      started: jobIds.length,
      jobIds,
      message,
    });
    if (queue.paused !== null)
      return answer(`The queue is paused${because(queue.paused)}; none was started.`);
    const limitKeys = new Set(waiting.flatMap((row) => row.limit_key ?? []));
    const ready = await letOn(this.#database, { ...concernedBy([]), limitKeys });
    if (ready.size > 0) this.#onReady(ready);
    const ids = waiting.map((row) => row.id);
    const started = await this.#database.run(findLetIn, [ids]);
    if (started.length > 0)
      return answer(
        `Started ${started.length} of ${totalPending} pending.`,
        started.map(({ id }) => id),
      );
    const running = line.find((row) => row.kind === 'running');
    if (running !== undefined)
      return answer(`Job ${running.id} is running; the next starts when it has ended.`);
    const queued = line.find((row) => row.kind === 'queued');
    if (queued !== undefined) return answer(`Job ${queued.id} is next; a worker takes it.`);
    return answer('No job is pending.');
  }

  /**
   * Resolves when nothing of a queue runs or waits any more, beside what is held or for later. Throws WAIT_TIMEOUT (default: never), TIME_INVALID,
   * QUEUE_UNKNOWN or the signal's reason.
   */
  async drain(
    name: string,
    { timeout, signal }: { readonly timeout?: Duration; readonly signal?: AbortSignal } = {},
  ): Promise<void> {
    const timeoutMs = timeout === undefined ? Number.POSITIVE_INFINITY : parseDuration(timeout);
    if (timeoutMs === undefined)
      throw unstuckError(
        'TIME_INVALID',
        `Expected timeout to be a duration such as '30s', got ${shown(timeout)}.`,
      );
    const until = monotonicMs() + timeoutMs;
    for (;;) {
      signal?.throwIfAborted();
      const left = openOf(await this.get(name));
      if (left === 0) return;
      if (monotonicMs() > until)
        throw unstuckError(
          'WAIT_TIMEOUT',
          `Queue ${shown(name)} still has ${left} jobs after ${String(timeout)}; they go on.`,
          { detail: { left } },
        );
      await sleep(DRAIN_LOOK_MS, signal);
    }
  }

  async #checkType(type: string): Promise<void> {
    const [known] = await this.#database.run(findTypes, [[type]]);
    if (known !== undefined) return;
    throw unstuckError(
      'JOB_TYPE_UNKNOWN',
      `Nobody has ever defined the job type ${shown(type)}. Correct the name.`,
    );
  }

  async #pause(kind: NamedPause['kind'], name: string, options: PauseOptions): Promise<Pause> {
    refuseUnknown(options, ['reason', 'by', 'until'], `a pause of ${name}`);
    const { reason, by, until } = options;
    if (until !== undefined && !(until instanceof Date && !Number.isNaN(until.getTime())))
      throw unstuckError('TIME_INVALID', `Expected until to be a valid Date, got ${shown(until)}.`);
    const values = [kind, name, reason ?? null, by ?? null, until ?? null];
    const [row] = await this.#database.run(pause, values);
    if (row === undefined)
      throw unstuckError(
        'TIME_INVALID',
        `Expected until to lie ahead by the clock of the database, got ${shown(until)}. Nothing was paused.`,
      );
    return { reason: reason ?? null, by: by ?? null, at: row.at, until: until ?? null };
  }

  async #resume(kind: NamedPause['kind'], name: string): Promise<void> {
    await this.#database.run(resume, [kind, name]);
    this.#onReady(undefined);
  }

  async #read(name: string | null, after = '', limit = 1): Promise<Queue[]> {
    const [queues, counts] = await Promise.all([
      this.#database.run(listQueues, [name, after, limit]),
      this.#database.run(countByQueue, [name]),
    ]);
    return queues.map((row) =>
      toQueue(
        row,
        counts.filter(({ queue }) => queue === row.name),
      ),
    );
  }
}

interface CountRow {
  readonly state: string;
  readonly waits_for: string | null;
  readonly count: number;
  readonly oldest: Date;
}

function toQueue(row: QueueRow, counts: readonly CountRow[]): Queue {
  const of = (state: string): number =>
    counts.reduce((sum, group) => sum + (group.state === state ? group.count : 0), 0);
  const gates = counts.flatMap(({ waits_for: gate, count }) =>
    gate === null ? [] : [[gate, count]],
  );
  const oldest = counts.map((group) => group.oldest.getTime());
  const { reason, by, at, until } = row;
  return {
    name: row.name,
    types: row.types,
    paused: at === null ? null : { reason, by, at, until },
    pending: of('pending'),
    queued: of('queued'),
    running: of('running'),
    waitsFor: Object.fromEntries(gates) as Record<string, number>,
    oldest: oldest.length === 0 ? null : new Date(Math.min(...oldest)),
  };
}

/** What a drain waits for: not what somebody holds, nor what is for later. */
function openOf({ queued, running, pending, waitsFor }: Queue): number {
  return queued + running + pending - (waitsFor['hold'] ?? 0) - (waitsFor['time'] ?? 0);
}

function because({ reason, by, until }: Pause): string {
  const who = by === null ? '' : ` by ${by}`;
  const why = reason === null ? '' : `: ${reason}`;
  return `${who}${until === null ? '' : ` until ${until.toISOString()}`}${why}`;
}
