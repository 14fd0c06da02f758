/** Type registry: which job types are defined, for rows inserted by hand and for refusing unknown ones. */
import type { AnyJob } from '../domain/define-job.ts';
import { unstuckError } from '../domain/errors.ts';
import { defineTypes, findTypes } from '../sql/enqueue.ts';
import type { Database } from '../storage/database.ts';

/** Remembers what this process has defined or seen, so that the hot path asks nothing. */
export class TypeRegistry {
  #database: Database;
  #defined = new Map<string, Promise<void>>();
  #ready = new Set<string>();

  constructor(database: Database) {
    this.#database = database;
  }

  /** Stores the settings of these types. Throws JOB_TYPE_DUPLICATE. */
  async define(jobs: readonly AnyJob[]): Promise<void> {
    const types = jobs.map((job) => job.type);
    const twice = types.find((type, index) => types.indexOf(type) !== index);
    if (twice !== undefined)
      throw unstuckError(
        'JOB_TYPE_DUPLICATE',
        `The job type "${twice}" was given twice. Give each definition a type of its own.`,
      );
    await this.#store(jobs);
    for (const type of types) this.#ready.add(type);
  }

  /** Returns undefined when the type may be enqueued at once, else a promise; it rejects with JOB_TYPE_UNKNOWN when unknown types are refused. */
  known(type: string, definition: AnyJob | undefined): Promise<void> | undefined {
    if (this.#ready.has(type)) return undefined;
    if (definition === undefined)
      return this.#database.config.unknownTypes === 'accept'
        ? undefined
        : this.#refuseUnknown(type);
    let storing = this.#defined.get(type);
    if (storing === undefined) {
      storing = this.#store([definition])
        .then(() => void this.#ready.add(type))
        .finally(() => this.#defined.delete(type));
      this.#defined.set(type, storing);
    }
    return storing;
  }

  async #store(jobs: readonly AnyJob[]): Promise<void> {
    const { timeout, claimWithin } = this.#database.config;
    const rows = jobs.map((job) => ({
      type: job.type,
      queue: job.queue,
      timeout_ms: job.timeoutMs ?? timeout,
      claim_within_ms: job.claimWithinMs ?? claimWithin,
      attempts_max: job.retry.attemptsMax,
      backoff_base_ms: job.retry.baseMs,
      backoff_max_ms: job.retry.maxMs,
    }));
    await this.#database.run(defineTypes, [JSON.stringify(rows)]);
  }

  async #refuseUnknown(type: string): Promise<void> {
    const rows = await this.#database.run(findTypes, [[type]]);
    if (rows.length > 0) return void this.#ready.add(type);
    throw unstuckError(
      'JOB_TYPE_UNKNOWN',
      `Nobody has ever defined the job type "${type}", and unknown types are refused. Correct it, start a worker that handles it first, or connect with unknownTypes: 'accept'.`,
    );
  }
}
