/** `unstuck reset-stuck`: puts running jobs that have run for too long back into the queue. */
import { snakeJson } from '../domain/json.ts';
import { EXIT } from './exit-codes.ts';
import { openScreen } from './screen.ts';
import { type Globals, withUnstuck } from './session.ts';
import { whoAmI } from './who.ts';

/** After how long, and why. */
export interface ResetStuckOptions extends Globals {
  readonly timeoutMinutes: number;
  readonly reason?: string;
}

/** Runs the command: exit code 0 also when there was nothing to reset. */
export async function resetStuck(options: ResetStuckOptions): Promise<number> {
  const screen = openScreen(options.output);
  const actor = { by: whoAmI(), reason: options.reason };
  const result = await withUnstuck(options, (unstuck) =>
    unstuck.resetStuck(options.timeoutMinutes, actor),
  );
  if (screen.json) screen.value(snakeJson(result));
  else {
    for (const id of result.jobIds) screen.line(screen.tty ? `  ${id}` : `reset\t${id}`);
    screen.line(screen.tty ? result.message : `done\t${result.resetCount}\t${result.message}`);
  }
  return EXIT.ok;
}
