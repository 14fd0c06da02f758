/** Letting on: calls those on that waited for jobs which have just ended or come, one call at a time for all that happened meanwhile. */
import type { Log } from '../domain/log.ts';
import type { Database } from '../storage/database.ts';
import { addConcerned, type Concerned, concernedBy, isConcerned, letOn } from '../storage/links.ts';

/** Lets on after a commit, without holding up whoever committed. What fails here the sweep does within a second. */
export class LettingOn {
  #database: Database;
  #log: Log;
  #onReady: (types: ReadonlySet<string>) => void;
  #concerned: Concerned = concernedBy([]);
  #running: Promise<void> | undefined;

  constructor(database: Database, log: Log, onReady: (types: ReadonlySet<string>) => void) {
    this.#database = database;
    this.#log = log;
    this.#onReady = onReady;
  }

  /** Adds whom a commit concerns. A call that is on its way may have looked before that commit: another follows it. */
  add(concerned: Concerned): void {
    addConcerned(this.#concerned, concerned);
    if (isConcerned(this.#concerned)) this.#running ??= this.#run();
  }

  /** Resolves when nobody is left to be called. */
  async drain(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    while (isConcerned(this.#concerned)) {
      const concerned = this.#concerned;
      this.#concerned = concernedBy([]);
      try {
        const ready = await letOn(this.#database, concerned);
        if (ready.size > 0) this.#onReady(ready);
      } catch (error) {
        this.#log.debug('let_on_left_to_sweep', { error });
      }
    }
    this.#running = undefined;
  }
}
