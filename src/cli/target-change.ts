/** `unstuck target pause`, `resume` and `probe`: says whether a remote worker is sent jobs, in the name of whoever runs the command, or asks it. */
import { snakeJson } from '../domain/json.ts';
import { EXIT } from './exit-codes.ts';
import type { PauseCommandOptions } from './queue-change.ts';
import { readTime } from './read-time.ts';
import { openScreen } from './screen.ts';
import { type Globals, withUnstuck } from './session.ts';
import { showTarget } from './target-look.ts';
import { whoAmI } from './who.ts';

/** Pauses a target: exit code 3 when there is none. */
export async function targetPause(options: PauseCommandOptions, name: string): Promise<number> {
  const screen = openScreen(options.output);
  const until = readTime(options.until, '--until');
  const { reason } = options;
  const pause = { reason, by: whoAmI(), ...(until === undefined ? {} : { until }) };
  showTarget(screen, await withUnstuck(options, (unstuck) => unstuck.targets.pause(name, pause)));
  return EXIT.ok;
}

/** Why a pause is ended. */
export interface TargetResumeOptions extends Globals {
  readonly reason?: string;
}

/** Ends the pause of a target: exit code 3 when there is none. */
export async function targetResume(options: TargetResumeOptions, name: string): Promise<number> {
  const screen = openScreen(options.output);
  const actor = { by: whoAmI(), reason: options.reason };
  showTarget(screen, await withUnstuck(options, (unstuck) => unstuck.targets.resume(name, actor)));
  return EXIT.ok;
}

/** Asks a target: exit code 8 when it does not answer as it should, 3 when there is none. */
export async function targetProbe(options: Globals, name: string): Promise<number> {
  const screen = openScreen(options.output);
  const probe = await withUnstuck(options, (unstuck) => unstuck.targets.probe(name));
  const { answered, message, target } = probe;
  if (screen.json) screen.value(snakeJson(probe));
  else if (screen.tty) screen.line(message);
  else screen.line([target.name, target.state, message].join('\t'));
  return answered === true ? EXIT.ok : EXIT.findings;
}
