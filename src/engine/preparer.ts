/** Preparer: checks the jobs of a process, and gives each its id. */
import { checkBatch } from '../domain/batch.ts';
import type { AnyJob } from '../domain/define-job.ts';
import { unstuckError } from '../domain/errors.ts';
import type { EnqueueOptions } from '../domain/job.ts';
import { JobIds } from '../domain/job-id.ts';
import { applySettings, checkInput, checkJob, type NewJob } from '../domain/new-job.ts';
import { tellsByEmail } from '../domain/notify.ts';
import type { Config } from '../domain/options.ts';
import type { TypeRegistry } from './type-registry.ts';

/** Makes new jobs that are ready to be sent. */
export class Preparer {
  #config: Config;
  #types: TypeRegistry;
  #onEmail: () => void;
  #ids: JobIds = new JobIds();
  #closed = false;

  /** `onEmail` hears of every job of whose end an e-mail is to be sent. */
  constructor(config: Config, types: TypeRegistry, onEmail: () => void) {
    this.#onEmail = onEmail;
    this.#config = config;
    this.#types = types;
  }

  /**
   * Checks a job and gives it its id; only a schema that answers later, and a type that is new here, must be waited for. Throws, or rejects with,
   * the errors of `checkJob`, and WORKER_STOPPED.
   */
  prepare(job: AnyJob | string, input: unknown, options: EnqueueOptions): NewJob | Promise<NewJob> {
    if (this.#closed)
      throw unstuckError(
        'WORKER_STOPPED',
        'This connection has been closed. Connect again before you enqueue.',
      );
    const definition = typeof job === 'string' ? undefined : job;
    const type = typeof job === 'string' ? job : job.type;
    const now = Date.now();
    const checked = checkJob(type, definition, input, options, this.#config, now);
    if (tellsByEmail(checked.notify)) this.#onEmail();
    const id = this.#ids.next(now);
    const prepared = { ...checked, id, size: checked.input.length + 150 };
    if (definition === undefined) return this.#withSettings(prepared);
    const later = checkInput(definition, input);
    const defined = this.#types.defined(definition);
    if (later === undefined && defined === undefined) return prepared;
    return Promise.all([later, defined]).then(() => prepared);
  }

  /** Does the same with many jobs of one type. Throws BATCH_INVALID. */
  prepareMany(
    job: AnyJob | string,
    items: readonly (EnqueueOptions & { readonly input: unknown })[],
  ): readonly NewJob[] | Promise<readonly NewJob[]> {
    checkBatch(items);
    const made = items.map((item) => this.prepare(job, item.input, optionsOf(item)));
    return made.every(isReady) ? made : Promise.all(made.map(async (one) => one));
  }

  /** Refuses whatever is asked from now on. */
  close(): void {
    this.#closed = true;
  }

  /** A job of a type that is only known by its name gets the limit of its type, and must name a pool where the type needs a slot. */
  #withSettings(job: NewJob): NewJob | Promise<NewJob> {
    const settings = this.#types.settingsOf(job.type);
    return settings instanceof Promise
      ? settings.then((read) => applySettings(job, read))
      : applySettings(job, settings);
  }
}

const NO_OPTIONS: EnqueueOptions = {};

/** What an item says beside its input: mostly nothing. */
function optionsOf(item: EnqueueOptions & { readonly input: unknown }): EnqueueOptions {
  if ('input' in item && Object.keys(item).length === 1) return NO_OPTIONS;
  const { input: _, ...own } = item;
  return own;
}

function isReady(made: NewJob | Promise<NewJob>): made is NewJob {
  return !(made instanceof Promise);
}
