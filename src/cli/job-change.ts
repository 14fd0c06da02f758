/** `unstuck job cancel`, `retry` and `release`: changes one job, in the name of whoever runs the command. */
import { userInfo } from 'node:os';
import type { Job } from '../domain/job.ts';
import { jobJson } from '../domain/json.ts';
import type { Actor } from '../storage/jobs.ts';
import type { Unstuck } from '../unstuck.ts';
import { EXIT } from './exit-codes.ts';
import { openScreen } from './screen.ts';
import { type Globals, withUnstuck } from './session.ts';

/** Why it is changed. */
export interface JobChangeOptions extends Globals {
  readonly reason?: string;
}

/** Cancels a live job: exit code 3 when there is none, 5 when it has finished. */
export function cancel(options: JobChangeOptions, id: string): Promise<number> {
  return change(options, (unstuck, actor) => unstuck.cancel(id, actor));
}

/** Runs a finished job again: exit code 3 when there is none, 5 when it is live. */
export function retry(options: JobChangeOptions, id: string): Promise<number> {
  return change(options, (unstuck, actor) => unstuck.retry(id, actor));
}

/** Lets a held job go: exit code 3 when there is none, 5 when it is not held. */
export function release(options: JobChangeOptions, id: string): Promise<number> {
  return change(options, (unstuck, actor) => unstuck.release(id, actor));
}

async function change(
  options: JobChangeOptions,
  apply: (unstuck: Unstuck, actor: Actor) => Promise<Job>,
): Promise<number> {
  const screen = openScreen(options.output);
  const actor = { by: whoAmI(), reason: options.reason };
  const job = await withUnstuck(options, (unstuck) => apply(unstuck, actor));
  if (screen.json) screen.value(jobJson(job));
  else if (screen.tty) screen.line(`${job.id} is ${job.state}. Next: ${job.next}.`);
  else screen.line(`${job.id}\t${job.state}`);
  return EXIT.ok;
}

/** Whose name a change carries: in a container the user may have none. */
export function whoAmI(): string {
  try {
    return `cli:${userInfo().username}`;
  } catch {
    return 'cli';
  }
}
