/** Type registry: which job types are defined, for rows inserted by hand and for refusing unknown ones. */
import type { AnyJob } from '../domain/define-job.ts';
import { unstuckError } from '../domain/errors.ts';
import type { LimitSettings } from '../domain/limits.ts';
import { defineTypes, findTypes } from '../sql/enqueue.ts';
import { monotonicMs } from '../std/timer.ts';
import type { Database } from '../storage/database.ts';
import { persist } from '../storage/persist.ts';

/** What a type that is only known by its name asks of its jobs. */
export interface TypeSettings {
  readonly limitKey: string | undefined;
  readonly needsPool: boolean;
}

/** How long what was read of a type is believed. */
const BELIEVED_MS = 10_000;
/** How long a database that does not answer is asked, like that of an enqueue. */
const PERSIST_MS = 15_000;
const PLAIN: TypeSettings = { limitKey: undefined, needsPool: false };

const HERE: readonly string[] = [];

interface Seen {
  readonly settings: TypeSettings;
  readonly targets: readonly string[];
  readonly at: number;
}

/** Remembers what this process has defined or seen, so that the hot path asks nothing. */
export class TypeRegistry {
  #database: Database;
  #defining = new Map<string, Promise<void>>();
  /** The targets of those that this process has defined. */
  #defined = new Map<string, readonly string[]>();
  #seen = new Map<string, Seen>();

  constructor(database: Database) {
    this.#database = database;
  }

  /** Stores the settings of these types, and of those that they fan out to. Throws JOB_TYPE_DUPLICATE. */
  async define(jobs: readonly AnyJob[]): Promise<void> {
    const types = jobs.map((job) => job.type);
    const twice = types.find((type, index) => types.indexOf(type) !== index);
    if (twice !== undefined)
      throw unstuckError(
        'JOB_TYPE_DUPLICATE',
        `The job type "${twice}" was given twice. Give each definition a type of its own.`,
      );
    await this.#store(jobs);
  }

  /** Returns undefined when the definition is stored, else a promise of it. */
  defined(definition: AnyJob): Promise<void> | undefined {
    const { type } = definition;
    if (this.#defined.has(type)) return undefined;
    let storing = this.#defining.get(type);
    if (storing === undefined) {
      storing = this.#store([definition]).finally(() => this.#defining.delete(type));
      this.#defining.set(type, storing);
    }
    return storing;
  }

  /** What a type asks of its jobs that is only known by its name. Rejects with JOB_TYPE_UNKNOWN when unknown types are refused. */
  settingsOf(type: string): TypeSettings | Promise<TypeSettings> {
    const seen = this.#seen.get(type);
    if (seen !== undefined && monotonicMs() - seen.at < BELIEVED_MS) return seen.settings;
    return this.#read(type).then(({ settings }) => settings);
  }

  /** The targets that jobs of a type are sent to; none for one that runs here, or that nobody has defined. Asks nothing about a type that was just enqueued. */
  targetsOf(type: string): readonly string[] | Promise<readonly string[]> {
    const defined = this.#defined.get(type);
    if (defined !== undefined) return defined;
    const seen = this.#seen.get(type);
    if (seen !== undefined && monotonicMs() - seen.at < BELIEVED_MS) return seen.targets;
    return this.#read(type, 'accept').then(({ targets }) => targets);
  }

  async #store(jobs: readonly AnyJob[]): Promise<void> {
    const all = withChildren(jobs);
    const { timeout, claimWithin } = this.#database.config;
    const rows = all.map((job) => ({
      type: job.type,
      queue: job.queue,
      timeout_ms: job.timeoutMs ?? timeout,
      claim_within_ms: job.claimWithinMs ?? claimWithin,
      attempts_max: job.retry.attemptsMax,
      backoff_base_ms: job.retry.baseMs,
      backoff_max_ms: job.retry.maxMs,
      // Rows inserted by hand of a type whose limit has keys count together, unless they name their own.
      limit_key: job.limit?.name ?? null,
      needs_pool: job.slot !== undefined,
      targets: job.remote?.names ?? null,
    }));
    const limits = all.flatMap(({ limit }) => limit?.settings ?? []).map(limitRow);
    const values = [JSON.stringify(rows), JSON.stringify(limits)];
    // The enqueue behind it is sent again after a lost connection; so is this.
    await persist(() => this.#database.run(defineTypes, values), PERSIST_MS);
    for (const { type, remote } of all) this.#defined.set(type, remote?.names ?? HERE);
  }

  async #read(type: string, unknown = this.#database.config.unknownTypes): Promise<Seen> {
    const [row] = await persist(() => this.#database.run(findTypes, [[type]]), PERSIST_MS);
    if (row === undefined && unknown === 'refuse')
      throw unstuckError(
        'JOB_TYPE_UNKNOWN',
        `Nobody has ever defined the job type "${type}", and unknown types are refused. Correct it, start a worker that handles it first, or connect with unknownTypes: 'accept'.`,
      );
    const settings =
      row === undefined
        ? PLAIN
        : { limitKey: row.limit_key ?? undefined, needsPool: row.needs_pool };
    const seen = { settings, targets: row?.targets ?? HERE, at: monotonicMs() };
    // An unknown one is remembered only where it may be enqueued.
    if (row !== undefined || unknown === this.#database.config.unknownTypes)
      this.#seen.set(type, seen);
    return seen;
  }
}

function limitRow({ name, running, rateCount, rateMs }: LimitSettings): Record<string, unknown> {
  return { name, running, rate_count: rateCount, rate_ms: rateMs };
}

/** The definitions and those that they fan out to, each once. */
function withChildren(jobs: readonly AnyJob[]): AnyJob[] {
  const all = new Map<string, AnyJob>();
  const open = [...jobs];
  for (let job = open.shift(); job !== undefined; job = open.shift()) {
    if (all.has(job.type)) continue;
    all.set(job.type, job);
    if (job.executions !== undefined) open.push(job.executions.of);
  }
  return [...all.values()];
}
