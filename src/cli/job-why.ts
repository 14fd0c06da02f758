/** `unstuck job why`: why a job is where it is, who holds it, and what happens next. */
import { snakeJson } from '../domain/json.ts';
import type { Check, Why } from '../domain/why-facts.ts';
import { EXIT } from './exit-codes.ts';
import { openScreen, type Screen } from './screen.ts';
import { type Globals, withUnstuck } from './session.ts';

/** Runs the command: exit code 3 when there is no such job. */
export async function jobWhy(options: Globals, id: string): Promise<number> {
  const screen = openScreen(options.output);
  const why = await withUnstuck(options, (unstuck) => unstuck.explain(id));
  if (screen.json) screen.value(snakeJson(why));
  else show(screen, why);
  return EXIT.ok;
}

function show(screen: Screen, why: Why): void {
  const { reason, action, next, finding } = why;
  const at = next.at === null ? '' : ` (at the latest ${screen.time(next.at, new Date())})`;
  fact(screen, 'state', why.late ? `${why.state} (late)` : why.state);
  fact(screen, 'why', reason);
  fact(screen, 'who acts', action);
  fact(screen, 'next', `${next.event}${at}`);
  if (finding !== null) fact(screen, 'finding', `${finding.reason}; ${finding.action}`);
  for (const { task, message, count } of why.sweepErrors)
    fact(screen, 'sweep', `${task} failed ${count} times on it: ${message}`);
  for (const check of why.checks)
    fact(screen, check.name, `${MARKS[markOf(check)]} ${check.detail}`);
}

const MARKS = { passed: 'passed:', waits: 'waits:', later: 'later:' } as const;

function markOf({ passed }: Check): keyof typeof MARKS {
  if (passed === null) return 'later';
  return passed ? 'passed' : 'waits';
}

function fact(screen: Screen, name: string, value: string): void {
  screen.line(
    screen.tty ? `${screen.paint(name.padEnd(12), 'gray')} ${value}` : `${name}\t${value}`,
  );
}
