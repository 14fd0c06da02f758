/** `unstuck schedule pause`, `resume`, `run` and `delete`: changes one schedule, in the name of whoever runs the command. */
import { showEnqueued } from './enqueue.ts';
import { EXIT } from './exit-codes.ts';
import { readTime } from './read-time.ts';
import { showSchedule } from './schedule-show.ts';
import { openScreen } from './screen.ts';
import { type Globals, withUnstuck } from './session.ts';
import { whoAmI } from './who.ts';

/** Why it is changed. */
export interface ScheduleChangeOptions extends Globals {
  readonly reason?: string;
}

/** Until when it is paused. */
export interface SchedulePauseOptions extends ScheduleChangeOptions {
  readonly until?: string;
}

/** Pauses a schedule: exit code 3 when there is none. */
export async function pause(options: SchedulePauseOptions, name: string): Promise<number> {
  const until = readTime(options.until, '--until');
  const why = { ...actorOf(options), ...(until === undefined ? {} : { until }) };
  const schedule = await withUnstuck(options, (unstuck) => unstuck.schedules.pause(name, why));
  showSchedule(openScreen(options.output), schedule);
  return EXIT.ok;
}

/** Ends a pause: exit code 3 when there is no such schedule. */
export async function resume(options: ScheduleChangeOptions, name: string): Promise<number> {
  const actor = actorOf(options);
  const schedule = await withUnstuck(options, (unstuck) => unstuck.schedules.resume(name, actor));
  showSchedule(openScreen(options.output), schedule);
  return EXIT.ok;
}

/** Runs a schedule once, now: exit code 3 when there is none. */
export async function run(options: ScheduleChangeOptions, name: string): Promise<number> {
  const actor = actorOf(options);
  const enqueued = await withUnstuck(options, (unstuck) => unstuck.schedules.run(name, actor));
  showEnqueued(openScreen(options.output), enqueued, options);
  return EXIT.ok;
}

/** Deletes a schedule: exit code 3 when there is none. */
export async function remove(options: ScheduleChangeOptions, name: string): Promise<number> {
  const screen = openScreen(options.output);
  await withUnstuck(options, (unstuck) => unstuck.schedules.delete(name, actorOf(options)));
  if (screen.json) screen.value({ name, deleted: true });
  else
    screen.line(
      screen.tty ? `The schedule ${name} is deleted. Its jobs go on.` : `${name}\tdeleted`,
    );
  return EXIT.ok;
}

function actorOf({ reason }: ScheduleChangeOptions): {
  readonly by: string;
  readonly reason: string | undefined;
} {
  return { by: whoAmI(), reason };
}
