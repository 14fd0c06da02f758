/** Waits for the end of a job, showing its progress; Ctrl-C stops the waiting, never the job. */
import type { Job } from '../domain/job.ts';
import { sleep } from '../std/timer.ts';
import { commandName } from './command-name.ts';
import { EXIT } from './exit-codes.ts';
import type { Operable } from './operable.ts';
import type { Screen } from './screen.ts';

const LOOK_MS = 1_000;

/** Resolves with the finished job, or with undefined when Ctrl-C came first. Throws WAIT_TIMEOUT. */
export async function waitForJob(
  unstuck: Operable,
  id: string,
  timeout: string | undefined,
  screen: Screen,
): Promise<Job | undefined> {
  const interrupt = new AbortController();
  const onSignal = (): void => interrupt.abort();
  process.once('SIGINT', onSignal);
  process.once('SIGTERM', onSignal);
  const over = new AbortController();
  const shown = showProgress(unstuck, id, screen, over.signal);
  try {
    return await unstuck.wait(id, {
      signal: interrupt.signal,
      ...(timeout === undefined ? {} : { timeout }),
    });
  } catch (error) {
    if (!interrupt.signal.aborted) throw error;
    screen.hint(`The job goes on. Wait again: ${commandName()} job show ${id} --wait`);
    return undefined;
  } finally {
    over.abort();
    await shown;
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  }
}

/** The exit code for the end of a job that was waited for. */
export function exitCodeOfEnd(job: Job): number {
  return job.state === 'completed' ? EXIT.ok : EXIT.jobFailed;
}

/** One line on standard error for every change; what cannot be read now is read the next time. */
async function showProgress(
  unstuck: Operable,
  id: string,
  screen: Screen,
  signal: AbortSignal,
): Promise<void> {
  let last = '';
  while (!signal.aborted) {
    await sleep(LOOK_MS, signal);
    if (signal.aborted) return;
    const job = await unstuck.get(id).catch(() => undefined);
    if (job === undefined || job.finishedAt !== null) continue;
    const percent = job.progress === null ? '' : ` ${Math.round(job.progress * 100)} %`;
    const text = `${job.state}${percent} ${job.progressNote ?? ''}`.trimEnd();
    if (text !== last) screen.hint(text);
    last = text;
  }
}
