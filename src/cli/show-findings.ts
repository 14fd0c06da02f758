/** Findings on the screen: what is late, why, and what happens next. */
import type { Finding } from '../engine/status.ts';
import type { Screen } from './screen.ts';

/** Writes one block for each finding for a person, one tab-separated line for a program. */
export function showFindings(screen: Screen, findings: readonly Finding[], now: Date): void {
  for (const finding of findings) {
    if (screen.tty) showBlock(screen, finding, now);
    else screen.table([], [findingRow(screen, finding, now)]);
  }
}

/** The cells of one finding. */
export function findingRow(screen: Screen, finding: Finding, now: Date): string[] {
  const { kind, subject, oldest, reason, action, nextLook } = finding;
  return [
    kind,
    subject,
    countOf(finding),
    screen.time(oldest, now),
    reason,
    action,
    screen.time(nextLook, now),
  ];
}

function showBlock(screen: Screen, finding: Finding, now: Date): void {
  const { kind, subject, oldest, reason, action, nextLook } = finding;
  const count = countOf(finding);
  const jobs =
    kind === 'schedule' || kind === 'bridge'
      ? `${kind} late: ${subject}`
      : `${count} ${count === '1' ? 'job' : 'jobs'} late: ${kind} ${subject}`;
  screen.line(`${screen.paint(jobs, 'yellow')}, the first since ${screen.time(oldest, now)}`);
  screen.line(`  why    ${reason}`);
  screen.line(`  next   ${action}`);
  screen.line(`  again  looked at ${screen.time(nextLook, now)}`);
}

/** The count of a group stops at 10,001. */
function countOf({ count }: Finding): string {
  return count > 10_000 ? '>10000' : String(count);
}
