/** `unstuck stuck`: what is past its deadline, why, and what happens next. */
import { snakeJson } from '../domain/json.ts';
import { EXIT } from './exit-codes.ts';
import { openScreen } from './screen.ts';
import { type Globals, withUnstuck } from './session.ts';
import { showFindings } from './show-findings.ts';

/** Runs the command: exit code 8 when anything is late. */
export async function stuck(options: Globals): Promise<number> {
  const screen = openScreen(options.output);
  const { findings, now } = await withUnstuck(options, async (unstuck) => ({
    findings: await unstuck.stuck(),
    now: (await unstuck.status()).now,
  }));
  if (screen.json) screen.value({ findings: snakeJson(findings) });
  else if (screen.tty && findings.length === 0)
    screen.line('Nothing is late: every live job has a deadline, and none has passed.');
  else showFindings(screen, findings, now);
  return findings.length > 0 ? EXIT.findings : EXIT.ok;
}
