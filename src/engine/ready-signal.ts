/** Ready signal: whoever waits for jobs of some types without being a worker of this process. */

/** Tells those that wait; whoever does not hear of a job finds it by looking. */
export class ReadySignal {
  #waiting = new Set<(types: ReadonlySet<string> | undefined) => void>();

  /** Jobs of these types are ready; undefined means any. */
  tell(types?: ReadonlySet<string>): void {
    for (const hear of [...this.#waiting]) hear(types);
  }

  /** Resolves to true when jobs of one of these types are ready, to false after `ms` or when the signal aborts; never rejects. */
  wait(types: readonly string[], ms: number, signal?: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      const end = (told: boolean): void => {
        clearTimeout(timer);
        this.#waiting.delete(hear);
        signal?.removeEventListener('abort', giveUp);
        resolve(told);
      };
      const hear = (ready: ReadonlySet<string> | undefined): void => {
        if (ready === undefined || types.some((type) => ready.has(type))) end(true);
      };
      const giveUp = (): void => end(false);
      const timer = setTimeout(giveUp, ms);
      this.#waiting.add(hear);
      signal?.addEventListener('abort', giveUp, { once: true });
      if (signal?.aborted === true) giveUp();
    });
  }
}
