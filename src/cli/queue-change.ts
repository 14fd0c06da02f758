/** `unstuck queue pause`, `resume` and `next`, `unstuck type pause` and `resume`: says what of a queue may start, in the name of whoever runs the command. */
import { snakeJson } from '../domain/json.ts';
import type { PauseOptions } from '../features/queues.ts';
import { EXIT } from './exit-codes.ts';
import { showQueue } from './queue-look.ts';
import { readTime } from './read-time.ts';
import { openScreen, type Screen } from './screen.ts';
import { type Globals, withUnstuck } from './session.ts';
import { whoAmI } from './who.ts';

/** Why, and until when. */
export interface PauseCommandOptions extends Globals {
  readonly reason: string;
  readonly until?: string;
}

/** Pauses a queue: exit code 3 when there is none. */
export async function queuePause(options: PauseCommandOptions, name: string): Promise<number> {
  const screen = openScreen(options.output);
  const pause = pauseOf(options);
  showQueue(screen, await withUnstuck(options, (unstuck) => unstuck.queues.pause(name, pause)));
  return EXIT.ok;
}

/** Ends the pause of a queue: exit code 3 when there is none. */
export async function queueResume(options: Globals, name: string): Promise<number> {
  const screen = openScreen(options.output);
  showQueue(screen, await withUnstuck(options, (unstuck) => unstuck.queues.resume(name)));
  return EXIT.ok;
}

/** Pauses a type: exit code 2 when nobody has ever defined it. */
export async function typePause(options: PauseCommandOptions, name: string): Promise<number> {
  const screen = openScreen(options.output);
  const pause = pauseOf(options);
  const made = await withUnstuck(options, (unstuck) => unstuck.queues.pauseType(name, pause));
  if (screen.json) screen.value(snakeJson({ kind: 'type', name, ...made }));
  else showType(screen, name, 'paused');
  return EXIT.ok;
}

/** Ends the pause of a type: exit code 2 when nobody has ever defined it. */
export async function typeResume(options: Globals, name: string): Promise<number> {
  const screen = openScreen(options.output);
  await withUnstuck(options, (unstuck) => unstuck.queues.resumeType(name));
  if (screen.json) screen.value({ kind: 'type', name, paused: null });
  else showType(screen, name, 'not paused');
  return EXIT.ok;
}

/** Lets the next job of a sequential queue in (S3.5): exit code 3 when there is no such queue. */
export async function queueNext(options: Globals, name: string): Promise<number> {
  const screen = openScreen(options.output);
  const next = await withUnstuck(options, (unstuck) => unstuck.queues.executePending(name));
  const { totalPending, started, jobIds, message } = next;
  if (screen.json) screen.value(snakeJson(next));
  else if (screen.tty) for (const line of [message, ...jobIds]) screen.line(line);
  else screen.line([totalPending, started, jobIds.join(','), message].join('\t'));
  return EXIT.ok;
}

function pauseOf({ reason, until }: PauseCommandOptions): PauseOptions {
  const end = readTime(until, '--until');
  return { reason, by: whoAmI(), ...(end === undefined ? {} : { until: end }) };
}

function showType(screen: Screen, name: string, state: string): void {
  screen.line(screen.tty ? `Type ${name} is ${state}.` : `${name}\t${state}`);
}
