/** Ready signal: whoever waits for jobs of some types without being a worker of this process. */

interface Waiting {
  readonly types: readonly string[];
  end(told: boolean): void;
}

/** Twice as many with each step: many jobs are soon told to as many. */
const TOLD_AT_ONCE = 2;

/** Tells those that wait; whoever does not hear of a job finds it by looking. */
export class ReadySignal {
  #waiting = new Set<Waiting>();
  #closed = false;

  /**
   * Jobs of these types are ready; undefined means any, and everyone is told. Of those that wait for a type the two hear of it that have waited longest:
   * one job must not make all of them look. Whoever finds some tells the next.
   */
  tell(types?: ReadonlySet<string>): void {
    if (types === undefined) for (const one of this.#waiting) one.end(true);
    else for (const type of types) this.#tellSome(type);
  }

  #tellSome(type: string): void {
    let left = TOLD_AT_ONCE;
    for (const one of this.#waiting) {
      if (left === 0) return;
      if (!one.types.includes(type)) continue;
      one.end(true);
      left -= 1;
    }
  }

  /** Whether nothing will be told any more. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Ends every wait: this process stops. */
  close(): void {
    this.#closed = true;
    for (const one of this.#waiting) one.end(false);
  }

  /** Resolves to true when jobs of one of these types are ready, to false after `ms`, when the signal aborts or this is closed; never rejects. */
  wait(types: readonly string[], ms: number, signal?: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      const giveUp = (): void => one.end(false);
      const timer = setTimeout(giveUp, ms);
      const one: Waiting = {
        types,
        end: (told) => {
          clearTimeout(timer);
          this.#waiting.delete(one);
          signal?.removeEventListener('abort', giveUp);
          resolve(told);
        },
      };
      this.#waiting.add(one);
      signal?.addEventListener('abort', giveUp);
      if (this.#closed || signal?.aborted === true) giveUp();
    });
  }
}
