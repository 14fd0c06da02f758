/** Undoes whatever was started, in reverse order, however the run ends. */

type Undo = () => unknown;

const undos = new Set<Undo>();

/** Notes what must be undone at the end; returns what does it now instead. */
export function atEnd(undo: Undo): () => Promise<void> {
  undos.add(undo);
  return async () => {
    if (undos.delete(undo)) await undo();
  };
}

/** Undoes everything, the latest first; goes on when one of them fails, and says so. */
export async function cleanUp(): Promise<void> {
  for (const undo of [...undos].toReversed()) {
    if (!undos.delete(undo)) continue;
    try {
      await undo();
    } catch (error) {
      console.error(`Could not clean up: ${String(error)}`);
    }
  }
}

const stop = new AbortController();

/** Aborted when the run was interrupted: what fails afterwards fails because its server is gone. */
export const interrupted: AbortSignal = stop.signal;

/**
 * Cleans up on Ctrl-C, on SIGTERM and after an error that nobody caught. Further signals change nothing: npm and the
 * terminal both send the first Ctrl-C, and a server takes at most 30 s to stop.
 */
export function cleanUpOnSignals(): void {
  const end = (why: string, code: number): void => {
    if (interrupted.aborted) return;
    console.error(`\n${why}: stopping the servers.`);
    stop.abort();
    void cleanUp().finally(() => process.exit(code));
  };
  process.on('SIGINT', () => end('SIGINT', 130));
  process.on('SIGTERM', () => end('SIGTERM', 143));
  process.on('uncaughtException', (error) => end(error.stack ?? String(error), 1));
}
