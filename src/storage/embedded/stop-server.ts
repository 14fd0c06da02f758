/** Ends a server: politely, then less so, each step with a bound. */
import { monotonicMs, sleep } from '../../std/timer.ts';
import type { StopMode } from './embedded-postgres.ts';
import { isBeingStopped } from './keeper.ts';
import type { Ownership } from './ownership.ts';
import type { Place } from './place.ts';
import { serverGone, serverState, signalProcess } from './server-process.ts';

/** A way to end a server, from polite to final. */
export type Step = 'SIGINT' | 'SIGQUIT' | 'SIGKILL';

/**
 * How long each step may take before the next one. SIGINT: sessions end, a checkpoint is written. SIGQUIT: the server
 * itself kills after 5 s what does not end; killing it before would leave that behind, and the next start would refuse.
 */
const STEP_MS: Readonly<Record<Step, number>> = { SIGINT: 30_000, SIGQUIT: 10_000, SIGKILL: 5_000 };

/** How long the keeper has to begin before we do it ourselves: it may have been killed. */
const KEEPER_MS = 2_000;
const LOOK_MS = 20;

/** Lets go of the server and, when we were the last, resolves when it is gone; answers whether others hold it. */
export async function stopServer(place: Place, owner: Ownership, mode: StopMode): Promise<boolean> {
  owner.leave();
  const left = await whatIsLeft(place, owner);
  if (left === 'others') return true;
  const steps: Step[] = mode === 'fast' ? ['SIGINT', 'SIGQUIT', 'SIGKILL'] : ['SIGQUIT', 'SIGKILL'];
  if (left !== undefined) await endServer(place.dataDirectory, left, steps);
  return false;
}

/** Ends the server `pid` of this directory, whoever holds it, by the first step that succeeds. */
export async function endServer(
  dataDirectory: string,
  pid: number,
  steps: readonly Step[],
): Promise<void> {
  for (const step of steps) {
    signalProcess(pid, step);
    if (await serverGone(dataDirectory, pid, STEP_MS[step])) return;
  }
}

/**
 * Answers that others hold the server, or which one is ours to end; undefined when it is gone. The keeper decides who
 * was the last, since somebody may be joining at this moment.
 */
async function whatIsLeft(place: Place, owner: Ownership): Promise<'others' | number | undefined> {
  const deadline = monotonicMs() + KEEPER_MS;
  for (;;) {
    if (owner.anybodyHolds()) return 'others';
    const pid = serverState(place.dataDirectory)?.pid;
    if (pid === undefined || isBeingStopped(place, pid) || monotonicMs() > deadline) return pid;
    await sleep(LOOK_MS);
  }
}
