/** `unstuck job cancel`, `retry` and `release`: changes one job, in the name of whoever runs the command. */
import type { Job } from '../domain/job.ts';
import { jobJson } from '../domain/json.ts';
import type { Actor } from '../storage/jobs.ts';
import { EXIT } from './exit-codes.ts';
import type { Operable } from './operable.ts';
import { readInput } from './read-input.ts';
import { openScreen } from './screen.ts';
import { type Globals, withUnstuck } from './session.ts';
import { whoAmI } from './who.ts';

/** Why it is changed. */
export interface JobChangeOptions extends Globals {
  readonly reason?: string;
}

/** What it runs with the next time. */
export interface JobRetryOptions extends JobChangeOptions {
  readonly input?: string;
}

/** Cancels a live job: exit code 3 when there is none, 5 when it has finished. */
export function cancel(options: JobChangeOptions, id: string): Promise<number> {
  return change(options, (unstuck, actor) => unstuck.cancel(id, actor));
}

/** Runs a finished job again: exit code 3 when there is none, 5 when it is live. */
export async function retry(options: JobRetryOptions, id: string): Promise<number> {
  const edited = options.input === undefined ? {} : { input: readInput(options.input) };
  return change(options, (unstuck, actor) => unstuck.retry(id, { ...actor, ...edited }));
}

/** Lets a held job go: exit code 3 when there is none, 5 when it is not held. */
export function release(options: JobChangeOptions, id: string): Promise<number> {
  return change(options, (unstuck, actor) => unstuck.release(id, actor));
}

async function change(
  options: JobChangeOptions,
  apply: (unstuck: Operable, actor: Actor) => Promise<Job>,
): Promise<number> {
  const screen = openScreen(options.output);
  const actor = { by: whoAmI(), reason: options.reason };
  const job = await withUnstuck(options, (unstuck) => apply(unstuck, actor));
  if (screen.json) screen.value(jobJson(job));
  else if (screen.tty) screen.line(`${job.id} is ${job.state}. Next: ${job.next}.`);
  else screen.line(`${job.id}\t${job.state}`);
  return EXIT.ok;
}
