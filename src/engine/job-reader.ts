/** Job reader: many readers of single jobs at once, few statements. */
import type { Job } from '../domain/job.ts';
import { findLiveJobs } from '../sql/inspect.ts';
import type { Database } from '../storage/database.ts';
import { readJob } from '../storage/jobs.ts';
import { toJob } from '../storage/rows.ts';
import { Committer, type Waiting } from './committer.ts';

interface Asked {
  readonly id: string;
  readonly size: number;
}
type Batch = Waiting<Asked, Job | undefined>[];

/** Its answer may hold an input of 1 MiB: so many are asked for at once at most. */
const SIZE = 10_000;

/**
 * Reads jobs by their ids. Those that are asked for in one turn of the event loop share one statement, as far as they are live: over HTTP each new
 * job is read back. One alone is read as ever.
 */
export class JobReader {
  #database: Database;
  #reads: Committer<Asked, Job | undefined>;

  constructor(database: Database) {
    this.#database = database;
    this.#reads = new Committer(2, (batch) => this.#read(batch));
  }

  /** Resolves with a job, live or finished; undefined when there is none. */
  read(id: string): Promise<Job | undefined> {
    return this.#reads.add({ id, size: SIZE });
  }

  async #read(batch: Batch): Promise<void> {
    const found = new Map<string, Job>();
    if (batch.length > 1) {
      const ids = [...new Set(batch.map(({ item }) => item.id))];
      for (const row of await this.#database.run(findLiveJobs, [ids]))
        found.set(row.id, toJob(row));
    }
    // Whatever is not live is looked for everywhere in one snapshot: it may have ended, or started again, since.
    await Promise.all(
      batch.map(async (one) => {
        const { id } = one.item;
        const read = found.get(id) ?? readJob(this.#database, id);
        await Promise.resolve(read).then(
          (job) => one.resolve(job),
          (error: unknown) => one.reject(error),
        );
      }),
    );
  }
}
